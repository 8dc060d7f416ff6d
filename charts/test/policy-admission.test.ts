import type { OIDCClient, OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import { checkPolicies } from '@nauthera/operator/decide/client/check-policies'
import { policiesFor } from '@nauthera/operator/decide/client/policies'
import { expect } from 'chai'
import type { AdmissionSpec } from './support/admission.ts'
import {
  admissionNames,
  admissionSpec,
  evaluate,
  policyName,
  refusalsOf,
  strictEnvironment,
} from './support/admission.ts'
import { find, modes, objectsOf } from './support/render.ts'

const namespaceLabels = { 'example.com/team': 'platform' }
const web: OIDCClientSpec = { type: 'Web', redirectURIs: ['https://a.apps.example.com/cb'] }

function client(spec: Partial<OIDCClientSpec>, labels: Record<string, string> = {}): OIDCClient {
  const metadata = { name: 'shop', namespace: 'team-a', uid: 'u', generation: 1, labels }
  return { metadata, spec: { ...web, ...spec } } as OIDCClient
}

/** @param name of the mirror @param labels of the mirror itself */
function mirror(name: string, spec: Partial<OIDCClientSpec> = {}, labels: Record<string, string> = {}): OIDCClient {
  const made = client(spec, labels)
  return { ...made, metadata: { ...made.metadata, namespace: 'nauthera-cluster-edge', name } }
}

/** Everything else is allowed, so only the rules of the one policy can refuse. */
const opener: OIDCPolicySpec = {
  allow: {
    customClientId: true,
    existingSecret: true,
    verifiers: true,
    optionalPKCE: true,
    resourceServer: true,
    foreignServiceAccounts: true,
    tokenExchange: true,
    identityIssuers: ['*'],
    consent: ['Explicit', 'Remember', 'Skip'],
  },
}

const cases: readonly [sentence: string, policy: OIDCPolicySpec, client: OIDCClient][] = [
  ['a policy that says nothing', {}, client({})],
  ...(['shop.app', 'web.app'] as const).map((name): [string, OIDCPolicySpec, OIDCClient] => [
    `a policy for a namespace of a joined cluster, and ${name} there`,
    { selector: { clusters: [{ name: 'edge', namespaces: ['shop'] }] }, allow: { types: [] } },
    mirror(name),
  ]),
  [
    'a policy for a joined cluster, and a client of this one',
    { selector: { clusters: [{ name: 'edge', namespaces: ['*'] }] }, allow: { types: [] } },
    client({}),
  ],
  [
    'a policy that allows no other id, and a client of a joined cluster with its own',
    { allow: { customClientId: false, verifiers: false } },
    mirror('shop.app', { clientId: 'edge_shop.app' }),
  ],
  ['a type outside', { allow: { types: ['SPA'] } }, client({})],
  ['a type inside', { allow: { types: ['SPA', 'Web'] } }, client({})],
  ['no type at all', { allow: { types: [] } }, client({})],
  ['a grant outside', { allow: { grantTypes: ['authorization_code'] } }, client({ grantTypes: ['refresh_token'] })],
  ['the method of a type', { allow: { authMethods: ['none'] } }, client({})],
  ['the method of an SPA', { allow: { authMethods: ['none'] } }, client({ type: 'SPA' })],
  ['a method that is said', { allow: { authMethods: ['none'] } }, client({ auth: { method: 'client_secret_post' } })],
  ['a secret where one way is listed', { allow: { authMethods: ['client_secret_post'] } }, client({})],
  [
    'a way of showing a secret where both are listed by one word',
    { allow: { authMethods: ['client_secret'] } },
    client({ auth: { method: 'client_secret_post' } }),
  ],
  [
    'a way of showing a secret where the other is listed',
    { allow: { authMethods: ['client_secret_basic'] } },
    client({ auth: { method: 'client_secret_post' } }),
  ],
  ['no PKCE said where it is required', { require: { pkce: true } }, client({ pkce: 'Required' })],
  ['PKCE or a nonce where PKCE is required', { require: { pkce: true } }, client({ pkce: 'Auto' })],
  ['PKCE of a machine', { require: { pkce: true } }, client({ type: 'M2M', redirectURIs: [], pkce: 'Optional' })],
  ['the scopes of a person', { allow: { scopes: ['openid'] } }, client({})],
  ['no scopes of a machine', { allow: { scopes: ['openid'] } }, client({ type: 'M2M', redirectURIs: [] })],
  [
    'a scope that begins with the part before the *',
    { allow: { scopes: ['openid', 'api:*'] } },
    client({ scopes: ['openid', 'api:read'] }),
  ],
  [
    'a scope that lacks a character of that part',
    { allow: { scopes: ['openid', 'api:*'] } },
    client({ scopes: ['apis'] }),
  ],
  [
    'an identifier outside',
    { allow: { resourceServer: true, resourceIdentifiers: ['https://a/*'] } },
    client({ resourceServer: { identifier: 'https://b/', scopes: [{ name: 'read' }] } }),
  ],
  [
    'an identifier inside',
    { allow: { resourceServer: true, resourceIdentifiers: ['https://a/*'] } },
    client({ resourceServer: { identifier: 'https://a/b', scopes: [{ name: 'read' }] } }),
  ],
  ['an audience outside', { allow: { audiences: ['https://a/*'] } }, client({ audiences: ['https://b/'] })],
  ['an audience inside', { allow: { audiences: ['https://a/*'] } }, client({ audiences: ['https://a/b'] })],
  [
    'a type of details outside',
    { allow: { authorizationDetailsTypes: ['account_*'] } },
    client({ authorizationDetailsTypes: ['payment'] }),
  ],
  [
    'a type of details inside',
    { allow: { authorizationDetailsTypes: ['account_*'] } },
    client({ authorizationDetailsTypes: ['account_list'] }),
  ],
  ...(['https://ci.example.com/shop', 'https://other.example.com'] as const).map(
    (issuer): [string, OIDCPolicySpec, OIDCClient] => [
      `the issuer ${issuer}`,
      { allow: { identityIssuers: ['https://ci.example.com/*'] } },
      client({ auth: { method: 'federated_jwt', identities: [{ issuer, subject: 'build' }] } }),
    ],
  ),
  ...(['team-a', 'team-b', 'shop'] as const).flatMap((namespace): [string, OIDCPolicySpec, OIDCClient][] => {
    const auth = { method: 'federated_jwt' as const, identities: [{ serviceAccount: { name: 'worker', namespace } }] }
    const policy = { allow: { foreignServiceAccounts: false } }
    return [
      [`a ServiceAccount of ${namespace}`, policy, client({ auth })],
      [`a ServiceAccount of ${namespace} there, of a client of a joined cluster`, policy, mirror('shop.app', { auth })],
    ]
  }),
  ['a default that another type has', { allow: { grantTypes: ['client_credentials'] } }, client({})],
  ['consent by default', { allow: { consent: ['Explicit'] } }, client({})],
  ['consent that is skipped', { allow: { consent: ['Remember'] } }, client({ consent: 'Skip' })],
  ['consent of a machine', { allow: { consent: [] } }, client({ type: 'M2M', redirectURIs: [] })],
  ...(
    [
      ['https://a.apps.example.com/cb', '.apps.example.com'],
      ['https://apps.example.com/cb', '.apps.example.com'],
      ['https://evilapps.example.com/cb', '.apps.example.com'],
      ['https://A.Apps.Example.com:8443/cb', '.apps.EXAMPLE.com'],
      ['https://login.example.com?x=1', 'login.example.com'],
      ['https://login.example.com', 'login.example.com'],
      ['https://login.example.com.evil.com/', 'login.example.com'],
      ['http://localhost:3000/cb', 'x.example.com'],
      ['http://127.0.0.1/cb', 'x.example.com'],
      ['http://[::1]:3000/cb', 'x.example.com'],
      ['com.example.app:/cb', 'x.example.com'],
    ] as const
  ).flatMap(([uri, host]): [string, OIDCPolicySpec, OIDCClient][] => [
    [`${uri} with ${host}`, { allow: { redirectHosts: [host] } }, client({ redirectURIs: [uri] })],
    [
      `${uri} after logout, with ${host}`,
      { allow: { redirectHosts: [host] } },
      client({ redirectURIs: [], postLogoutRedirectURIs: [uri] }),
    ],
  ]),
  ['an id of its own', { allow: { customClientId: false } }, client({ clientId: 'team-a.other' })],
  ['the usual id, said', { allow: { customClientId: false } }, client({ clientId: 'team-a.shop' })],
  ['a gate that it opens', { allow: { customClientId: true } }, client({ clientId: 'team-a.other' })],
  [
    'a Secret of its own',
    { allow: { existingSecret: false } },
    client({ secret: { existingSecretRef: { name: 's', key: 'k' } } }),
  ],
  [
    'a secret that is kept elsewhere',
    { allow: { verifiers: false } },
    client({ secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } }),
  ],
  ['PKCE optional', { allow: { optionalPKCE: false } }, client({ pkce: 'Optional' })],
  ['an API', { allow: { resourceServer: false } }, client({ resourceServer: { identifier: 'https://api' } })],
  [
    'an API that exchanges tokens',
    { allow: { tokenExchange: false } },
    client({ resourceServer: { identifier: 'https://api' }, grantTypes: ['token_exchange'] }),
  ],
  ['no PAR', { require: { par: true } }, client({})],
  ['PAR', { require: { par: true } }, client({ par: true })],
  ['PAR of a machine', { require: { par: true } }, client({ type: 'M2M', redirectURIs: [] })],
  ...['http://localhost:3000/cb', 'http://[::1]/cb', 'https://localhost/cb', 'com.example.app:/cb'].flatMap(
    (uri): [string, OIDCPolicySpec, OIDCClient][] => [
      [`${uri} where https is required`, { require: { https: true } }, client({ redirectURIs: [uri] })],
      [
        `${uri} after logout, where https is required`,
        { require: { https: true } },
        client({ redirectURIs: [], postLogoutRedirectURIs: [uri] }),
      ],
    ],
  ),
  ['no DPoP', { require: { dpop: true } }, client({ par: true, dpop: false })],
  ['a long access token', { limits: { tokens: { access: '10m' } } }, client({ tokens: { accessTTL: '1h' } })],
  [
    'an access token that just fits',
    { limits: { tokens: { access: '60m' } } },
    client({ tokens: { accessTTL: '1h' } }),
  ],
  [
    'a long access token for its API',
    { limits: { tokens: { access: '10m' } } },
    client({ resourceServer: { identifier: 'https://api', tokens: { accessTTL: '1h' } } }),
  ],
  ['a long ID token', { limits: { tokens: { id: '10m' } } }, client({ tokens: { idTTL: '11m' } })],
  ['a long refresh token', { limits: { tokens: { refresh: '1h' } } }, client({ tokens: { refreshTTL: '2h' } })],
  ['a long overlap', { rotation: { maxOverlap: '1h' } }, client({ rotation: { interval: '24h', overlap: '2h' } })],
  ['several at once', { allow: { types: ['SPA'], scopes: [] }, require: { dpop: true } }, client({})],
  ['Warn', { enforcement: 'Warn', allow: { types: [] } }, client({})],
  ['Audit', { enforcement: 'Audit', allow: { types: [] } }, client({})],
  ['Deny, said', { enforcement: 'Deny', allow: { types: [] } }, client({})],
  ...(['shop', 'other'] as const).map((team): [string, OIDCPolicySpec, OIDCClient] => {
    const origin = { namespace: 'shop', name: 'app', uid: 'u', labels: { team } }
    return [
      `clients of a joined cluster selected by a label, and one whose origin has team: ${team}`,
      { selector: { clients: { matchLabels: { team: 'shop' } } }, allow: { types: [] } },
      mirror('shop.app', { origin }, { team: 'shop' }),
    ]
  }),
  ...(
    [
      ['a label that is there', { matchLabels: { a: '1' } }],
      ['a label with another value', { matchLabels: { a: '2' } }],
      ['a label that is absent', { matchLabels: { b: '1' } }],
      ['In', { matchExpressions: [{ key: 'a', operator: 'In', values: ['0', '1'] }] }],
      ['In without values', { matchExpressions: [{ key: 'a', operator: 'In' }] }],
      ['NotIn', { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }],
      ['NotIn of an absent label', { matchExpressions: [{ key: 'b', operator: 'NotIn', values: ['1'] }] }],
      ['Exists', { matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
      ['DoesNotExist', { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }],
    ] as const
  ).map(([sentence, clients]): [string, OIDCPolicySpec, OIDCClient] => [
    `clients selected by ${sentence}`,
    { selector: { clients }, allow: { types: [] } },
    client({}, { a: '1' }),
  ]),
  [
    'a namespace that is selected',
    { selector: { namespaces: { matchLabels: namespaceLabels } }, allow: { types: [] } },
    client({}),
  ],
  [
    'a namespace that is not selected',
    { selector: { namespaces: { matchLabels: { 'example.com/team': 'x' } } }, allow: { types: [] } },
    client({}),
  ],
]

describe('K14 the admission policy of OIDCPolicies', () => {
  let spec: AdmissionSpec
  let warning: AdmissionSpec
  before(async () => {
    spec = await admissionSpec()
    warning = await admissionSpec('Warn')
  })

  const broken = (policy: OIDCPolicySpec, object: OIDCClient, rules = spec) =>
    refusalsOf(rules, { policy, object, namespaceLabels })
  const fields = (...about: Parameters<typeof broken>): string[] => broken(...about).map(({ field }) => field)
  const denials = (policy: OIDCPolicySpec, object: OIDCClient, wanted: 'Deny' | 'Warn' = 'Deny'): string[] => {
    const named = { metadata: { name: policyName }, spec: policy }
    const policies = policiesFor(object, { baseline: opener, policies: [named], namespaceLabels })
    return checkPolicies(object, policies)
      .filter(({ enforcement, policy }) => enforcement === wanted && policy === policyName)
      .map(({ field }) => field)
  }

  for (const [sentence, policy, object] of cases) {
    it(`gives the operator's answer: ${sentence}`, () => {
      expect(fields(policy, object)).to.have.members(denials(policy, object))
    })
  }

  for (const [sentence, policy, object] of cases.filter(([, one]) => one.enforcement === undefined)) {
    it(`warns of what the operator warns of: ${sentence}`, () => {
      const warns = { ...policy, enforcement: 'Warn' as const }
      expect(fields(warns, object, warning)).to.have.members(denials(warns, object, 'Warn'))
      expect(fields(warns, object), 'and refuses nothing').to.deep.equal([])
    })
  }

  it('warns of nothing that is refused anyway, and of nothing that is only counted', () => {
    for (const enforcement of ['Deny', 'Audit'] as const) {
      expect(fields({ enforcement, allow: { types: [] } }, client({}), warning)).to.deep.equal([])
    }
  })

  it('has bindings that deny, and that only warn', async () => {
    const objects = await objectsOf()
    const actions = (name: string) =>
      (find(objects, 'ValidatingAdmissionPolicyBinding', name)['spec'] as { validationActions: string[] })
        .validationActions
    expect(actions(admissionNames.Deny)).to.deep.equal(['Deny'])
    expect(actions(admissionNames.Warn)).to.deep.equal(['Warn'])
  })

  it('has a case above for each of its rules', () => {
    const refused = cases.flatMap(([, policy, object]) => broken(policy, object))
    expect([...new Set(refused.map(({ rule }) => rule))]).to.have.members([...spec.validations])
  })

  it('names the policy, the field and what to write', () => {
    const said = broken({ allow: { types: ['SPA', 'M2M'] } }, client({})).map(({ message }) => message)
    expect(said).to.deep.equal(['OIDCPolicy limits: spec.type: must be among SPA, M2M'])
  })

  it('counts the entries of a list that is too long to be printed', () => {
    const scopes = Array.from({ length: 100 }, (_, index) => `${'x'.repeat(30)}${index}`)
    const said = broken({ allow: { scopes } }, client({})).map(({ message }) => message)
    expect(said).to.deep.equal(['OIDCPolicy limits: spec.scopes: must be among the 100 entries of allow.scopes'])
  })

  it('judges clients of its own server name only', () => {
    const judged = (object: OIDCClient, oldObject: OIDCClient | null) =>
      spec.matchConditions.every(({ expression }) => evaluate(expression, { object, oldObject }) === true)
    expect(judged(client({}), null)).to.equal(true)
    expect(judged(client({ serverName: 'default' }), null)).to.equal(true)
    expect(judged(client({ serverName: 'second' }), null)).to.equal(false)
  })

  it('compiles as an API server compiles it, which wants lists of one type', async () => {
    const strict = strictEnvironment()
    const all = (await objectsOf()).filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
    const expressions = all.flatMap((policy) => {
      const { matchConditions, variables, validations } = policy['spec'] as Partial<AdmissionSpec>
      const messages = (validations ?? []).map(({ messageExpression }) => messageExpression as string | undefined)
      const parts = [...(matchConditions ?? []), ...(variables ?? []), ...(validations ?? [])]
      return [...parts.map(({ expression }) => expression), ...messages.filter((text) => text !== undefined)]
    })
    expect(expressions.length).to.be.greaterThan(40)
    const faults = expressions.flatMap((expression) => {
      const { valid, error } = strict.check(expression)
      return valid ? [] : [`${expression}: ${error?.message}`]
    })
    expect(faults).to.deep.equal([])
  })

  it('lets a client pass when it cannot be evaluated: the operator judges it again', () => {
    expect(spec.failurePolicy).to.equal('Ignore')
  })

  it('is rendered only where the operator reads policies and admission policies are enabled', async () => {
    const isThere = async (options: Parameters<typeof objectsOf>[0]) =>
      (await objectsOf(options)).some(({ metadata }) => metadata.name === admissionNames.Deny)
    expect(modes).to.include.members(['watch-namespaces', 'watch-release'])
    const on = { operator: { admission: { enabled: true } } }
    expect(await isThere({})).to.equal(true)
    expect(await isThere({ values: { operator: { admission: { enabled: false } } } })).to.equal(false)
    for (const mode of ['watch-namespaces', 'watch-release']) {
      expect(await isThere({ mode, values: on }), mode).to.equal(false)
    }
  })
})
