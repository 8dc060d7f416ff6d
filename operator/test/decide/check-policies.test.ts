import { expect } from 'chai'
import fc from 'fast-check'
import { authMethods, secretWays } from '@nauthera/rules/client-authentication'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { applyDefaults } from '../../src/decide/client/apply-defaults.ts'
import { checkPolicies } from '../../src/decide/client/check-policies.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { bindingOf } from '../../src/decide/client/policies.ts'
import { client, holding } from './clients.ts'

describe('how a client may show its secret', () => {
  it('whatever policies list, is refused or in each of their lists', () => {
    const list = fc.option(fc.uniqueArray(fc.constantFrom(...authMethods)), { nil: undefined })
    fc.assert(
      fc.property(
        fc.array(list, { maxLength: 3 }),
        fc.constantFrom<OIDCClientSpec['auth']>(undefined, ...authMethods.map((method) => ({ method }))),
        (lists, auth) => {
          const given = auth ? { auth } : {}
          const policies = holding(...lists.map((allowed) => ({ allow: allowed ? { authMethods: allowed } : {} })), {})
          const effective = applyDefaults(client(given), bindingOf(policies)).client
          if (checkPolicies(effective, policies).some(({ field }) => field === 'spec.auth.method')) return
          const { secretMethods, tokenEndpointAuthMethod } = renderConfig(effective)
          const ways = secretMethods.length > 0 ? secretMethods : [tokenEndpointAuthMethod]
          expect(ways, 'also what an older server reads').to.include(tokenEndpointAuthMethod)
          for (const allowed of lists.filter((one) => one !== undefined)) {
            const words: readonly string[] = allowed.includes('client_secret') ? [...allowed, ...secretWays] : allowed
            expect(words).to.include.members(ways)
          }
        },
      ),
    )
  })
})

describe('checkPolicies', () => {
  const proved = (identity: object): Partial<OIDCClientSpec> => ({
    auth: { method: 'federated_jwt', identities: [identity] },
  })
  const foreign = proved({ serviceAccount: { name: 'worker', namespace: 'shop' } })
  const fromCi = proved({ issuer: 'https://ci.example.com/shop', subject: 'build' })
  const exchanges: Partial<OIDCClientSpec> = {
    type: 'M2M',
    grantTypes: ['token_exchange'],
    resourceServer: { identifier: 'urn:a:b' },
  }
  const table: readonly [
    sentence: string,
    spec: Partial<OIDCClientSpec>,
    policies: readonly OIDCPolicySpec[],
    fields: readonly string[],
  ][] = [
    ['lets an ordinary client through the empty baseline', {}, [{}], []],
    ['keeps a custom id behind its gate', { clientId: 'shop' }, [{}], ['spec.clientId']],
    ['opens the gate by the baseline', { clientId: 'shop' }, [{ allow: { customClientId: true } }], []],
    ['opens the gate by another policy', { clientId: 'shop' }, [{ allow: { customClientId: true } }, {}], []],
    [
      'shuts the gate when one policy says no',
      { clientId: 'shop' },
      [{ allow: { customClientId: true } }, { allow: { customClientId: false } }],
      ['spec.clientId'],
    ],
    ['does not count the default id as a custom one when it is written out', { clientId: 'demo.app' }, [{}], []],
    [
      'keeps a secret of your own behind its gate',
      { secret: { existingSecretRef: { name: 'a', key: 'b' } } },
      [{}],
      ['spec.secret.existingSecretRef'],
    ],
    [
      'keeps secrets that are kept elsewhere behind their gate',
      { secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } },
      [{}],
      ['spec.secret.verifiers'],
    ],
    ['keeps optional PKCE behind its gate', { pkce: 'Optional' }, [{}], ['spec.pkce']],
    [
      'keeps a resource server behind its gate',
      { resourceServer: { identifier: 'urn:a:b' } },
      [{}],
      ['spec.resourceServer'],
    ],
    [
      'opens the gate of a resource server',
      { resourceServer: { identifier: 'urn:a:b' } },
      [{ allow: { resourceServer: true } }],
      [],
    ],
    ['keeps token exchange behind its gate', exchanges, [{ allow: { resourceServer: true } }], ['spec.grantTypes']],
    ['opens the gate of token exchange', exchanges, [{ allow: { resourceServer: true, tokenExchange: true } }], []],
    ['keeps ServiceAccounts of other namespaces behind their gate', foreign, [{}], ['spec.auth.identities']],
    ['opens the gate of foreign ServiceAccounts', foreign, [{ allow: { foreignServiceAccounts: true } }], []],
    ['takes no issuer that no policy lists', fromCi, [{}], ['spec.auth.identities']],
    [
      'takes an issuer that a policy lists',
      fromCi,
      [{ allow: { identityIssuers: ['https://ci.example.com/*'] } }, {}],
      [],
    ],
    [
      'takes no issuer that another policy leaves out',
      fromCi,
      [{ allow: { identityIssuers: ['https://ci.example.com/*'] } }, { allow: { identityIssuers: [] } }],
      ['spec.auth.identities'],
    ],
    ['keeps consent Skip behind its gate', { consent: 'Skip' }, [{}], ['spec.consent']],
    ['opens Skip by a list that has it', { consent: 'Skip' }, [{ allow: { consent: ['Skip'] } }], []],
    [
      'wants Skip in every list',
      { consent: 'Skip' },
      [{ allow: { consent: ['Skip'] } }, { allow: { consent: ['Remember'] } }],
      ['spec.consent'],
    ],
    ['limits types', {}, [{ allow: { types: ['SPA'] } }], ['spec.type']],
    [
      'limits the grants in effect, not only those written down',
      {},
      [{ allow: { grantTypes: ['authorization_code'] } }],
      ['spec.grantTypes'],
    ],
    ['limits authentication', {}, [{ allow: { authMethods: ['none'] } }], ['spec.auth.method']],
    [
      'is satisfied by a list that has one way of showing a secret',
      {},
      [{ allow: { authMethods: ['client_secret_post'] } }],
      [],
    ],
    [
      'lets client_secret in a list stand for both ways',
      { auth: { method: 'client_secret_basic' } },
      [{ allow: { authMethods: ['client_secret'] } }],
      [],
    ],
    [
      'does not let one way in a list stand for the other',
      { auth: { method: 'client_secret_basic' } },
      [{ allow: { authMethods: ['client_secret_post'] } }],
      ['spec.auth.method'],
    ],
    [
      'refuses a secret when each policy lists another way',
      {},
      [{ allow: { authMethods: ['client_secret_post'] } }, { allow: { authMethods: ['client_secret_basic'] } }],
      ['spec.auth.method'],
    ],
    ['wants PKCE where it is required', { pkce: 'Auto' }, [{ require: { pkce: true } }], ['spec.pkce']],
    ['is satisfied by a client that has what is required', { pkce: 'Required' }, [{ require: { pkce: true } }], []],
    ['asks no PKCE of a machine', { type: 'M2M', redirectURIs: [] }, [{ require: { pkce: true } }], []],
    [
      'limits scopes',
      { scopes: ['openid', 'api:write'] },
      [{ allow: { scopes: ['openid', 'api:read'] } }],
      ['spec.scopes'],
    ],
    [
      'takes * at the end of a scope',
      { scopes: ['openid', 'api:write'] },
      [{ allow: { scopes: ['openid', 'api:*'] } }],
      [],
    ],
    [
      'limits identifiers of APIs',
      { resourceServer: { identifier: 'https://a.example.com', scopes: [{ name: 'read' }] } },
      [{ allow: { resourceServer: true, resourceIdentifiers: ['https://b.example.com', 'urn:a:*'] } }],
      ['spec.resourceServer.identifier'],
    ],
    [
      'keeps an identifier on this machine for where a policy lists it',
      { resourceServer: { identifier: 'http://localhost:8080/mcp' } },
      [{ allow: { resourceServer: true } }],
      ['spec.resourceServer.identifier'],
    ],
    [
      'takes * for no identifier on this machine',
      { resourceServer: { identifier: 'http://localhost:8080/mcp' } },
      [{ allow: { resourceServer: true, resourceIdentifiers: ['*'] } }],
      ['spec.resourceServer.identifier'],
    ],
    [
      'takes an identifier on this machine that is listed',
      { resourceServer: { identifier: 'http://localhost:8080/mcp' } },
      [{ allow: { resourceServer: true, resourceIdentifiers: ['http://localhost:*'] } }],
      [],
    ],
    ...(
      [
        [undefined, 'rabbitmq', 1],
        [['*'], 'rabbitmq', 1],
        [['https:*', 'urn:*'], 'rabbitmq', 2],
        [['kafka'], 'rabbitmq', 2],
        [['rabbitmq'], 'rabbitmq', 0],
        [['rabbit*'], 'rabbitmq', 0],
        [['rabbit-*'], 'rabbit-mq', 0],
        // whoever lists these means URIs, or everything
        [['https*'], 'httpsbin', 1],
        [['http*'], 'httpbin', 1],
        [['h*'], 'httpbin', 1],
        [['u*'], 'upload', 1],
        [['Urn*', 'r**', '**'], 'rabbitmq', 2],
        [['httpb*'], 'httpbin', 0],
        [['urn'], 'urn', 0],
      ] as const
    ).map(
      ([resourceIdentifiers, identifier, faults]): [string, Partial<OIDCClientSpec>, OIDCPolicySpec[], string[]] => [
        `${faults === 0 ? 'takes' : 'refuses'} the bare name ${identifier} where ${resourceIdentifiers?.join(' and ') ?? 'nothing'} is listed`,
        { resourceServer: { identifier } },
        [
          {
            allow: {
              resourceServer: true,
              ...(resourceIdentifiers && { resourceIdentifiers: [...resourceIdentifiers] }),
            },
          },
        ],
        Array.from({ length: faults }, () => 'spec.resourceServer.identifier'),
      ],
    ),
    [
      'limits types of authorization details',
      { authorizationDetailsTypes: ['payment'] },
      [{ allow: { authorizationDetailsTypes: ['account_*'] } }],
      ['spec.authorizationDetailsTypes'],
    ],
    [
      'limits audiences',
      { audiences: ['https://a.example.com'] },
      [{ allow: { audiences: ['https://b.example.com'] } }],
      ['spec.audiences'],
    ],
    [
      'K14 limits hosts at a label boundary',
      { redirectURIs: ['https://evilapps.example.com/'] },
      [{ allow: { redirectHosts: ['.apps.example.com'] } }],
      ['spec.redirectURIs'],
    ],
    [
      'intersects: what one policy forbids, no other allows',
      {},
      [{ allow: { types: ['Web'] } }, { allow: { types: ['SPA'] } }],
      ['spec.type'],
    ],
    ['demands PAR', {}, [{ require: { par: true } }], ['spec.par']],
    ['demands no PAR of type M2M', { type: 'M2M' }, [{ require: { par: true } }], []],
    ['demands DPoP', {}, [{ require: { dpop: true } }], ['spec.dpop']],
    [
      'demands https of redirect URIs, on localhost too',
      { redirectURIs: ['https://a.example.com/', 'http://localhost:3000/'], postLogoutRedirectURIs: ['http://[::1]/'] },
      [{ require: { https: true }, allow: { redirectHosts: ['.example.com'] } }],
      ['spec.redirectURIs', 'spec.postLogoutRedirectURIs'],
    ],
    [
      'demands https of no scheme of an application',
      { type: 'Native', redirectURIs: ['com.example.app:/cb', 'https://a.example.com/'] },
      [{ require: { https: true } }],
      [],
    ],
    ['demands rotation of a client with a secret', {}, [{ require: { rotation: true } }], ['spec.rotation.interval']],
    [
      'demands rotation of a client that lists its secrets',
      { secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } },
      [{ require: { rotation: true }, allow: { verifiers: true } }],
      ['spec.rotation.interval'],
    ],
    [
      'demands no rotation of a client without one',
      { auth: { method: 'none' } },
      [{ require: { rotation: true } }],
      [],
    ],
    [
      'limits lives of tokens',
      { tokens: { accessTTL: '2h', idTTL: '5m', refreshTTL: '10h' } },
      [{ limits: { tokens: { access: '1h', id: '10m', refresh: '5h' } } }],
      ['spec.tokens.accessTTL', 'spec.tokens.refreshTTL'],
    ],
    [
      'limits the overlap',
      { rotation: { overlap: '48h' } },
      [{ rotation: { maxOverlap: '24h' } }],
      ['spec.rotation.overlap'],
    ],
  ]
  for (const [sentence, spec, policies, fields] of table) {
    it(sentence, () => {
      expect(checkPolicies(client(spec), holding(...policies)).map(({ field }) => field)).to.deep.equal(fields)
    })
  }

  it('limits clients of a namespace: the oldest stay', () => {
    const limited = holding({ limits: { clientsPerNamespace: 2 } })
    expect(checkPolicies(client(), limited, (limit) => limit <= 1)).to.deep.equal([])
    expect(checkPolicies(client(), limited, (limit) => limit <= 2).map(({ field }) => field)).to.deep.equal([
      'metadata.namespace',
    ])
  })

  it('carries enforcement, grace and name of the policy', () => {
    const [violation] = checkPolicies(
      client(),
      holding({ enforcement: 'Warn', grace: '2h', allow: { types: ['SPA'] } }, {}),
    )
    expect(violation).to.include({
      policy: 'policy-1',
      enforcement: 'Warn',
      graceMs: 7_200_000,
      message: 'must be among SPA',
    })
  })
})
