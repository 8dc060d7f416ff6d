import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { tenantOf } from '@nauthera/rules/tenants'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createJudge } from '../../src/intake/judge.ts'
import { client } from '../decide/clients.ts'

// No tenant and no joined cluster gets more clients served than its limit, whatever arrives when, and whoever leads.

const limit = 3
const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const anyName = fc.constantFrom(...all)
const anySecond = fc.integer({ min: 1, max: 2 })
const anyOrder = fc.shuffledSubarray(all, { minLength: all.length })
const anyStep = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('arrive' as const), name: anyName, second: anySecond }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('look' as const), name: anyName }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('leave', 'store'), name: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lead' as const), names: anyOrder }) },
)
const places = [
  { what: 'tenant', namespace: 'apps', limits: { clientsPerNamespace: limit }, cluster: {} },
  { what: 'cluster', namespace: 'nauthera-cluster-edge', limits: {}, cluster: { clients: limit } },
] as const

/** Judges for real; shards have what the test says. */
function createWorld({ namespace, limits, cluster }: (typeof places)[number]) {
  const keyOf = (name: string) => `${namespace}/shop.${name}`
  const present = new Map<string, ReturnType<typeof client>>()
  const stored = new Map<string, ReturnType<typeof storedAs>>()
  /** What the present leader would have stored. */
  let desired = new Set<string>()
  let [index, judge] = begin([])
  let made = 0
  function begin(names: readonly string[]) {
    const clients = createClientIndex()
    for (const name of names) if (present.has(name)) clients.set(keyOf(name), present.get(name))
    const findCluster = (name: string) => ({ metadata: { name, uid: name }, spec: { limits: cluster } })
    return [
      clients,
      createJudge({
        endings: { has: () => false },
        watch: { clients, policies: () => [], findCluster, namespaceLabels: () => ({}), readsNamespaces: true },
        baseline: { limits },
        shards: {
          stored: (key) => stored.get(key),
          holders: () => [],
          isLeaving: () => false,
          isUnheardOf: (key) => !stored.has(key),
          noRoom: () => undefined,
        },
        follow: { config: () => undefined },
        clock: { now: () => 0 },
      }),
    ] as const
  }
  const look = (name: string): void => {
    const found = present.get(name)
    if (!found) return
    const { serve } = judge(found, (error) => {
      throw error
    })
    if (serve.kind === 'desired') desired.add(name)
    else desired.delete(name)
  }
  return {
    arrive: (name: string, second: number) => {
      const meta = {
        name: `shop.${name}`,
        namespace,
        uid: `uid-${made++}`,
        creationTimestamp: `2026-01-01T00:00:0${second}Z`,
      }
      const origin = tenantOf(meta).cluster === undefined ? {} : { origin: { namespace: 'shop', name, uid: meta.uid } }
      const verifiers = [{ sha256: 'ab'.repeat(32) }]
      if (!present.has(name))
        present.set(name, client({ ...origin, ...(origin.origin ? { secret: { verifiers } } : {}) }, meta))
      index.set(keyOf(name), present.get(name))
    },
    leave: (name: string) => {
      for (const known of [present, desired]) known.delete(name)
      stored.delete(keyOf(name))
      index.set(keyOf(name), undefined)
    },
    look,
    store: () => {
      for (const name of desired) stored.set(keyOf(name), storedAs(present.get(name)!.metadata.uid))
    },
    /** A leader begins with what is stored and the list of all. */
    lead: (names: readonly string[]) => {
      desired = new Set()
      ;[index, judge] = begin(names)
    },
    served: () => all.filter((name) => desired.has(name) || stored.has(keyOf(name))),
    byAge: () =>
      [...present.keys()].toSorted((one, other) => (ageOf(present.get(one)!) < ageOf(present.get(other)!) ? -1 : 1)),
  }
}

const ageOf = ({ metadata }: ReturnType<typeof client>) => `${metadata.creationTimestamp} ${metadata.uid}`
const storedAs = (uid: string) => {
  const entry = create(ShardEntrySchema, { uid })
  return { shard: 0, entry, entrySeq: 1, configSeq: 1, verifierSeqs: {} }
}

for (const place of places)
  describe(`the limit of clients of a ${place.what}`, () => {
    it('property: holds whatever arrives in one second, in any order, and whoever leads; and no place stays free', () => {
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
          const world = createWorld(place)
          for (const step of steps) {
            if (step.kind === 'arrive') world.arrive(step.name, step.second)
            else if (step.kind === 'lead') world.lead(step.names)
            else world[step.kind](step.name)
            expect(world.served().length).to.be.at.most(limit)
          }
          for (const name of world.byAge()) world.look(name)
          expect(world.served().length).to.equal(Math.min(limit, world.byAge().length))
        }),
        { numRuns: propertyRuns(100) },
      )
    })

    it('property: a leader that begins with nothing stored serves the oldest, in whatever order it lists and looks', () => {
      fc.assert(
        fc.property(
          fc.array(anySecond, { minLength: all.length, maxLength: all.length }),
          anyOrder,
          anyOrder,
          (seconds, listed, looked) => {
            const world = createWorld(place)
            for (const [at, name] of all.entries()) world.arrive(name, seconds[at]!)
            world.lead(listed)
            for (const name of looked) world.look(name)
            expect(world.served()).to.have.members(world.byAge().slice(0, limit))
          },
        ),
        { numRuns: propertyRuns(100) },
      )
    })
  })
