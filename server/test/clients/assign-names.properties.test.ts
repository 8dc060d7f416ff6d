import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { assignNames } from '../../src/clients/assign-names.ts'
import { rejectionsOf } from '../../src/clients/build-registry.ts'
import { namesOf } from '../../src/clients/client-index.ts'
import { createRegistry, emptyRegistry } from '../../src/clients/registry.ts'
import type { Registry } from '../../src/clients/registry.ts'
import { applyAll, configOf, createCheck, entryOf, namesIn, shardInput } from './shards.ts'
import type { TestShard } from './shards.ts'

// Names go from one client to another: an identifier, a client id, there and back, in chains and in circles, over two shards that come in
// any order, with replicas that start meanwhile.

const keys = [...namesIn(3, 3), ...namesIn(5, 3)]
const shardOfKey = (key: string) => (keys.indexOf(key) < 3 ? 3 : 5)
const keyOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`

/** What an object asks for. */
interface Wish {
  readonly clientId: string
  readonly api: string | undefined
  readonly uid: string
  readonly createdAt: number
  readonly secret: string
}

const wish = fc.record<Wish>({
  clientId: fc.constantFrom('own', 'own', 'a', 'b', 'urn:a'),
  api: fc.constantFrom(undefined, undefined, 'urn:a', 'urn:b', 'urn:c'),
  uid: fc.constantFrom('one', 'one', 'one', 'two'),
  createdAt: fc.integer({ min: 1, max: 3 }),
  secret: fc.constantFrom('old', 'new'),
})
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ key: fc.constantFrom(...keys), wish: fc.option(wish, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.constant('a replica starts' as const) },
)

const entryFor = (key: string, { clientId, api, ...rest }: Wish) =>
  entryOf(key, {
    uid: `${key} ${rest.uid}`,
    clientId: clientId === 'own' ? key.replace('/', '.') : clientId,
    createdAt: rest.createdAt,
    secrets: [rest.secret],
    desired: configOf(api === undefined ? {} : { api }),
  })

const wantedNames = (key: string, { clientId, api }: Wish): readonly string[] =>
  namesOf({ clientId: clientId === 'own' ? key.replace('/', '.') : clientId, api })

const servedIn = (registry: Registry) => new Map([...registry.clients.values()].map((one) => [keyOf(one), one]))

describe(assignNames.name, function () {
  this.timeout(30_000 * propertyRuns(1))

  it('K1 takes nobody out of service: a name stays with who is served under it, and is never idle while somebody waits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async (steps) => {
        const wishes = new Map<string, Wish>()
        let seq = 0n
        const shardNow = (shard: number): TestShard =>
          shardInput(
            shard,
            ++seq,
            [...wishes].filter(([key]) => shardOfKey(key) === shard).map(([key, one]) => entryFor(key, one)),
          )
        const startAnew = async () => {
          const { registry } = await applyAll([shardNow(3), shardNow(5)], createCheck(), emptyRegistry())
          return createRegistry({ ...registry, isWhole: true })
        }
        let registry = await startAnew()
        for (const one of steps) {
          if (one === 'a replica starts') {
            registry = await startAnew()
            expectFair(registry, wishes)
            continue
          }
          const { key } = one
          if (one.wish === undefined) wishes.delete(key)
          else wishes.set(key, one.wish)
          const before = servedIn(registry)
          registry = (await applyAll([shardNow(shardOfKey(key))], createCheck(), registry)).registry
          const after = servedIn(registry)
          for (const [other, client] of before) {
            const asks = wishes.get(other)
            const isSame = asks !== undefined && client.uid === `${other} ${asks.uid}`
            const now = after.get(other)
            if (isSame) expect(now, `${other} is still served`).to.not.equal(undefined)
            for (const name of namesOf(client)) {
              const holder = registry.clients.holder(name)
              if (!isSame || holder === undefined || keyOf(holder) === other) continue
              // it has moved on, to all that it asks for
              expect([...namesOf(now!)].toSorted()).to.deep.equal([...wantedNames(other, asks)].toSorted())
            }
          }
          expectFair(registry, wishes)
        }
      }),
      { numRuns: propertyRuns(150) },
    )
  })

  it('K1 gives each what it asks for once no two ask for one name, whatever chains and circles they moved in', async () => {
    const distinct = fc
      .tuple(fc.shuffledSubarray(['a', 'b', 'urn:a', 'urn:b', 'x', 'y'], { minLength: 6 }), fc.shuffledSubarray(keys))
      .map(
        ([names, order]) =>
          new Map(
            order.map((key, index) => [
              key,
              { clientId: names[index]!, uid: 'one', createdAt: index, secret: 's', api: undefined },
            ]),
          ),
      )
    await fc.assert(
      fc.asyncProperty(fc.array(distinct, { minLength: 2, maxLength: 4 }), fc.boolean(), async (worlds, isReversed) => {
        let registry = createRegistry({ ...emptyRegistry(), isWhole: true })
        let seq = 0n
        for (const wishes of worlds) {
          const shards = [3, 5].map((shard) =>
            shardInput(
              shard,
              ++seq,
              [...wishes].filter(([key]) => shardOfKey(key) === shard).map(([key, one]) => entryFor(key, one)),
            ),
          )
          registry = (await applyAll(isReversed ? shards.toReversed() : shards, createCheck(), registry)).registry
          expect(rejectionsOf(registry)).to.deep.equal([])
          expect(new Map([...registry.clients.values()].map((one) => [keyOf(one), one.clientId]))).to.deep.equal(
            new Map([...wishes].map(([key, { clientId }]) => [key, clientId])),
          )
        }
      }),
      { numRuns: propertyRuns(50) },
    )
  })
})

/** One name, one client; who waits is told whom for, and is served with the secrets of today meanwhile. */
function expectFair(registry: Registry, wishes: ReadonlyMap<string, Wish>): void {
  const served = servedIn(registry)
  expect(registry.size).to.equal(served.size)
  const conflicts = new Map(rejectionsOf(registry).map((one) => [keyOf(one), one]))
  for (const [key, asks] of wishes) {
    const client = served.get(key)
    if (client)
      expect(client.verifiers.map(({ id }) => id)).to.deep.equal(entryFor(key, asks).verifiers.map(({ id }) => id))
    const wanted = wantedNames(key, asks)
    const isServedSo = client !== undefined && namesOf(client).join() === wanted.join()
    expect(conflicts.has(key), `${key} waits`).to.equal(!isServedSo)
    if (isServedSo) continue
    const holders = wanted.flatMap((name) => registry.clients.holder(name) ?? []).map(keyOf)
    const rivals = holders.filter((holder) => holder !== key)
    expect(rivals, `${key} waits for somebody`).to.not.deep.equal([])
    expect(rivals.some((rival) => conflicts.get(key)!.message.endsWith(rival))).to.equal(true)
  }
  for (const key of served.keys()) expect(wishes.has(key), `${key} is gone`).to.equal(true)
}
