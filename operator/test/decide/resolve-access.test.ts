import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { oidcScopes } from '@nauthera/rules/scopes'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import type { DeclaredApi } from '../../src/decide/access/declared-api.ts'
import {
  accessTo,
  apiOf,
  callerOf,
  documentGrants,
  grantedOf,
  isSameAccess,
  presentOnly,
  resolveAccess,
  ungrantedScopes,
} from '../../src/decide/access/resolve-access.ts'
import type { ApiAccess, Caller } from '../../src/decide/access/resolve-access.ts'
import { tenantText } from '@nauthera/rules/tenants'
import { judgeClient } from '../../src/decide/access/judge.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { binding, client, holding, judged } from './clients.ts'

const billing = 'https://billing.example.com'

const api = (change: Partial<DeclaredApi> = {}): DeclaredApi => ({
  key: 'shop/billing',
  tenant: { namespace: 'shop' },
  identifier: billing,
  claim: 'claimed',
  createdAt: 1,
  uid: 'u1',
  standing: 'open',
  scopes: ['read', 'write'],
  types: ['payment', 'statement'],
  access: undefined,
  ...change,
})
const caller = (change: Partial<Caller> = {}): Caller => ({
  tenant: { namespace: 'shop' },
  clientId: 'shop.worker',
  labels: { team: 'shop' },
  audiences: [billing],
  scopes: ['openid', 'read', 'write'],
  types: ['payment', 'statement'],
  policies: binding({}),
  ...change,
})
const scopesOf = (access: ApiAccess): readonly string[] | string =>
  access.kind === 'granted' ? access.scopes : access.why.kind
const resolve = (about: { caller?: Partial<Caller>; apis?: readonly DeclaredApi[]; at?: string }) =>
  scopesOf(accessTo(about.at ?? billing, caller(about.caller), apiOf(about.apis ?? [api()])))

describe('accessTo', () => {
  const elsewhere = { tenant: { namespace: 'web' }, clientId: 'web.app' }
  const entry = (access: DeclaredApi['access'], change: Partial<Caller> = {}) =>
    resolve({ caller: { ...elsewhere, ...change }, apis: [api({ access })] })
  const edge = { tenant: { cluster: 'edge', namespace: 'shop' }, clientId: 'edge_shop.app' }

  it('lets in a namespace of a joined cluster', () => {
    const clusters = [{ name: 'edge', namespaces: ['shop'] }]
    expect(entry([{ clusters }], edge)).to.deep.equal(['read', 'write'])
    expect(entry([{ clusters: [{ name: 'edge', namespaces: ['*'] }] }], edge)).to.deep.equal(['read', 'write'])
    expect(entry([{ clusters }], { ...edge, tenant: { cluster: 'far', namespace: 'shop' } })).to.equal('no-entry')
    expect(entry([{ clusters }], { tenant: { namespace: 'shop' } }), 'one of this cluster').to.equal('no-entry')
  })
  it('lets in no client of a joined cluster by namespaces, "*" or labels', () => {
    expect(entry([{ namespaces: ['shop', '*'] }], edge)).to.equal('no-entry')
    expect(entry([{ namespaceSelector: {} }], edge)).to.equal('no-entry')
    expect(entry(undefined, edge), 'the same namespace of another cluster').to.equal('no-entry')
  })
  const under = (specs: OIDCPolicySpec[], apis?: readonly DeclaredApi[]) =>
    resolve({ caller: { policies: binding(...specs, {}) }, ...(apis ? { apis } : {}) })

  for (const [sentence, found, expected] of [
    ['lets a caller of its own namespace in when access is unset', resolve({}), ['read', 'write']],
    ['lets no other in then', resolve({ caller: elsewhere }), 'no-entry'],
    ['lets nobody in when access is empty', resolve({ apis: [api({ access: [] })] }), 'no-entry'],
    [
      'leaves its own namespace out when access does not list it',
      resolve({ apis: [api({ access: [{ namespaces: ['web'] }] })] }),
      'no-entry',
    ],
    ['lets a listed namespace in', entry([{ namespaces: ['web'] }]), ['read', 'write']],
    ['lets every namespace in with *', entry([{ namespaces: ['*'] }]), ['read', 'write']],
    ['takes no other pattern', entry([{ namespaces: ['we*'] }]), 'no-entry'],
    ['lets a listed client id in', entry([{ clientIds: ['web.app'] }]), ['read', 'write']],
    ['wants every field of an entry to fit', entry([{ namespaces: ['web'], clientIds: ['web.other'] }]), 'no-entry'],
    ['lets nobody in by an entry without a field', entry([{}]), 'no-entry'],
    ['gives the scopes of the entry alone', entry([{ namespaces: ['web'], scopes: ['read'] }]), ['read']],
    ['gives none by an entry with an empty list', entry([{ namespaces: ['web'], scopes: [] }]), []],
    [
      'gives what any of several entries gives',
      entry([
        { namespaces: ['web'], scopes: ['read'] },
        { clientIds: ['web.app'], scopes: ['write'] },
      ]),
      ['read', 'write'],
    ],
    [
      'lets in by labels of the namespace',
      entry([{ namespaceSelector: { matchLabels: { team: 'web' } } }], { labels: { team: 'web' } }),
      ['read', 'write'],
    ],
    [
      'leaves out other labels',
      entry([{ namespaceSelector: { matchLabels: { team: 'web' } } }], { labels: {} }),
      'no-entry',
    ],
    [
      'lets nobody in by labels that nobody knows',
      entry([{ namespaceSelector: {} }], { labels: undefined }),
      'no-entry',
    ],
    [
      'lets nobody in by NotIn without values',
      entry([{ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'NotIn' }] } }]),
      'no-entry',
    ],
    [
      'lets nobody in by Exists with values',
      entry([{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'Exists', values: ['x'] }] } }]),
      'no-entry',
    ],
    [
      'lets nobody in by an operator that nobody knows',
      entry([{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'Near' as never, values: ['x'] }] } }]),
      'no-entry',
    ],
    ['gives no scope that the caller does not list', resolve({ caller: { scopes: ['read'] } }), ['read']],
    ['gives none to a caller that lists none', resolve({ caller: { scopes: [] } }), []],
    [
      'gives no scope of a person',
      resolve({ caller: { scopes: ['openid', 'email'] }, apis: [api({ scopes: ['email', 'openid'] })] }),
      [],
    ],
    ['gives no scope that a policy leaves out', under([{ allow: { scopes: ['openid', 'rea*'] } }]), ['read']],
    [
      'refuses an audience that a policy leaves out',
      under([{ allow: { audiences: ['https://other.example.com'] } }]),
      'policy',
    ],
    [
      'asks no policy that only warns or counts',
      under([
        { enforcement: 'Warn', allow: { scopes: [] } },
        { enforcement: 'Audit', allow: { audiences: [] } },
      ]),
      ['read', 'write'],
    ],
    ['refuses an audience that nobody declares', under([], []), 'undeclared'],
    [
      'refuses a bare name that nobody declares, whatever policies list: it may be the id of a client',
      resolve({ caller: { policies: binding({ allow: { audiences: ['*', 'grafana'] } }) }, apis: [], at: 'grafana' }),
      'undeclared',
    ],
    [
      'gives the scopes of the caller at one that a policy lists',
      under([{ allow: { audiences: ['https://billing.*'] } }], []),
      ['read', 'write'],
    ],
    [
      'refuses it when another policy leaves it out',
      under([{ allow: { audiences: [billing] } }, { allow: { audiences: [] } }], []),
      'policy',
    ],
    [
      'refuses it when the policy that lists it only counts',
      under([{ enforcement: 'Audit', allow: { audiences: [billing] } }], []),
      'undeclared',
    ],
    [
      'lets nobody in at a declared one by a policy that lists it',
      resolve({ caller: { ...elsewhere, policies: binding({ allow: { audiences: ['*'] } }) } }),
      'no-entry',
    ],
    [
      'asks the oldest of several that declare it',
      resolve({ apis: [api({ createdAt: 2, uid: 'u2' }), api({ standing: 'suspended' })] }),
      'closed',
    ],
  ] as const) {
    it(sentence, () => expect(found).to.deep.equal(expected))
  }

  for (const standing of ['suspended', 'invalid', 'denied', 'taken', 'waiting'] as const) {
    it(`lets nobody in while the API is ${standing}, and no policy opens it`, () => {
      const policies = binding({ allow: { audiences: ['*'] } })
      expect(accessTo(billing, caller({ policies }), api({ standing }))).to.deep.include({
        kind: 'refused',
        api: 'shop/billing',
        why: { kind: 'closed', standing },
      })
    })
  }

  it('names what the access of the API withholds', () => {
    const found = accessTo(billing, caller(), api({ access: [{ namespaces: ['shop'], scopes: ['read'] }] }))
    expect(found).to.deep.include({ scopes: ['read'], withheld: ['write'] })
  })

  it('names the types of authorization details that it withholds', () => {
    const access = [{ namespaces: ['shop'], authorizationDetailsTypes: ['payment'] }]
    expect(accessTo(billing, caller(), api({ access }))).to.deep.include({
      types: ['payment'],
      withheld: ['statement'],
    })
  })

  it('gives no type at an audience that nobody declares: nobody says what it may hold', () => {
    const policies = binding({ allow: { audiences: ['*'] } })
    expect(accessTo(billing, caller({ policies }), undefined)).to.deep.include({ kind: 'granted', types: [] })
  })
})

// Small worlds, so that names meet often.
const pick = <T>(...values: readonly T[]) => fc.subarray([...values])
const namespaces = ['shop', 'web', 'ops'] as const
const identifiers = ['urn:a', 'urn:b', 'urn:c'] as const
const types = ['payment', 'payroll', 'statement'] as const
const scopes = ['read', 'write', 'admin', 'openid', 'email'] as const
const selector = fc.oneof(
  fc.record({ matchLabels: fc.constantFrom({}, { team: 'x' }, { team: 'y' }) }),
  fc.record({
    matchExpressions: fc.array(
      fc.record({
        key: fc.constantFrom('team', 'zone'),
        operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: pick('x', 'y'),
      }),
      { maxLength: 2 },
    ),
  }),
)
const entries = fc.array(
  fc.record(
    {
      namespaces: pick<string>(...namespaces, '*'),
      namespaceSelector: selector,
      clientIds: pick('shop.app', 'web.app', 'edge_shop.app'),
      clusters: fc.array(
        fc.record({ name: fc.constantFrom('edge', 'far'), namespaces: pick<string>(...namespaces, '*') }),
        { maxLength: 2 },
      ),
      scopes: pick<string>(...scopes),
      authorizationDetailsTypes: pick<string>(...types),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 3 },
)
const tenants = fc.record(
  { cluster: fc.constantFrom('edge', 'far'), namespace: fc.constantFrom(...namespaces) },
  { requiredKeys: ['namespace'] },
)
const apis = fc.array(
  fc.record({
    tenant: tenants,
    identifier: fc.constantFrom(...identifiers),
    claim: fc.constantFrom('held', 'claimed', 'claimed', 'named'),
    createdAt: fc.integer({ min: 1, max: 3 }),
    standing: fc.constantFrom('open', 'open', 'open', 'suspended', 'invalid', 'denied', 'taken'),
    scopes: pick<string>(...scopes),
    types: pick<string>(...types),
    access: fc.option(entries, { nil: undefined }),
  }),
  { maxLength: 5 },
)
const policies = fc.array(
  fc.record(
    {
      enforcement: fc.constantFrom('Deny', 'Warn', 'Audit'),
      allow: fc.record(
        {
          scopes: pick<string>(...scopes, 'r*', '*'),
          authorizationDetailsTypes: pick<string>(...types, 'pay*'),
          audiences: pick<string>(...identifiers, 'urn:*'),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 3 },
)
const callers = fc.record({
  tenant: tenants,
  labels: fc.constantFrom(undefined, {}, { team: 'x' }, { team: 'y', zone: 'x' }),
  audiences: pick<string>(...identifiers),
  scopes: pick<string>(...scopes),
  types: pick<string>(...types),
  policies,
})
const worlds = fc.record({ apis, caller: callers }).map(({ apis: declared, caller: { policies: specs, ...one } }) => ({
  apis: declared.map((each, index) => ({ ...each, key: `${tenantText(each.tenant)}/api-${index}`, uid: `u${index}` })),
  caller: { ...one, clientId: `${tenantText(one.tenant)}.app`, policies: binding(...specs, {}) },
}))
type World = typeof worlds extends fc.Arbitrary<infer W> ? W : never

const resolveWorld = ({ apis: declared, caller: one }: World) =>
  resolveAccess(one, (identifier) => declared.filter((each) => each.identifier === identifier))

// The same rules once more, in other words: a scope at an audience, and each of the four that may leave it out.
const lists = (allowed: readonly string[] | undefined, value: string): boolean =>
  allowed === undefined ||
  allowed.some((one) => one === value || (one.endsWith('*') && value.startsWith(one.replace('*', ''))))
const bindingSpecs = ({ caller: one }: World) =>
  one.policies.map(({ spec }) => spec).filter((spec) => (spec.enforcement ?? 'Deny') === 'Deny')
const holder = ({ apis: declared }: World, identifier: string) =>
  declared
    .filter((each) => each.identifier === identifier)
    .toSorted(
      (left, right) =>
        Number(right.claim === 'held') - Number(left.claim === 'held') ||
        Number(left.claim === 'named') - Number(right.claim === 'named') ||
        left.createdAt - right.createdAt ||
        left.uid.localeCompare(right.uid),
    )[0]
function fits(
  one: Caller,
  { namespaces: names, namespaceSelector, clientIds, clusters }: NonNullable<DeclaredApi['access']>[number],
): boolean {
  if ([names, namespaceSelector, clientIds, clusters].every((field) => field === undefined)) return false
  const text = tenantText(one.tenant)
  const isMirror = text.includes('_')
  if (isMirror && (names !== undefined || namespaceSelector !== undefined)) return false
  if (names !== undefined && !names.includes('*') && !names.includes(text)) return false
  const named = clusters?.flatMap(({ name, namespaces: there }) => there.map((each) => `${name}_${each}`))
  if (named && !named.includes(text) && !(isMirror && named.includes(text.replace(/_.*/, '_*')))) return false
  if (clientIds !== undefined && !clientIds.includes(one.clientId)) return false
  if (namespaceSelector === undefined) return true
  const { labels } = one
  if (labels === undefined) return false
  for (const [key, value] of Object.entries(namespaceSelector.matchLabels ?? {}))
    if (labels[key] !== value) return false
  for (const { key, operator, values = [] } of namespaceSelector.matchExpressions ?? []) {
    if (['In', 'NotIn'].includes(operator) !== values.length > 0) return false
    const has = key in labels
    if (operator === 'In' && !(has && values.includes(labels[key]!))) return false
    if (operator === 'NotIn' && has && values.includes(labels[key]!)) return false
    if (operator === 'Exists' && !has) return false
    if (operator === 'DoesNotExist' && has) return false
  }
  return true
}
const apiGives = (world: World, identifier: string, scope: string): boolean => {
  const found = holder(world, identifier)
  return found === undefined || (found.standing === 'open' && found.scopes.includes(scope))
}
const entryGives = (world: World, identifier: string, scope: string): boolean => {
  const found = holder(world, identifier)
  if (found === undefined) return true
  if (found.access === undefined) return tenantText(found.tenant) === tenantText(world.caller.tenant)
  return found.access.some((one) => fits(world.caller, one) && (one.scopes === undefined || one.scopes.includes(scope)))
}
const callerGives = ({ caller: one }: World, identifier: string, scope: string): boolean =>
  one.audiences.includes(identifier) && one.scopes.includes(scope) && !oidcScopes.includes(scope)
const policiesGive = (world: World, identifier: string, scope: string): boolean =>
  bindingSpecs(world).every(({ allow }) => lists(allow?.scopes, scope) && lists(allow?.audiences, identifier)) &&
  (holder(world, identifier) !== undefined ||
    bindingSpecs(world).some(({ allow }) => allow?.audiences !== undefined && lists(allow.audiences, identifier)))

describe('resolveAccess', () => {
  const runs = { numRuns: propertyRuns(2_000) }

  it('K18 gives a scope at an audience exactly when the API, its access, the caller and its policies all have it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const given = resolveWorld(world).flatMap((one) =>
          one.kind === 'granted' ? one.scopes.map((scope) => `${one.identifier} ${scope}`) : [],
        )
        const expected = identifiers.flatMap((identifier) =>
          scopes.flatMap((scope) =>
            [apiGives, entryGives, callerGives, policiesGive].every((gives) => gives(world, identifier, scope))
              ? [`${identifier} ${scope}`]
              : [],
          ),
        )
        expect(given.toSorted()).to.deep.equal(expected.toSorted())
      }),
      runs,
    )
  })

  it('K18 gives a type of authorization details exactly when the API, its access, the caller and its policies all have it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const given = resolveWorld(world).flatMap((one) =>
          one.kind === 'granted' ? one.types.map((type) => `${one.identifier} ${type}`) : [],
        )
        const expected = world.caller.audiences.flatMap((identifier) =>
          types.flatMap((type) => {
            const found = holder(world, identifier)
            if (found?.standing !== 'open' || !found.types.includes(type)) return []
            const isLetIn = found.access
              ? found.access.some(
                  (one) => fits(world.caller, one) && (one.authorizationDetailsTypes ?? types).includes(type),
                )
              : tenantText(found.tenant) === tenantText(world.caller.tenant)
            const isAllowed = bindingSpecs(world).every(
              ({ allow }) => lists(allow?.authorizationDetailsTypes, type) && lists(allow?.audiences, identifier),
            )
            return isLetIn && isAllowed && world.caller.types.includes(type) ? [`${identifier} ${type}`] : []
          }),
        )
        expect(given.toSorted()).to.deep.equal(expected.toSorted())
      }),
      runs,
    )
  })

  it('K18 gives an audience that nobody declares only where a policy lists it and none leaves it out', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        for (const one of resolveWorld(world)) {
          if (holder(world, one.identifier) !== undefined) continue
          const said = bindingSpecs(world).flatMap(({ allow }) =>
            allow?.audiences ? [lists(allow.audiences, one.identifier)] : [],
          )
          expect(one.kind === 'granted').to.equal(said.length > 0 && !said.includes(false))
        }
      }),
      runs,
    )
  })

  it('K18 gives nothing at an identifier whose object does not stand, whatever else declares or lists it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        for (const one of resolveWorld(world)) {
          const found = holder(world, one.identifier)
          if (found && found.standing !== 'open') expect(one.kind).to.equal('refused')
        }
      }),
      runs,
    )
  })

  it('answers each audience once, in the same order whatever the order of the lists', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const turned = {
          apis: world.apis.toReversed(),
          caller: { ...world.caller, audiences: world.caller.audiences.toReversed() },
        }
        expect(resolveWorld(turned)).to.deep.equal(resolveWorld(world))
        expect(resolveWorld(world).map(({ identifier }) => identifier)).to.deep.equal(world.caller.audiences.toSorted())
      }),
      { numRuns: propertyRuns(500) },
    )
  })
})

describe('isSameAccess', () => {
  it('is true of what people and servers are told in the same words, and of nothing else', () => {
    fc.assert(
      fc.property(worlds, worlds, (one, other) => {
        const [left, right] = [
          resolveWorld(one)[0],
          resolveWorld({ ...other, caller: { ...other.caller, audiences: one.caller.audiences } })[0],
        ]
        if (!left || !right) return
        expect(isSameAccess(left, right)).to.equal(JSON.stringify(left) === JSON.stringify(right))
        expect(isSameAccess(left, structuredClone(left))).to.equal(true)
      }),
      { numRuns: propertyRuns(500) },
    )
  })
})

describe('callerOf', () => {
  const version = (audiences: string[], scopes: string[]) =>
    renderVersion(renderConfig(client({ type: 'M2M', audiences, scopes })))
  const machine = client({ type: 'M2M', audiences: ['urn:now'], scopes: ['now'] })
  const judgement = judgeClient(machine, {
    acceptance: { kind: 'accepted', wanted: 'demo.app' },
    policies: holding({}),
    isFull: () => false,
    isServed: false,
    now: 0,
  })
  const entry = (uid: string) =>
    create(ShardEntrySchema, {
      uid,
      desired: version(['urn:now'], ['now']),
      accepted: version(['urn:before'], ['before']),
    })

  it('asks also for what an earlier version asks for that servers may still serve', () => {
    const found = callerOf(judgement, entry(machine.metadata.uid), {})!
    expect([found.audiences, found.scopes]).to.deep.equal([
      ['urn:now', 'urn:before'],
      ['now', 'before'],
    ])
    expect(presentOnly(found, renderConfig(machine)).audiences).to.deep.equal(['urn:now'])
  })

  it('asks the same for one that was restored under another uid: servers have its earlier version until they have read the next', () => {
    expect(callerOf(judgement, entry('another'), {})!.audiences).to.deep.equal(['urn:now', 'urn:before'])
  })

  it('asks only for what was accepted while the spec breaks a rule', () => {
    const invalid = judged({
      client: machine,
      acceptance: { kind: 'invalid', wanted: 'demo.app', faults: [] },
      served: 'demo.app',
      serve: { kind: 'carry', until: undefined },
    })
    const stored = create(ShardEntrySchema, { uid: machine.metadata.uid, accepted: version(['urn:before'], []) })
    expect(callerOf(invalid, stored, {})!.audiences).to.deep.equal(['urn:before'])
  })

  it('is nobody when its policies are not known, or nothing of it is served', () => {
    expect(callerOf(judged({ binding: undefined }), undefined, {})).to.equal(undefined)
    expect(callerOf(judged({ served: undefined }), undefined, {})).to.equal(undefined)
  })

  it('K18 is who it is served as, whatever client id its object wants', () => {
    const taken = {
      kind: 'conflict',
      wanted: 'shop.checkout',
      field: 'spec.clientId',
      holder: 'shop/checkout',
      mayClaim: false,
    } as const
    const about = { acceptance: taken, policies: holding({}), isFull: () => false, isServed: true, now: 0 }
    expect(callerOf(judgeClient(machine, { ...about, servedAs: 'demo.app' }), entry('u'), {})!.clientId).to.equal(
      'demo.app',
    )
    expect(callerOf(judgeClient(machine, about), undefined, {})).to.equal(undefined)
  })

  it('asks nothing by a version that cannot be read', () => {
    const stored = create(ShardEntrySchema, { uid: machine.metadata.uid, accepted: { config: 'not JSON' } })
    expect(callerOf(judgement, stored, {})!.audiences).to.deep.equal(['urn:now'])
  })
})

describe('grantedOf', () => {
  it('tells the servers what is granted, and nothing of what is refused', () => {
    const access = resolveAccess(caller({ audiences: [billing, 'urn:unknown'] }), (identifier) =>
      identifier === billing ? [api()] : [],
    )
    expect(grantedOf(access).apis.map(({ identifier, scopes: given }) => [identifier, given])).to.deep.equal([
      [billing, ['read', 'write']],
    ])
  })
})

describe('ungrantedScopes', () => {
  it('names the scopes of APIs that no audience gives', () => {
    const access = [accessTo(billing, caller(), api())]
    expect(ungrantedScopes(['openid', 'read', 'else'], access)).to.deep.equal(['else'])
  })
})

describe('documentGrants', () => {
  const access = [
    { clientMetadataHosts: ['Agents.example.com', '.example.org'], scopes: ['read', 'write', 'other'] },
    { namespaces: ['*'] },
  ]
  const given = (about: Partial<DeclaredApi> = {}, ...specs: OIDCPolicySpec[]) =>
    documentGrants([api({ access, ...about })], binding(...specs, {}))

  it('T51 gives the scopes of the entry that the API has, and opens the API to nobody else by it', () => {
    expect(given()).to.deep.equal([{ hosts: ['agents.example.com', '.example.org'], scopes: ['read', 'write'] }])
    const only = api({ access: [{ clientMetadataHosts: ['agents.example.com'], scopes: ['read'] }] })
    expect(scopesOf(accessTo(billing, caller(), only))).to.equal('no-entry')
  })

  it("T51 gives nothing that a policy of the API's client leaves out, and nothing while the API is not open", () => {
    expect(given({}, { allow: { scopes: ['read'] } })).to.deep.include({
      ...given()[0],
      scopes: ['read'],
    })
    expect(given({}, { enforcement: 'Warn', allow: { scopes: ['read'] } })).to.deep.equal(given())
    expect(given({}, { allow: { scopes: ['openid'] } })).to.deep.equal([])
    for (const standing of ['suspended', 'invalid', 'denied', 'taken', 'waiting'] as const)
      expect(given({ standing })).to.deep.equal([])
    expect(documentGrants([], binding({}))).to.deep.equal([])
  })

  it('T51 gives what the earlier version has while the API waits for another identifier', () => {
    const waiting = [api({ access, standing: 'taken' }), api({ access, scopes: ['write'] })]
    expect(documentGrants(waiting, binding({}))).to.deep.equal([{ ...given()[0], scopes: ['write'] }])
  })

  it('is told to servers beside what the client itself may have', () => {
    expect(grantedOf([], given()).documents).to.have.length(1)
  })
})
