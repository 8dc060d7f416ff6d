import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { assignNames } from '../../src/clients/assign-names.ts'
import { rejectionsOf } from '../../src/clients/build-registry.ts'
import { namesOf } from '../../src/clients/client-index.ts'
import { createRegistry, emptyRegistry } from '../../src/clients/registry.ts'
import type { Registry } from '../../src/clients/registry.ts'
import { applyAll, configOf, createCheck, entryOf, namesIn, shardInput, wholeRegistry } from './shards.ts'
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
  /** The API of its accepted version; undefined without one. */
  readonly accepted?: string | undefined
}

const wish = fc.record<Wish>({
  clientId: fc.constantFrom('own', 'own', 'a', 'b', 'urn:a'),
  api: fc.constantFrom(undefined, undefined, 'urn:a', 'urn:b', 'urn:c'),
  uid: fc.constantFrom('one', 'one', 'one', 'two'),
  createdAt: fc.integer({ min: 1, max: 3 }),
  secret: fc.constantFrom('old', 'new'),
  accepted: fc.constantFrom(undefined, undefined, 'urn:a', 'urn:b'),
})
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ key: fc.constantFrom(...keys), wish: fc.option(wish, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.constant('a replica starts' as const) },
)

const entryFor = (key: string, { clientId, api, accepted, ...rest }: Wish) =>
  entryOf(key, {
    uid: `${key} ${rest.uid}`,
    clientId: clientId === 'own' ? key.replace('/', '.') : clientId,
    createdAt: rest.createdAt,
    secrets: [rest.secret],
    desired: configOf({ generation: 2n, ...(api === undefined ? {} : { api }) }),
    accepted: accepted === undefined ? undefined : configOf({ api: accepted }),
  })

const wantedNames = (key: string, { clientId, api }: Wish): readonly string[] =>
  namesOf({ clientId: clientId === 'own' ? key.replace('/', '.') : clientId, api })

const servedIn = (registry: Registry) => new Map([...registry.clients.values()].map((one) => [keyOf(one), one]))

describe(assignNames.name, () => {
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
          const uidBefore = wishes.get(key)?.uid
          if (one.wish === undefined) wishes.delete(key)
          else wishes.set(key, one.wish)
          const before = servedIn(registry)
          const past = registry
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
          // an object that is created again has what the one before it had
          const blocked = registry.blocked.map(({ client }) => client)
          const { earlier } = registry.shards.get(shardOfKey(key))!
          expect(blocked, 'who has its names needs no earlier version').to.include.members([...earlier.keys()])
          expectOldest(past, registry, wishes, one.wish?.uid === uidBefore ? undefined : key)
        }
      }),
      { numRuns: propertyRuns(150) },
    )
  })

  it('K1 gives a free name to the oldest that waits, so that a replica that was there and one that starts agree', async () => {
    const late = fc.record({ createdAt: fc.integer({ min: 1, max: 3 }), isServed: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(late, { minLength: 2, maxLength: 5 }),
        fc.shuffledSubarray(keys, { minLength: 6 }),
        fc.boolean(),
        async (waiting, [first, ...others], isReversed) => {
          let seq = 0n
          const entriesOf = (isAsked: boolean, holds: boolean) => [
            ...(holds ? [entryOf(first!, { desired: configOf({ api: 'urn:y' }) })] : []),
            ...waiting.flatMap(({ createdAt, isServed }, at) => {
              const had = isServed ? configOf({ api: `urn:${at}` }) : undefined
              const desired = isAsked ? configOf({ api: 'urn:y', generation: 2n }) : had
              return desired ? [entryOf(others[at]!, { createdAt, desired, accepted: had })] : []
            }),
          ]
          const apply = async (entries: readonly ReturnType<typeof entryOf>[], start: Registry) => {
            const shards = [3, 5].map((shard) =>
              shardInput(
                shard,
                ++seq,
                entries.filter((entry) => shardOfKey(keyOf(entry)) === shard),
              ),
            )
            return (await applyAll(isReversed ? shards.toReversed() : shards, createCheck(), start)).registry
          }
          const seen = (registry: Registry) =>
            new Map([...servedIn(registry)].map(([key, client]) => [key, [...namesOf(client), client.version.config]]))
          let there = await apply(entriesOf(false, true), wholeRegistry())
          for (const holds of [true, false]) {
            const entries = entriesOf(true, holds)
            there = await apply(entries, there)
            expect(seen(there)).to.deep.equal(seen(await apply(entries, emptyRegistry())))
          }
        },
      ),
      { numRuns: propertyRuns(50) },
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

/** Whoever came to a name has waited for it, and nobody older could have had it.
 *  @param anew an object that is there for the first time */
function expectOldest(
  past: Registry,
  registry: Registry,
  wishes: ReadonlyMap<string, Wish>,
  anew: string | undefined,
): void {
  const [before, after] = [servedIn(past), servedIn(registry)]
  const holderIn = (of: Registry, name: string) => {
    const holder = of.clients.holder(name)
    return holder && keyOf(holder)
  }
  const isServed = (key: string) => {
    const client = after.get(key)
    return client !== undefined && namesOf(client).join() === wantedNames(key, wishes.get(key)!).join()
  }
  for (const [key, client] of after) {
    const hadNames = namesOf(before.get(key) ?? { clientId: key })
    // in a circle each gives what the next one takes
    const isInCircle = hadNames.some((name) => ![undefined, key].includes(holderIn(registry, name)))
    if (key === anew || isInCircle) continue
    const came = namesOf(client).filter((name) => holderIn(past, name) !== key)
    for (const [other, asks] of wishes) {
      const wants = wantedNames(other, asks)
      const lacking = wants.filter((name) =>
        [past, registry].some((of) => ![undefined, other].includes(holderIn(of, name))),
      )
      if (other === key || isServed(other) || lacking.length !== 1 || !came.includes(lacking[0]!)) continue
      const age = ({ createdAt, uid }: { createdAt: number; uid: string }) => [createdAt, uid] as const
      const [mine, others] = [age(client), age({ createdAt: asks.createdAt, uid: `${other} ${asks.uid}` })]
      const isOlder = mine[0] < others[0] || (mine[0] === others[0] && mine[1] < others[1])
      expect(isServed(key) && isOlder, `${key} has ${lacking[0]} before ${other}`).to.equal(true)
    }
  }
}

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
    const earlier = asks.accepted === undefined ? [] : wantedNames(key, { ...asks, api: asks.accepted })
    if (earlier.length > 0 && !client) {
      const taken = earlier.filter((name) => registry.clients.holder(name) !== undefined)
      expect(taken, `nothing is served of ${key}`).to.not.deep.equal([])
    }
    const holders = wanted.flatMap((name) => registry.clients.holder(name) ?? []).map(keyOf)
    const rivals = holders.filter((holder) => holder !== key)
    expect(rivals, `${key} waits for somebody`).to.not.deep.equal([])
    expect(rivals.some((rival) => conflicts.get(key)!.message.endsWith(rival))).to.equal(true)
  }
  for (const key of served.keys()) expect(wishes.has(key), `${key} is gone`).to.equal(true)
}
