import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { acceptClients } from '../../src/decide/client/accept-clients.ts'
import { keyOf, oldestFirst } from '../../src/decide/client/client-names.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createJudge } from '../../src/intake/judge.ts'
import { createNameRights } from '../../src/intake/name-rights.ts'
import { createPoliciesOf } from '../../src/intake/policies-of.ts'
import { client, emptyShards, policy } from '../decide/clients.ts'

// Who has a name is decided by the few that may have it. What one tenant does with names is no work for others.

const tenants = ['shop', 'bank', 'evil']
/** Of these tenants, any id and any identifier. */
const richOf = (...values: readonly string[]): OIDCPolicySpec => ({
  selector: { namespaces: { matchExpressions: [{ key: 'tenant', operator: 'In', values }] } },
  allow: { customClientId: true, resourceServer: true },
})

/** An index, and a judge that counts what it reads. The third tenant may have no name of another. */
function createWorld() {
  const labels = new Map(tenants.map((name) => [name, { tenant: name }]))
  const watched = {
    policies: () => policies,
    findCluster: () => undefined,
    namespaceLabels: (name: string) => labels.get(name) ?? {},
    readsNamespaces: true,
  }
  let policies = [policy('rich', richOf('shop', 'bank'))]
  const about = { watch: watched, baseline: {} }
  const mayClaim = createNameRights(about)
  let [reads, rights] = [0, 0]
  const clients = createClientIndex((...claim) => (rights++, mayClaim(...claim)))
  const watch = {
    ...watched,
    clients: { ...clients, find: (key: string) => (reads++, clients.find(key)) },
  }
  const judge = createJudge({
    ...about,
    watch,
    endings: { has: () => false },
    shards: emptyShards,
    follow: { config: () => undefined },
    clock: { now: () => 0 },
  })
  const policiesOf = createPoliciesOf(about)
  return {
    clients,
    reads: () => reads,
    mayClaim,
    /** How often the right of a client was asked for. */
    rights: () => rights,
    /** The tenants that may have any name. */
    permit: (...values: readonly string[]) => {
      policies = [policy('rich', richOf(...values))]
      clients.reconsider()
    },
    /** Policies see a tenant as this one. */
    label: (namespace: string, tenant: string) => {
      labels.set(namespace, { tenant })
      clients.reconsider(clients.keysIn(namespace))
    },
    look: (one: OIDCClient) => judge(one, (error) => expect.fail(String(error))).acceptance,
    /** What follows from all clients together. */
    verdicts: () => acceptClients([...clients.all()], (one) => policiesOf(one, policies)),
  }
}

const clientOf = (tenant: string, name: string, spec: object, second: number): OIDCClient =>
  client(
    { type: 'M2M', ...spec },
    {
      namespace: tenant,
      name,
      uid: `${tenant}-${name}`,
      creationTimestamp: new Date(second * 1_000).toISOString(),
    },
  )

const api = (identifier: string) => ({ resourceServer: { identifier, scopes: [{ name: 'read' }] } })

describe('rivals for a name', () => {
  const ids = ['checkout', 'ledger', 'shop.a', 'bank.b', 'evil.c', 'urn:pay:api']
  const anyStep = fc.record({
    tenant: fc.constantFrom(...tenants),
    name: fc.constantFrom('a', 'b', 'c'),
    id: fc.constantFrom(undefined, ...ids.slice(0, 5)),
    identifier: fc.constantFrom(undefined, ...ids),
    second: fc.integer({ min: 1, max: 3 }),
    isGone: fc.boolean(),
  })

  it('K19 property: each gets the verdict that follows from all clients, and a look when it changes', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 12 }), (steps) => {
        const { clients, look, verdicts } = createWorld()
        let before = verdicts()
        for (const { tenant, name, id, identifier, second, isGone } of steps) {
          const spec = { ...(id ? { clientId: id } : {}), ...(identifier ? api(identifier) : {}) }
          const touched = clients.set(`${tenant}/${name}`, isGone ? undefined : clientOf(tenant, name, spec, second))
          const after = verdicts()
          for (const one of clients.all()) {
            const key = keyOf(one)
            expect(look(one)).to.deep.equal(after.get(key))
            if (before.get(key)?.kind !== after.get(key)?.kind) expect(touched).to.include(key)
          }
          before = after
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('K19 property: a crowd without the right to a name is no work for others, and whoever gets or loses the right is seen', () => {
    const names = ['checkout', 'urn:pay:api']
    const anyAct = fc.oneof(
      { weight: 3, arbitrary: anyStep.map((step) => ({ kind: 'edit' as const, ...step })) },
      // of the crowd: the oldest, or any
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('crowd' as const), place: fc.oneof(fc.nat(2), fc.nat(99)) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('label' as const),
          tenant: fc.constantFrom(...tenants),
          as: fc.constantFrom(...tenants),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('permit' as const),
          who: fc.uniqueArray(fc.constantFrom(...tenants)),
        }),
      },
    )
    const crowdSize = fc.oneof(fc.integer({ min: 18, max: 24 }), fc.integer({ min: 50, max: 70 }))
    fc.assert(
      fc.property(crowdSize, fc.array(anyAct, { minLength: 1, maxLength: 12 }), (size, acts) => {
        const { clients, mayClaim, look, verdicts, rights, permit, label } = createWorld()
        const put = (key: string, one: OIDCClient | undefined) => clients.set(key, one)
        const crowd = (place: number) => {
          const id = place % 2 ? { clientId: 'checkout' } : {}
          return clientOf('evil', `c${place}`, { ...id, ...api('urn:pay:api') }, 1 + place)
        }
        for (let place = 0; place < 2 * size; place++) put(`evil/c${place}`, crowd(place))
        for (const [tenant, second] of [
          ['shop', 1_000],
          ['bank', 1_001],
        ] as const)
          put(`${tenant}/a`, clientOf(tenant, 'a', { clientId: 'checkout', ...api('urn:pay:api') }, second))
        for (const act of acts) {
          if (act.kind === 'permit') permit(...act.who)
          else if (act.kind === 'label') label(act.tenant, act.as)
          else if (act.kind === 'crowd') {
            const key = `evil/c${act.place}`
            put(key, clients.find(key) ? undefined : crowd(act.place))
          } else {
            const { tenant, name, id, identifier, second, isGone } = act
            const spec = { ...(id ? { clientId: id } : {}), ...(identifier ? api(identifier) : {}) }
            put(`${tenant}/${name}`, isGone ? undefined : clientOf(tenant, name, spec, second))
          }
          // after another policy all clients are looked at anyway
          if (act.kind === 'permit') for (const name of names) (clients.best(name), clients.declaring(name))
          const after = verdicts()
          for (const one of clients.all()) {
            if (one.metadata.namespace === 'evil' && !/^c?[0-3a-c]$/.test(one.metadata.name)) continue
            const before = rights()
            expect(look(one)).to.deep.equal(after.get(keyOf(one)))
            expect(rights() - before, 'rights asked for in a look').to.be.at.most(80)
          }
          const oldest = oldestFirst([...clients.all()])
          for (const name of names) {
            const asking = oldest.filter(({ spec }) => [spec.clientId, spec.resourceServer?.identifier].includes(name))
            const best = asking.filter((one) => mayClaim(one, name)).slice(0, 3)
            expect(clients.best(name).map(keyOf)).to.deep.equal(best.map(keyOf))
          }
        }
      }),
      { numRuns: propertyRuns(40) },
    )
  })

  it('K19 property: what a tenant does with names that it may not have concerns no other', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), (steps) => {
        const { clients } = createWorld()
        for (const { tenant, name, id, identifier, second, isGone } of steps) {
          if (tenant !== 'evil' && (id === 'evil.c' || identifier === 'evil.c')) continue
          const spec = { ...(id ? { clientId: id } : {}), ...(identifier ? api(identifier) : {}) }
          const touched = clients.set(`${tenant}/${name}`, isGone ? undefined : clientOf(tenant, name, spec, second))
          if (tenant === 'evil') for (const key of touched) expect(key).to.match(/^evil\//)
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('K19 property: no act of a tenant makes more than 80 looks at others, with the right to their names or without', () => {
    const names = ids.slice(0, 3)
    const anyAct = fc.record({
      tenant: fc.constantFrom('bank', 'evil'),
      place: fc.nat(99),
      id: fc.constantFrom(undefined, ...names),
      identifier: fc.constantFrom(...names, 'urn:pay:api'),
      second: fc.integer({ min: 1, max: 3 }),
      isGone: fc.boolean(),
    })
    // with a name for which more wait than all may be told, and one for which fewer do
    const crowdOf = fc.record({ many: fc.integer({ min: 90, max: 140 }), few: fc.integer({ min: 1, max: 20 }) })
    fc.assert(
      fc.property(crowdOf, fc.array(anyAct, { minLength: 1, maxLength: 30 }), ({ many, few }, acts) => {
        const { clients } = createWorld()
        for (const [name, count] of [
          ['checkout', many],
          ['ledger', few],
        ] as const)
          for (let index = 0; index < count; index++) {
            const one = clientOf('shop', `${name}-${index}`, { clientId: name, ...api('urn:pay:api') }, 1 + (index % 3))
            clients.set(keyOf(one), one)
          }
        for (const { tenant, place, id, identifier, second, isGone } of acts) {
          const spec = { ...(id ? { clientId: id } : {}), ...api(identifier) }
          const key = `${tenant}/c${place}`
          const touched = clients.set(key, isGone ? undefined : clientOf(tenant, `c${place}`, spec, second))
          const others = touched.filter((one) => !one.startsWith(`${tenant}/`))
          expect(others.length).to.be.at.most(tenant === 'evil' ? 0 : 80)
        }
      }),
      { numRuns: propertyRuns(50) },
    )
  })

  /** How the objects of a crowd take names: those of their neighbours, and those of other tenants. */
  const crowds: Readonly<Record<string, (index: number) => object>> = {
    'each names the id of its neighbour': (index) => ({ clientId: `evil.id-${index}`, ...api(`evil.id-${index + 1}`) }),
    'each names an id of its neighbour and that of another tenant': (index) => ({
      clientId: index % 2 ? 'checkout' : `evil.id-${index}`,
      ...api(index % 2 ? `evil.id-${index - 1}` : 'checkout'),
    }),
    'all name one id of another tenant': () => ({ clientId: 'checkout', ...api('urn:pay:api') }),
  }
  for (const [sentence, specOf] of Object.entries(crowds))
    for (const tenant of ['evil', 'bank'])
      it(`K19 629 objects of which ${sentence}, ${tenant === 'evil' ? 'without' : 'with'} the right to it, make few looks and little work`, () => {
        const world = createWorld()
        const others = Array.from({ length: 20 }, (_, index) =>
          clientOf('shop', `app-${index}`, index ? {} : { clientId: 'checkout', ...api('urn:pay:api') }, 2),
        )
        for (const one of others) world.clients.set(keyOf(one), one)
        const cost = () => {
          const [reads, cpu] = [world.reads(), process.cpuUsage()]
          for (let round = 0; round < 20; round++) for (const one of others) world.look(one)
          const { user, system } = process.cpuUsage(cpu)
          return { reads: (world.reads() - reads) / 400, ms: (user + system) / 1e3 / 400 }
        }
        cost()
        const alone = cost()
        for (let index = 0; index < 629; index++) {
          const one = clientOf(tenant, `c${index}`, specOf(index), 1 + (index % 3))
          world.clients.set(keyOf(one), one)
        }
        let looks = 0
        for (let edit = 0; edit < 50; edit++) {
          const one = clientOf(tenant, `c${edit}`, { ...specOf(edit), displayName: `edit ${edit}` }, 1 + (edit % 3))
          looks += world.clients.set(keyOf(one), one).filter((key) => key.startsWith('shop/')).length
        }
        cost()
        const beside = cost()
        expect(looks / 50, 'looks at others for each edit').to.be.at.most(tenant === 'evil' ? 0 : 1)
        expect(beside.reads - alone.reads, 'clients read in a look').to.be.below(1)
        // with the whole crowd it was 18 ms
        expect(beside.ms, 'a look').to.be.below(0.5 + 5 * alone.ms)
      })
})
