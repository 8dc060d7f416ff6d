import { decodeManifest } from '@nauthera/proto/digest'
import { manifestFile } from '@nauthera/proto/names'
import { expect } from 'chai'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import {
  manifestWaitMs,
  noManifest,
  onManifestBegun,
  onManifestFailed,
  onManifestRead,
  onManifestStale,
  onManifestWritten,
  planManifest,
} from '../../src/shards/manifest-state.ts'
import { secretOfFile } from '../../src/shards/shard-secret.ts'

const shards = [
  { shard: 1, seq: 5n, digest: 'b'.repeat(64), count: 2 },
  { shard: 0, seq: 4n, digest: 'a'.repeat(64), count: 1 },
]
const signedBy = new Uint8Array(32)
const plan = planManifest(shards, signedBy, undefined)!
const secretWith = (bytes: Uint8Array): SecretObject => {
  const { namespace, name, data } = secretOfFile({
    namespace: 'auth',
    name: 'm',
    file: manifestFile,
    bytes,
    digest: '',
  })
  return { metadata: { namespace, name }, data: { ...data } }
}

describe('planManifest', () => {
  it('names each shard in order, and the total', () => {
    expect(plan.manifest.shards.map(({ shard }) => shard)).to.deep.equal([0, 1])
    expect(plan.manifest).to.include({ total: 3, shardCount: 16 })
  })
  it('is not written again when it says the same', () => {
    expect(planManifest(shards.toReversed(), signedBy, decodeManifest(plan.file).manifest)).to.equal(undefined)
  })
})

describe('manifestWaitMs', () => {
  const at = (now: number, isBusy = false) => ({ now, isBusy, busyWaitMs: 250 })
  const stale = onManifestStale(noManifest, 1_000)

  it('has nothing to wait for while there is nothing to say', () => {
    expect(manifestWaitMs(noManifest, at(1_000))).to.equal(undefined)
    expect(manifestWaitMs(onManifestBegun(stale), at(1_000))).to.equal(undefined)
  })
  it('writes at once when no shard is being written', () => {
    expect(manifestWaitMs(stale, at(1_000))).to.be.at.most(0)
  })
  it('waits for shards that are being written, counted from the first of them', () => {
    const later = onManifestStale(stale, 1_200)
    expect(manifestWaitMs(later, at(1_200, true))).to.equal(50)
    expect(manifestWaitMs(later, at(1_250, true))).to.equal(0)
  })
  it('tries again after the wait when a write has failed', () => {
    expect(manifestWaitMs(onManifestFailed(onManifestBegun(stale), 1_000, 800), at(1_300))).to.equal(500)
  })
})

describe('onManifestRead', () => {
  it('takes what is stored', () => {
    const secret = secretWith(plan.file)
    expect(onManifestRead(noManifest, secret)).to.deep.include({ secret, digest: plan.digest, content: plan.manifest })
  })
  for (const [what, secret] of [
    ['none', undefined],
    ['a damaged one', secretWith(Buffer.from('x'))],
  ] as const) {
    it(`counts ${what} as lost`, () => {
      const known = onManifestRead(noManifest, secretWith(plan.file))
      expect(onManifestRead(known, secret)).to.include({ secret, digest: '', content: undefined })
    })
  }
  it('ends the doubt that a failed write has left', () => {
    const failed = onManifestFailed(noManifest, 0, 800)
    expect(failed.doubtful).to.equal(true)
    expect(onManifestRead(failed, undefined)).to.include({ doubtful: false, dirtySince: 0 })
  })
})

describe('onManifestWritten', () => {
  it('keeps what became stale while it was being written', () => {
    const stale = onManifestStale(onManifestBegun(onManifestStale(noManifest, 1_000)), 2_000)
    const next = onManifestWritten(stale, { ...plan, secret: secretWith(plan.file) })
    expect(next).to.include({ digest: plan.digest, dirtySince: 2_000 })
  })
})
