import { expect } from 'chai'
import { shardFile } from '@nauthera/proto/names'
import { parseShard } from '../../src/mount/parse-files.ts'
import { StreamOutbox } from '../../src/push/outbox.ts'
import type { HeldShards, Ref } from '../../src/snapshot.ts'
import { buildVolume } from '@nauthera/harness/agent/make-shards'

const shardOf = (index: number, seq: bigint) => parseShard(index, buildVolume([], { seq }).files.get(shardFile(index))!)
const [one, two, newer] = [shardOf(1, 5n), shardOf(2, 5n), shardOf(1, 6n)]
const hold = (...shards: ReturnType<typeof shardOf>[]): HeldShards => ({
  shards: new Map(shards.map((shard) => [shard.ref.shard, shard])),
  manifest: undefined,
})
const liveOf = (...refs: Ref[]) => new Map(refs.map((ref) => [ref.shard, ref]))
const nothing = liveOf()

describe('Outbox', () => {
  let outbox: StreamOutbox
  const missing = (held: HeldShards, live = nothing) =>
    outbox.missing(held, live).map(({ ref }) => [ref.shard, ref.seq])
  const send = (shard: ReturnType<typeof shardOf>, at = 0) => outbox.sent({ kind: 'shard', shard, base: undefined, at })
  beforeEach(() => {
    outbox = new StreamOutbox()
  })

  it('sends what the server lacks or has in an older version, and nothing that is older than what it has', () => {
    expect(missing(hold(one, two))).to.deep.equal([
      [1, 5n],
      [2, 5n],
    ])
    expect(missing(hold(one, two), liveOf(one.ref))).to.deep.equal([[2, 5n]])
    expect(missing(hold(newer), liveOf(one.ref))).to.deep.equal([[1, 6n]])
    expect(missing(hold(one), liveOf(newer.ref))).to.deep.equal([])
    const other = { ...one.ref, digest: 'f'.repeat(64) }
    expect(missing(hold(one), liveOf(other)), 'another content under the same seq').to.deep.equal([[1, 5n]])
  })

  it('sends a shard once while its answer is awaited, and a newer version of it at once', () => {
    const nonce = send(one)
    expect(missing(hold(one))).to.deep.equal([])
    expect(missing(hold(newer))).to.deep.equal([[1, 6n]])
    expect(outbox.accepted(nonce)).to.include({ kind: 'shard', shard: one })
    expect(outbox.accepted(nonce), 'an answer counts once').to.equal(undefined)
  })

  it('does not send again what was refused, but the next version', () => {
    expect(outbox.refused(send(one))).to.include({ kind: 'shard', shard: one })
    expect(missing(hold(one, two))).to.deep.equal([[2, 5n]])
    expect(missing(hold(newer))).to.deep.equal([[1, 6n]])
  })

  it('sends a manifest again after it was refused as soon as another shard is live', () => {
    const complete = (digest: string) => outbox.sent({ kind: 'manifest', digest, at: 0 })
    expect(outbox.mayComplete('m')).to.equal(true)
    const nonce = complete('m')
    expect(outbox.mayComplete('m'), 'its answer is awaited').to.equal(false)
    outbox.refused(nonce)
    expect(outbox.mayComplete('m')).to.equal(false)
    expect(outbox.mayComplete('another')).to.equal(true)
    outbox.accepted(send(one))
    expect(outbox.mayComplete('m')).to.equal(true)
  })

  it('counts the answer to the newest of two manifests alone', () => {
    const [first, second] = ['m', 'n'].map((digest) => outbox.sent({ kind: 'manifest', digest, at: 0 }))
    expect(outbox.accepted(first!)).to.equal(undefined)
    expect(outbox.accepted(second!)).to.include({ kind: 'manifest', digest: 'n' })
  })

  it('knows since when it waits', () => {
    expect(outbox.oldestAt()).to.equal(Infinity)
    const nonce = send(one, 10)
    outbox.sent({ kind: 'manifest', digest: 'm', at: 20 })
    expect(outbox.oldestAt()).to.equal(10)
    outbox.accepted(nonce)
    expect(outbox.oldestAt()).to.equal(20)
  })
})
