import { gzipSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { ManifestSchema, NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import { maxShardBytes } from '@nauthera/proto/shard-file'
import { expect } from 'chai'
import { missingOf, planShard } from '../../src/clients/check-shard.ts'
import { applyAll, changedOf, configOf, entryOf, mounted, namesIn, sha256, shardInput, spread } from './shards.ts'
import type { TestShard } from './shards.ts'

const [first, second] = namesIn(3, 2) as [string, string]
const [foreign] = namesIn(5, 1) as [string]
const good = shardInput(3, 1n, [entryOf(first), entryOf(second)])
const damaged = (change: (entry: ReturnType<typeof entryOf>) => void): TestShard => {
  const entry = entryOf(first)
  change(entry)
  return { ...good, entries: [entry, entryOf(second)] }
}

describe(planShard.name, () => {
  const whole = mounted(good)
  const planOf = (ref: Partial<typeof whole.ref>, file: Uint8Array = whole.file) =>
    planShard({ ...whole.ref, ...ref }, file, undefined)

  it('applies a shard', async () => {
    expect(await planOf({})).to.deep.equal({ kind: 'apply', clients: good.entries.map(changedOf) })
  })

  it('keeps a client whose line is as before, and looks into the one that changed', async () => {
    const { registry } = await applyAll([whole])
    const changed = entryOf(first, { desired: configOf({ clientName: 'renamed', generation: 2n }) })
    const next = mounted(shardInput(3, 2n, [changed, entryOf(second)]))
    const planned = await planShard(next.ref, next.file, registry.shards.get(3))
    expect(planned.kind === 'apply' && planned.clients.map(({ kind }) => kind)).to.deep.equal(['changed', 'kept'])
  })

  it('looks again into a client that is served in an earlier version', async () => {
    const bad = entryOf(first, { desired: configOf({ clientName: 'bad', generation: 2n }) })
    const { registry } = await applyAll([good, shardInput(3, 2n, [bad, entryOf(second)])])
    const next = mounted(shardInput(3, 3n, [bad, entryOf(second)]))
    const plan = await planShard(next.ref, next.file, registry.shards.get(3))
    expect(plan.kind === 'apply' && plan.clients.map(({ kind }) => kind)).to.deep.equal(['changed', 'kept'])
  })

  it('finds what is live to be the same without a look into the file', async () => {
    const { registry } = await applyAll([whole])
    expect(await planShard(whole.ref, Buffer.from('damaged'), registry.shards.get(3))).to.deep.equal({ kind: 'same' })
  })

  const newer = gzipSync(JSON.stringify({ schema: 9, shard: 3, shardCount, seq: '1' }))
  const other = mounted(shardInput(3, 7n, good.entries))
  const refusals: [string, Partial<typeof whole.ref>, Uint8Array, NackReason, string][] = [
    ['F14 a cut file', {}, whole.file.subarray(0, 40), NackReason.UNREADABLE, 'unexpected end'],
    ['F14 no file', {}, new Uint8Array(), NackReason.UNREADABLE, 'unexpected end'],
    ['K8 a gzip bomb', {}, gzipSync(Buffer.alloc(maxShardBytes + 1)), NackReason.UNREADABLE, 'larger than'],
    ['a file of a later schema', {}, newer, NackReason.SCHEMA, 'schema 9'],
    ['F14 a file of another digest', { digest: sha256('x') }, whole.file, NackReason.UNREADABLE, 'digest'],
    ['F14 a file of another seq', { digest: other.ref.digest }, other.file, NackReason.UNREADABLE, 'seq 7'],
  ]
  for (const [sentence, ref, file, reason, text] of refusals) {
    it(`refuses ${sentence}`, async () => {
      const plan = await planOf(ref, file)
      expect(plan).to.include({ kind: 'refused', reason })
      expect(plan.kind === 'refused' && plan.text).to.include(text)
    })
  }

  it('finds nothing wrong with a shard as the operator writes it, the empty one included', async () => {
    const empty = mounted(shardInput(3, 1n, []))
    expect(await planShard(empty.ref, empty.file, undefined)).to.deep.equal({ kind: 'apply', clients: [] })
  })

  const faults: [string, TestShard, string][] = [
    ['K8 refuses a shard that is none', { ...good, ref: { ...good.ref, shard: shardCount } }, 'outside'],
    ['K8 refuses a missing seq', { ...good, ref: { ...good.ref, seq: 0n } }, 'seq is missing'],
    ['K8 refuses a missing digest', { ...good, ref: { ...good.ref, digest: '' } }, 'digest'],
    ['F14 refuses a foreign shard', { ...good, entries: [entryOf(foreign)] }, 'belongs to another shard'],
    ['F14 refuses a client that is there twice', { ...good, entries: [entryOf(first), entryOf(first)] }, 'twice'],
    ['F14 refuses a client without a uid', damaged((entry) => (entry.uid = '')), 'lacks'],
    ['F14 refuses a client without an id', damaged((entry) => (entry.clientId = '')), 'lacks'],
    ['F14 refuses a cut verifier', damaged((entry) => (entry.verifiers[0]!.sha256 = 'ab')), 'damaged verifier'],
    [
      'K12 refuses a verifier that is no hash, such as a secret',
      damaged((entry) => (entry.verifiers[0]!.sha256 = 'A'.repeat(64))),
      'damaged',
    ],
    ['F14 refuses a verifier under another id', damaged((entry) => (entry.verifiers[0]!.id = '00000000')), 'damaged'],
  ]
  for (const [sentence, shard, text] of faults) {
    it(sentence, async () => {
      const { ref, file } = mounted(shard)
      const { digest } = shard.ref
      const plan = await planShard({ ...shard.ref, digest: digest === '' ? digest : ref.digest }, file, undefined)
      expect(plan.kind === 'refused' && plan.text)
        .to.be.a('string')
        .and.include(text)
    })
  }
})

describe(`${planShard.name}, by the name of the shard`, () => {
  const live = {
    ref: { shard: 3, seq: 10n, digest: sha256('a') },
    clients: [],
    byDigest: new Map(),
    earlier: new Map(),
    rejected: [],
  }
  const outcomeOf = async (ref: typeof live.ref, before: typeof live | undefined) => {
    const plan = await planShard(ref, Buffer.from('damaged'), before)
    if (plan.kind !== 'refused') return plan.kind
    return plan.reason === NackReason.STALE ? 'stale' : 'newer, so that the file is looked into'
  }
  const cases: [string, Partial<typeof live.ref>, string][] = [
    ['an older seq is stale', { seq: 9n }, 'stale'],
    ['a newer seq is newer', { seq: 11n, digest: sha256('b') }, 'newer, so that the file is looked into'],
    ['the same again is the same', {}, 'same'],
    [
      'another content under the same seq is newer: the manifest named it',
      { digest: sha256('b') },
      'newer, so that the file is looked into',
    ],
  ]
  for (const [sentence, change, expected] of cases) {
    it(sentence, async () => expect(await outcomeOf({ ...live.ref, ...change }, live)).to.equal(expected))
  }
  it('anything is newer than nothing', async () =>
    expect(await outcomeOf(live.ref, undefined)).to.equal('newer, so that the file is looked into'))
})

describe(missingOf.name, () => {
  const shards = spread(5n, 40, (key) => entryOf(key))
  const manifestOf = (
    change: (shards: { shard: number; seq: bigint; digest: string; count: number }[]) => unknown = () => 0,
  ) => {
    const named = shards.map(({ ref, entries }) => ({
      shard: ref.shard,
      seq: ref.seq,
      digest: ref.digest,
      count: entries.length,
    }))
    change(named)
    return create(ManifestSchema, { shardCount, shards: named, total: 40 })
  }

  it('finds nothing missing when every shard is live, or further on', async () => {
    const { registry } = await applyAll(shards)
    expect(missingOf(manifestOf(), registry)).to.equal(undefined)
    expect(
      missingOf(
        manifestOf((named) => (named[3]!.seq = 4n)),
        registry,
      ),
    ).to.equal(undefined)
  })

  it('says what is missing', async () => {
    const { registry: partial } = await applyAll(shards.slice(1))
    expect(missingOf(manifestOf(), partial)).to.include('shard 0 has not come')
    const { registry } = await applyAll(shards)
    expect(
      missingOf(
        manifestOf((named) => (named[3]!.seq = 6n)),
        registry,
      ),
    ).to.include('shard 3 is at 5')
    expect(
      missingOf(
        manifestOf((named) => (named[3]!.digest = sha256('x'))),
        registry,
      ),
    ).to.include('another content')
    expect(
      missingOf(
        manifestOf((named) => named.pop()),
        registry,
      ),
    ).to.include('15 shards of 16')
    expect(
      missingOf(
        manifestOf((named) => (named[4]!.shard = 3)),
        registry,
      ),
    ).to.include('wrongly')
    expect(missingOf(create(ManifestSchema, {}), registry)).to.include('0 shards')
  })
})
