import { expect } from 'chai'
import fc from 'fast-check'
import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { keyOf } from '../../src/decide/client/client-names.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { resolveAccess } from '../../src/decide/access/resolve-access.ts'
import type { Caller } from '../../src/decide/access/resolve-access.ts'
import { ApiBook } from '../../src/intake/api-book.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createJudge } from '../../src/intake/judge.ts'
import { holdersIn } from '../../src/shards/held-names.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { binding, client, emptyShards } from '../decide/clients.ts'

const spacingMs = 1_000

/** An operator that judges for real, with lists, a queue and a clock that the test moves.
 *  @param stored what servers have, by `namespace/name` */
function createWorld(stored: Readonly<Record<string, ShardEntry>> = {}) {
  const entries = new Map(
    Object.entries(stored).map(([key, entry]) => [
      key,
      { entry, shard: 0, entrySeq: 1, configSeq: 1, verifierSeqs: {} },
    ]),
  )
  const shards = {
    ...emptyShards,
    stored: (key: string) => entries.get(key),
    holders: (name: string) => holdersIn(entries, name),
  }
  const index = createClientIndex()
  const labels = new Map<string, Record<string, string>>()
  let baseline: OIDCPolicySpec = { allow: { resourceServer: true } }
  let now = 0
  let timers: { at: number; callback: () => void }[] = []
  const queue = new Set<string>()
  const wakes: string[][] = []
  const judgements: string[] = []
  const watch = {
    clients: index,
    policies: () => [],
    findCluster: () => undefined,
    namespaceLabels: (name: string) => labels.get(name) ?? {},
    readsNamespaces: true,
  }
  const judge = (one: OIDCClient) => {
    judgements.push(keyOf(one))
    return createJudge({
      endings: { has: () => false },
      watch,
      baseline,
      shards,
      follow: { config: () => undefined },
      clock: { now: () => now },
    })(one, (error) => {
      throw error
    })
  }
  const book = new ApiBook({
    clients: index,
    shards,
    judge: (one) => judge(one).declared,
    wake: (keys) => {
      wakes.push([...keys])
      for (const key of keys) queue.add(key)
    },
    clock: {
      after: (milliseconds, callback) => {
        const timer = { at: now + milliseconds, callback }
        timers.push(timer)
        return () => {
          timers = timers.filter((one) => one !== timer)
        }
      },
    },
  })
  const told = new Map<string, unknown>()
  const callerOf = (one: OIDCClient): Caller => ({
    tenant: { namespace: one.metadata.namespace },
    clientId: `${one.metadata.namespace}.${one.metadata.name}`,
    labels: labels.get(one.metadata.namespace),
    audiences: one.spec.audiences ?? [],
    scopes: one.spec.scopes ?? [],
    types: one.spec.authorizationDetailsTypes ?? [],
    policies: binding(baseline),
  })
  const look = (key: string) => {
    const one = index.find(key)
    if (!one) {
      told.delete(key)
      return book.remove(key)
    }
    book.record(one, judge(one).declared)
    told.set(key, book.resolve(key, callerOf(one)))
  }
  let generation = 1
  const world = {
    book,
    wakes,
    judgements,
    timers: () => timers.length,
    told: (key: string) => told.get(key),
    apply: (name: string, namespace: string, spec: Partial<OIDCClient['spec']>) => {
      generation++
      for (const key of index.set(
        `${namespace}/${name}`,
        client({ type: 'M2M', ...spec }, { name, namespace, generation }),
      ))
        queue.add(key)
    },
    remove: (key: string) => {
      for (const touched of index.set(key, undefined)) queue.add(touched)
    },
    setPolicy: (next: OIDCPolicySpec) => {
      baseline = next
      for (const key of index.keys()) queue.add(key)
    },
    setLabels: (namespace: string, next: Record<string, string>) => {
      labels.set(namespace, next)
      for (const key of index.keysIn(namespace)) queue.add(key)
    },
    /** Works on everything that is queued, the newest first when `turned`. */
    work: (turned = false) => {
      while (queue.size > 0) {
        const key = turned ? [...queue].at(-1)! : [...queue][0]!
        queue.delete(key)
        look(key)
      }
    },
    pass: (milliseconds: number) => {
      now += milliseconds
      const due = timers.filter(({ at }) => at <= now)
      timers = timers.filter(({ at }) => at > now)
      for (const { callback } of due) callback()
    },
    /** What each caller would be told by somebody who looks at everything anew. */
    fresh: () => {
      const declared = [...index.keys()].flatMap((key) => judge(index.find(key)!).declared)
      return new Map(
        [...index.keys()].map((key) => [
          key,
          resolveAccess(callerOf(index.find(key)!), (identifier) =>
            declared.filter((one) => one.identifier === identifier),
          ),
        ]),
      )
    },
    all: () => told,
  }
  return world
}

const api = (identifier: string, more: Partial<NonNullable<OIDCClient['spec']['resourceServer']>> = {}) => ({
  resourceServer: { identifier, scopes: [{ name: 'read' }, { name: 'write' }], ...more },
})
/** The entry of an API that every replica serves with the scopes of `api`. */
const servedAs = (identifier: string) => {
  const accepted = renderVersion(renderConfig(client({ type: 'M2M', ...api(identifier) })))
  return create(ShardEntrySchema, { clientId: `served-as-${identifier}`, accepted })
}
const granted = (identifier: string, scopes: string[], key: string) => [
  { kind: 'granted', identifier, scopes, types: [], withheld: [], api: key },
]

describe('ApiBook', () => {
  it('wakes the callers when an API comes, changes and goes, and nobody else', () => {
    const world = createWorld()
    world.apply('worker', 'shop', { audiences: ['urn:api:a'], scopes: ['read'] })
    world.apply('other', 'shop', { audiences: ['urn:api:b'] })
    world.work()
    expect(world.told('shop/worker')).to.deep.include.members([
      { kind: 'refused', identifier: 'urn:api:a', api: undefined, why: { kind: 'undeclared' } },
    ])
    world.apply('api', 'shop', api('urn:api:a'))
    world.work()
    expect(world.told('shop/worker')).to.deep.equal(granted('urn:api:a', ['read'], 'shop/api'))
    world.pass(spacingMs)
    world.apply('api', 'shop', api('urn:api:a', { scopes: [{ name: 'write' }] }))
    world.work()
    expect(world.told('shop/worker')).to.deep.equal(granted('urn:api:a', [], 'shop/api'))
    world.pass(spacingMs)
    world.remove('shop/api')
    world.work()
    expect(world.wakes).to.deep.equal([['shop/worker'], ['shop/worker'], ['shop/worker']])
    expect(world.told('shop/worker')).to.deep.include.members([
      { kind: 'refused', identifier: 'urn:api:a', api: undefined, why: { kind: 'undeclared' } },
    ])
  })

  it('wakes of many callers only those for whom something changes', () => {
    const world = createWorld()
    const access = [{ namespaces: ['shop'], scopes: ['read'] }]
    world.apply('api', 'shop', api('urn:api:a', { access }))
    for (let index = 0; index < 50; index++) {
      world.apply(`worker-${index}`, 'shop', { audiences: ['urn:api:a'], scopes: ['read'] })
      world.apply(`worker-${index}`, 'web', { audiences: ['urn:api:a'], scopes: ['read'] })
    }
    world.work()
    world.apply('api', 'shop', api('urn:api:a', { access: [...access, { clientIds: ['web.worker-7'] }] }))
    world.work()
    expect(world.wakes.at(-1)).to.deep.equal(['web/worker-7'])
  })

  it('looks at the callers of one API at most once a second, and at the end for what came meanwhile', () => {
    const world = createWorld()
    world.apply('worker', 'shop', { audiences: ['urn:api:a'], scopes: ['read', 'write'] })
    world.apply('api', 'shop', api('urn:api:a'))
    world.work()
    world.pass(spacingMs)
    const before = world.wakes.length
    for (let edit = 0; edit < 20; edit++) {
      world.apply('api', 'shop', api('urn:api:a', { scopes: [{ name: edit % 2 === 0 ? 'read' : 'write' }] }))
      world.work()
    }
    expect(world.wakes.length - before).to.equal(1)
    world.pass(spacingMs)
    world.work()
    expect(world.wakes.length - before).to.equal(2)
    expect(world.told('shop/worker')).to.deep.equal(granted('urn:api:a', ['write'], 'shop/api'))
  })

  it('K18 knows an API that nobody has looked at yet: a policy that lists its identifier opens nothing', () => {
    const world = createWorld()
    world.setPolicy({ allow: { resourceServer: true, audiences: ['urn:*'] } })
    world.apply('api', 'shop', api('urn:api:a'))
    world.apply('worker', 'web', { audiences: ['urn:api:a'], scopes: ['read'] })
    world.work(true)
    expect(world.told('web/worker')).to.deep.equal([
      { kind: 'refused', identifier: 'urn:api:a', api: 'shop/api', why: { kind: 'no-entry' } },
    ])
    expect(world.wakes).to.deep.equal([])
  })

  it('judges an API once for all its callers', () => {
    const world = createWorld()
    world.apply('api', 'shop', api('urn:api:a'))
    for (let index = 0; index < 20; index++) world.apply(`worker-${index}`, 'shop', { audiences: ['urn:api:a'] })
    world.work(true)
    // the last caller judges it early, and its own look does
    expect(world.judgements.filter((key) => key === 'shop/api')).to.have.length(2)
  })

  it('K1 an API that waits for another identifier still lets its callers in, in its earlier version', () => {
    const world = createWorld({ 'shop/moving': servedAs('urn:api:a'), 'shop/billing': servedAs('urn:api:b') })
    world.apply('worker', 'shop', { audiences: ['urn:api:a'], scopes: ['read', 'write'] })
    world.apply('billing', 'shop', api('urn:api:b'))
    world.apply('moving', 'shop', api('urn:api:a'))
    world.work()
    world.pass(spacingMs)
    const wakes = world.wakes.length
    const before = world.told('shop/worker')
    expect(before).to.deep.equal(granted('urn:api:a', ['read', 'write'], 'shop/moving'))
    world.apply('moving', 'shop', api('urn:api:b', { scopes: [{ name: 'new' }] }))
    world.apply('worker', 'shop', { audiences: ['urn:api:a'], scopes: ['read', 'write', 'new'] })
    world.work()
    expect(world.told('shop/worker')).to.deep.equal(before)
    expect(world.wakes).to.have.length(wakes)
    // the access is that of today
    world.pass(spacingMs)
    world.apply('moving', 'shop', api('urn:api:b', { access: [{ namespaces: ['web'] }] }))
    world.work()
    expect(world.told('shop/worker')).to.deep.include.members([
      { kind: 'refused', identifier: 'urn:api:a', api: 'shop/moving', why: { kind: 'no-entry' } },
    ])
  })

  it('K1 two APIs that ask for the identifiers of each other still let their callers in', () => {
    const world = createWorld({ 'shop/one': servedAs('urn:api:a'), 'shop/two': servedAs('urn:api:b') })
    world.apply('worker', 'shop', { audiences: ['urn:api:a', 'urn:api:b'], scopes: ['read'] })
    world.apply('one', 'shop', api('urn:api:b'))
    world.apply('two', 'shop', api('urn:api:a'))
    world.work()
    expect(world.told('shop/worker')).to.deep.equal([
      ...granted('urn:api:a', ['read'], 'shop/one'),
      ...granted('urn:api:b', ['read'], 'shop/two'),
    ])
  })

  it('says that nobody declares an audience that is only the id of a client', () => {
    const world = createWorld({ 'web/grafana': create(ShardEntrySchema, { clientId: 'grafana' }) })
    world.setPolicy({ allow: { customClientId: true } })
    world.apply('grafana', 'web', { clientId: 'grafana' })
    world.apply('worker', 'shop', { audiences: ['grafana'] })
    world.work()
    expect(world.told('shop/worker')).to.deep.equal([
      { kind: 'refused', identifier: 'grafana', api: undefined, why: { kind: 'undeclared' } },
    ])
  })

  it('compares many callers in slices, so that other work has its turn', () => {
    const world = createWorld()
    world.apply('api', 'shop', api('urn:api:a'))
    for (let index = 0; index < 1_200; index++) world.apply(`w-${index}`, 'shop', { audiences: ['urn:api:a'] })
    world.work()
    world.apply('api', 'shop', api('urn:api:a', { access: [] }))
    world.work()
    expect(world.wakes.map((keys) => keys.length)).to.deep.equal([500])
    world.pass(0)
    world.pass(0)
    world.work()
    expect(world.wakes.map((keys) => keys.length)).to.deep.equal([500, 500, 200])
    expect(
      [...world.all().keys()].filter((key) => JSON.stringify(world.told(key)).includes('no-entry')),
    ).to.have.length(1_200)
  })

  it('leaves no timer when it stops', () => {
    const world = createWorld()
    world.apply('worker', 'shop', { audiences: ['urn:api:a'] })
    world.work()
    world.apply('api', 'shop', api('urn:api:a'))
    world.work()
    expect(world.timers()).to.equal(1)
    world.book.stop()
    expect(world.timers()).to.equal(0)
  })

  // Objects that meet often: three names in two namespaces, two identifiers.
  const name = fc.constantFrom('one', 'two', 'three')
  const namespace = fc.constantFrom('shop', 'web')
  const identifier = fc.constantFrom('urn:api:a', 'urn:api:b')
  const access = fc.option(
    fc.array(
      fc.oneof(
        fc.record({ namespaces: fc.constantFrom(['shop'], ['web'], ['*']) }),
        fc.record({ namespaceSelector: fc.constant({ matchLabels: { team: 'x' } }), scopes: fc.constant(['read']) }),
      ),
      { maxLength: 2 },
    ),
    { nil: undefined },
  )
  const spec = fc.record(
    {
      audiences: fc.subarray(['urn:api:a', 'urn:api:b']),
      scopes: fc.subarray(['read', 'write']),
      suspended: fc.boolean(),
      auth: fc.constantFrom({ method: 'client_secret_post' as const }, { method: 'none' as const }),
      resourceServer: fc
        .record({ identifier, scopes: fc.constant([{ name: 'read' }, { name: 'write' }]), access })
        .map(({ access: given, ...rest }) => (given ? { ...rest, access: given } : rest)),
    },
    { requiredKeys: [] },
  )
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('apply' as const), name, namespace, spec) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), name, namespace) },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constant('policy' as const),
        fc.constantFrom<OIDCPolicySpec>(
          {},
          { allow: { resourceServer: true } },
          { allow: { resourceServer: true, audiences: ['urn:*'] } },
          { allow: { resourceServer: true, audiences: ['urn:api:a'], authMethods: ['client_secret_basic'] } },
        ),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constant('labels' as const),
        namespace,
        fc.constantFrom<Record<string, string>>({}, { team: 'x' }),
      ),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant('work' as const), fc.boolean()) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(100, 1_000)) },
  )

  it('K18 has told every caller what a look at everything would say, once the changes are worked off', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = createWorld()
        for (const one of steps) {
          if (one[0] === 'apply') world.apply(one[1], one[2], one[3])
          else if (one[0] === 'remove') world.remove(`${one[2]}/${one[1]}`)
          else if (one[0] === 'policy') world.setPolicy(one[1])
          else if (one[0] === 'labels') world.setLabels(one[1], one[2])
          else if (one[0] === 'work') world.work(one[1])
          else world.pass(one[1])
        }
        for (let round = 0; round < 3; round++) {
          world.work()
          world.pass(spacingMs)
        }
        world.work()
        expect(world.all()).to.deep.equal(world.fresh())
        world.pass(spacingMs)
        expect(world.timers(), 'timers').to.equal(0)
      }),
      { numRuns: propertyRuns(300) },
    )
  })
})
