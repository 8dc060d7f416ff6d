import { parseVersion } from '@nauthera/proto/client-version'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { buildRegistry, movedStandings, rejectionsOf } from '../../src/clients/build-registry.ts'
import { planShard } from '../../src/clients/check-shard.ts'
import { accountsSinceOf, grantedOf } from '../../src/clients/registered-client.ts'
import { emptyRegistry } from '../../src/clients/registry.ts'
import type { Rejection } from '../../src/clients/registry.ts'
import { systemClocks } from '../../src/clients/verifiers.ts'
import {
  applyAll,
  configOf,
  createCheck,
  entryOf,
  inputOf,
  mounted,
  namesIn,
  shardInput,
  wholeRegistry,
} from './shards.ts'

const keys = [...namesIn(3, 4), ...namesIn(5, 4)]
const shardOfKey = (key: string) => (keys.indexOf(key) < 4 ? 3 : 5)

/** What the operator may write of one client. */
const client = fc.record({
  key: fc.constantFrom(...keys),
  name: fc.constantFrom('good', 'other', 'bad', 'throws', undefined),
  accepted: fc.constantFrom('good', 'earlier', undefined),
  uid: fc.constantFrom('one', 'two'),
  secret: fc.constantFrom('old', 'new'),
  granted: fc.constantFrom(undefined, [], ['read'], ['read', 'write']),
  clientId: fc.constantFrom('own', 'own', 'own', 'shared'),
  since: fc.constantFrom(undefined, 1_000, 2_000),
  restraint: fc.constantFrom<MessageInitShape<typeof RestraintSchema> | undefined>(
    undefined,
    undefined,
    { suspended: true },
    { allowedGroups: ['staff'] },
    { leastAcr: 'urn:nauthera:mfa' },
    { exclusive: true },
  ),
})
const push = fc.record({
  shard: fc.constantFrom(3, 5),
  seq: fc.integer({ min: 1, max: 30 }),
  clients: fc.uniqueArray(client, { selector: ({ key }) => key, maxLength: 5 }),
})
const inOrder = (rejections: readonly Rejection[]): string[] =>
  rejections
    .map(({ shard, namespace, name, code, message }) => [shard, namespace, name, code, message].join(' '))
    .toSorted()
const named = (clientName: string | undefined) => (clientName === undefined ? undefined : configOf({ clientName }))

describe(`${buildRegistry.name}, whatever comes`, () => {
  it('holds after any pushes: nothing foreign, nothing torn, nobody lost but by a newer shard', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(push, { maxLength: 12 }), async (pushes) => {
        let registry = wholeRegistry()
        /** What an agent knows that hears nothing but the answers. */
        const told = new Map<number, readonly Rejection[]>()
        for (const { shard, seq, clients } of pushes) {
          const entries = clients
            .filter(({ key }) => shardOfKey(key) === shard)
            .map((about) =>
              entryOf(about.key, {
                uid: about.uid,
                clientId: about.clientId === 'shared' ? 'shared' : about.key.replace('/', '.'),
                desired: named(about.name),
                accepted: named(about.accepted),
                secrets: [about.secret],
                granted: about.granted,
                restraint: about.restraint,
                since: about.since,
              }),
            )
          const { ref, file } = mounted(shardInput(shard, BigInt(seq), entries))
          const before = registry
          const plan = await planShard(ref, file, before.shards.get(shard))
          if (plan.kind === 'refused' && plan.reason !== NackReason.STALE) throw new Error(plan.text)
          if (plan.kind !== 'apply') continue
          const needs = { checkClient: createCheck(), clocks: systemClocks }
          const built = await buildRegistry(before, { ref, clients: plan.clients }, needs)
          registry = built.registry

          // whoever only hears the answers knows at each moment what is refused, in every shard
          told.set(shard, built.rejected)
          for (const other of movedStandings(before, registry, shard)) told.set(other.shard, other.rejected)
          expect(inOrder([...told.values()].flat())).to.deep.equal(inOrder(rejectionsOf(registry)))

          // every client of the other shard that was live still is, as the same object, but for one that has its name at last
          const waited = new Set(before.blocked.map(({ served }) => served))
          for (const known of before.clients.values()) {
            if (known.shard !== shard && !waited.has(known)) expect(registry.find(known.clientId)).to.equal(known)
          }
          const serving = new Map(
            [...registry.shards.values()]
              .flatMap((one) => one.clients)
              .map((one) => [`${one.namespace}/${one.name}`, one]),
          )
          for (const entry of entries) {
            const key = `${entry.namespace}/${entry.name}`
            const served = serving.get(key)
            const [desired, accepted] = [entry.desired, entry.accepted].map(
              (version) => version && parseVersion(version),
            )
            const usable = desired?.clientName !== 'bad' && desired?.clientName !== 'throws'
            const old = [...before.clients.values()].find((one) => `${one.namespace}/${one.name}` === key)
            const isSameObject = old?.uid === entry.uid && old.clientId === entry.clientId
            const live = isSameObject && !entry.restraint?.exclusive ? old : undefined
            const expected =
              desired && usable ? desired.clientName : ((desired && live?.config.clientName) ?? accepted?.clientName)
            expect(served?.config.clientName).to.equal(expected)
            // whatever became of the version, the verifiers and the access to APIs are today's
            if (served) expect(served.verifiers.map(({ id }) => id)).to.deep.equal(entry.verifiers.map(({ id }) => id))
            if (served) expect(served.granted).to.deep.equal(grantedOf(entry.granted))
            if (served) expect(served.accountsSince).to.deep.equal(accountsSinceOf(entry))
            // a stop holds for what is served, whatever that is
            expect(served?.config.suspended ?? false).to.equal(
              served !== undefined && entry.restraint?.suspended === true,
            )
            if (served) {
              expect(served.config.allowedGroups).to.deep.equal(entry.restraint?.allowedGroups ?? [])
              expect(served.config.requiredAcr).to.deep.equal([entry.restraint?.leastAcr].filter(Boolean))
            }
            const refused = built.rejected.some(
              (one) => `${one.namespace}/${one.name}` === key && one.code !== 'CLIENT_ID_CONFLICT',
            )
            expect(refused).to.equal(desired !== undefined && !usable)
          }
          // nobody of this shard is served who is not in it
          const inShard = new Set(entries.map((entry) => `${entry.namespace}/${entry.name}`))
          for (const [key, one] of serving) if (one.shard === shard) expect(inShard.has(key)).to.equal(true)
          // one id, one client; whoever waits for an id is reported and has none
          for (const one of registry.clients.values()) expect(registry.find(one.clientId)).to.equal(one)
          expect(registry.size).to.equal([...registry.clients.values()].length)
          const conflicts = rejectionsOf(registry).filter(({ code }) => code === 'CLIENT_ID_CONFLICT')
          expect(conflicts).to.have.length(registry.blocked.length)
          for (const { client: one } of registry.blocked) expect(registry.find(one.clientId)).to.not.equal(one)
        }
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  it('gives the same registry for the same shards, in whatever order the shards come', async () => {
    const anyShard = (shard: number) =>
      fc.uniqueArray(client, { selector: ({ key }) => key, maxLength: 4 }).map((clients) => {
        const mine = clients.filter(({ key }) => shardOfKey(key) === shard)
        return shardInput(
          shard,
          1n,
          mine.map(({ key, name, accepted }) => entryOf(key, { desired: named(name), accepted: named(accepted) })),
        )
      })
    await fc.assert(
      fc.asyncProperty(anyShard(3), anyShard(5), async (one, other) => {
        const applied = async (...shards: (typeof one)[]) => {
          let registry = emptyRegistry()
          for (const shard of shards) {
            registry = (
              await buildRegistry(registry, inputOf(shard), { checkClient: createCheck(), clocks: systemClocks })
            ).registry
          }
          return [...registry.clients.values()]
            .map(({ clientId, config }) => `${clientId} ${config.clientName}`)
            .toSorted()
        }
        expect(await applied(one, other)).to.deep.equal(await applied(other, one))
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  it('K1 before the set is whole, gives a name to the oldest that asks for it, in whatever order the shards come', async () => {
    const claim = fc.record({
      createdAt: fc.integer({ min: 1, max: 4 }),
      clientId: fc.constantFrom('own', 'shared', 'other'),
      api: fc.constantFrom(undefined, 'urn:a', 'urn:b'),
    })
    const claims = fc.array(claim, { minLength: keys.length, maxLength: keys.length })
    await fc.assert(
      fc.asyncProperty(claims, async (all) => {
        const entries = all.map(({ createdAt, clientId, api }, index) => {
          const key = keys[index]!
          const own = key.replace('/', '.')
          const desired = configOf(api === undefined ? {} : { api })
          return entryOf(key, { createdAt, clientId: clientId === 'own' ? own : clientId, desired })
        })
        const shards = [3, 5].map((shard) =>
          shardInput(
            shard,
            1n,
            entries.filter(({ namespace, name }) => shardOfKey(`${namespace}/${name}`) === shard),
          ),
        )
        const applied = async (inOrder: typeof shards) => {
          const { registry } = await applyAll(inOrder, createCheck(), emptyRegistry())
          return [...registry.clients.values()].map(({ namespace, name }) => `${namespace}/${name}`).toSorted()
        }
        const taken = new Set<string>()
        const expected = entries
          .map((entry, index) => ({ entry, about: all[index]! }))
          .toSorted((a, b) => a.about.createdAt - b.about.createdAt || (a.entry.uid < b.entry.uid ? -1 : 1))
          .flatMap(({ entry, about }) => {
            const names = [entry.clientId, ...(about.api === undefined ? [] : [about.api])]
            if (names.some((name) => taken.has(name))) return []
            for (const name of names) taken.add(name)
            return [`${entry.namespace}/${entry.name}`]
          })
        expect(await applied(shards)).to.deep.equal(expected.toSorted())
        expect(await applied(shards.toReversed())).to.deep.equal(expected.toSorted())
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})
