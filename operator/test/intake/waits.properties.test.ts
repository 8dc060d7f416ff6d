import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { Judgement } from '../../src/decide/access/judgement.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createHasPlace, createJudge } from '../../src/intake/judge.ts'
import { Waits } from '../../src/intake/waits.ts'
import { client } from '../decide/clients.ts'

// A client over a limit gets a look when a place becomes free, however that comes: nobody waits for the next list.

const namespace = 'nauthera-cluster-edge'
const all = ['a.one', 'a.two', 'a.three', 'b.one', 'c.one']
const limits = { tenant: 2, cluster: 3 }
const keyOf = (name: string) => `${namespace}/${name}`
const nameOf = (key: string) => key.slice(namespace.length + 1)
const anyStep = fc.record({
  kind: fc.constantFrom('arrive', 'arrive', 'arrive', 'leave', 'deny', 'allow', 'unload'),
  name: fc.constantFrom(...all),
  second: fc.integer({ min: 1, max: 4 }),
})

/** Judges and wakes for real. Shards have what the last look said; the status says that servers have a client until `unload`. */
function createWorld() {
  const clients = createClientIndex()
  const stored = new Map<string, ReturnType<typeof storedAs>>()
  const loaded = new Set<string>()
  const queue = new Set<string>()
  let made = 0
  const needs = {
    endings: { has: () => false },
    watch: {
      clients,
      policies: () => [],
      findCluster: (name: string) => ({ metadata: { name, uid: name }, spec: { limits: { clients: limits.cluster } } }),
      namespaceLabels: () => ({}),
      readsNamespaces: true,
    },
    baseline: { grace: '0s', limits: { clientsPerNamespace: limits.tenant, tokens: { access: '5m' } } },
    shards: {
      stored: (key: string) => stored.get(key),
      holders: () => [],
      isLeaving: () => false,
      isUnheardOf: (key: string) => !stored.has(key),
      noRoom: () => undefined,
    },
    follow: { config: () => undefined },
    clock: { now: () => 0 },
    latest: (one: ReturnType<typeof client>) =>
      loaded.has(one.metadata.name) ? { ...one, status: { replicas: { loaded: 1, total: 1, summary: '1/1' } } } : one,
  }
  const judge = createJudge(needs)
  const hasPlace = createHasPlace(needs)
  const waits = new Waits({ ...needs, hasPlace, wake: (keys) => keys.forEach((key) => queue.add(key)) })
  const judged = (key: string): Judgement | undefined => {
    const found = clients.find(key)
    return found && judge(needs.latest(found), (error) => expect.fail(String(error)))
  }
  const look = (key: string): void => {
    const judgement = judged(key)
    if (!judgement) return waits.remove(key)
    waits.record(judgement)
    if (judgement.serve.kind === 'desired') {
      stored.set(key, storedAs(key))
      loaded.add(nameOf(key))
    } else if (judgement.serve.kind === 'nothing') stored.delete(key)
    waits.recordPlace(key)
  }
  const put = (name: string, accessTTL: string, second: number): void => {
    const before = clients.find(keyOf(name))
    const of = name.slice(0, 1)
    const uid = before?.metadata.uid ?? `uid-${made++}`
    const creationTimestamp = before?.metadata.creationTimestamp ?? `2026-01-01T00:00:0${second}Z`
    const origin = {
      origin: { namespace: of, name: name.slice(2), uid },
      secret: { verifiers: [{ sha256: 'ab'.repeat(32) }] },
    }
    const meta = { name, namespace, uid, creationTimestamp }
    clients.set(keyOf(name), client({ ...origin, tokens: { accessTTL } }, meta))
    queue.add(keyOf(name))
  }
  return {
    take: ({ kind, name, second }: { kind: string; name: string; second: number }): void => {
      const isThere = clients.find(keyOf(name)) !== undefined
      if (kind === 'arrive' && !isThere) put(name, '5m', second)
      if (kind === 'deny' && isThere) put(name, '10m', second)
      if (kind === 'allow' && isThere) put(name, '5m', second)
      if (kind === 'unload')
        for (const one of loaded)
          if (!stored.has(keyOf(one))) {
            loaded.delete(one)
            queue.add(keyOf(one))
          }
      if (kind === 'leave' && isThere) {
        clients.set(keyOf(name), undefined)
        stored.delete(keyOf(name))
        loaded.delete(name)
        queue.add(keyOf(name))
      }
      for (const key of queue) {
        queue.delete(key)
        look(key)
      }
    },
    /** Those that another look would serve, and servers do not have. */
    forgotten: () => all.filter((name) => !stored.has(keyOf(name)) && judged(keyOf(name))?.serve.kind === 'desired'),
  }
}

const storedAs = (uid: string) => {
  const entry = create(ShardEntrySchema, { uid })
  return { shard: 0, entry, entrySeq: 1, configSeq: 1, verifierSeqs: {} }
}

describe('a client over a limit', () => {
  it('property: gets a look when there is a place for it, whatever frees that', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 8, maxLength: 40, size: 'max' }), (steps) => {
        const world = createWorld()
        for (const step of steps) {
          world.take(step)
          expect(world.forgotten()).to.deep.equal([])
        }
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})
