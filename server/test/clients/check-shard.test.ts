import { create } from '@bufbuild/protobuf'
import { ManifestSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import { expect } from 'chai'
import { compareRefs, faultOfShard, missingOf } from '../../src/clients/check-shard.ts'
import type { ShardInput } from '../../src/clients/build-registry.ts'
import { applyAll, entryOf, namesIn, sha256, shardInput, spread } from './shards.ts'

const [first, second] = namesIn(3, 2) as [string, string]
const [foreign] = namesIn(5, 1) as [string]
const good = shardInput(3, 1n, [entryOf(first), entryOf(second)])
const damaged = (change: (entry: ReturnType<typeof entryOf>) => void): ShardInput => {
  const entry = entryOf(first)
  change(entry)
  return { ...good, clients: [entry, entryOf(second)] }
}

describe(faultOfShard.name, () => {
  it('finds nothing wrong with a shard as the operator writes it, the empty one included', () => {
    expect(faultOfShard(good.ref, good.clients)).to.equal(undefined)
    expect(faultOfShard(good.ref, [])).to.equal(undefined)
  })

  const faults: [string, ShardInput, string][] = [
    ['K8 refuses an epoch of before', { ...good, ref: { ...good.ref, epoch: 0 } }, 'epoch 0'],
    ['K8 refuses a shard that is none', { ...good, ref: { ...good.ref, shard: shardCount } }, 'outside'],
    ['K8 refuses a missing seq', { ...good, ref: { ...good.ref, seq: 0n } }, 'seq is missing'],
    ['K8 refuses a missing digest', { ...good, ref: { ...good.ref, digest: '' } }, 'no'],
    ['F14 refuses a foreign shard', { ...good, clients: [entryOf(foreign)] }, 'belongs to another shard'],
    ['F14 refuses a client that is there twice', { ...good, clients: [entryOf(first), entryOf(first)] }, 'twice'],
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
    it(sentence, () => {
      const fault = faultOfShard(shard.ref, shard.clients)
      expect(fault).to.be.a('string')
      if (text !== 'no') expect(fault).to.include(text)
    })
  }
})

describe(compareRefs.name, () => {
  const live = { ref: { epoch: 2, shard: 3, seq: 10n, digest: sha256('a') }, clients: [], rejected: [] }
  const cases: [string, Partial<typeof live.ref>, string][] = [
    ['an older seq is stale', { seq: 9n }, 'stale'],
    ['an older epoch is stale, whatever its seq', { epoch: 1, seq: 99n }, 'stale'],
    ['a newer seq is newer', { seq: 11n, digest: sha256('b') }, 'newer'],
    ['a newer epoch is newer, whatever its seq', { epoch: 3, seq: 1n }, 'newer'],
    ['the same again is the same', {}, 'same'],
    ['another content under the same seq is newer: the manifest named it', { digest: sha256('b') }, 'newer'],
  ]
  for (const [sentence, change, expected] of cases) {
    it(sentence, () => expect(compareRefs(live, { ...live.ref, ...change })).to.equal(expected))
  }
  it('anything is newer than nothing', () => expect(compareRefs(undefined, live.ref)).to.equal('newer'))
})

describe(missingOf.name, () => {
  const shards = spread(5n, 40, (key) => entryOf(key))
  const manifestOf = (
    change: (shards: { shard: number; seq: bigint; digest: string; count: number }[]) => unknown = () => 0,
  ) => {
    const named = shards.map(({ ref, clients }) => ({
      shard: ref.shard,
      seq: ref.seq,
      digest: ref.digest,
      count: clients.length,
    }))
    change(named)
    return create(ManifestSchema, { epoch: 1, shardCount, shards: named, total: 40 })
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
