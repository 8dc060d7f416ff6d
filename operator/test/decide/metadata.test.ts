import { toJson } from '@bufbuild/protobuf'
import {
  AuthorizationDetailsTypeSchema,
  ScopeTextSchema,
  ClientConfigSchema,
  ConsentMode,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { identityText } from '@nauthera/rules/identities'
import { expect } from 'chai'
import { specPathOf } from '@nauthera/proto/spec-path'
import { clientTypes } from '@nauthera/rules/client-types'
import { clientSpec } from '../../src/api/client-rules.ts'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { Schema } from '../../src/api/schema.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { client } from './clients.ts'

const federated: Partial<OIDCClientSpec> = {
  auth: { method: 'federated_jwt', identities: [{ serviceAccount: { name: 'worker' } }] },
}
const render = (change: Partial<OIDCClientSpec> = {}): ClientConfig => renderConfig(client(change))
const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'a' }] }

/** Each field of the configuration: what sets it, and what is then in it. The default is that of a Web client. */
const fields: readonly [field: string, spec: Partial<OIDCClientSpec>, value: unknown, unset: unknown][] = [
  ['type', { type: 'SPA' }, 'SPA', 'Web'],
  ['clientName', { displayName: 'Shop' }, 'Shop', 'app'],
  ['description', { description: 'A shop.' }, 'A shop.', ''],
  ['suspended', { suspended: true }, true, false],
  [
    'redirectUris',
    { redirectURIs: ['https://a.example.com/'] },
    ['https://a.example.com/'],
    ['https://app.example.com/callback'],
  ],
  ['postLogoutRedirectUris', { postLogoutRedirectURIs: ['https://a.example.com/'] }, ['https://a.example.com/'], []],
  [
    'grantTypes',
    { grantTypes: ['authorization_code'] },
    ['authorization_code'],
    ['authorization_code', 'refresh_token'],
  ],
  ['responseModes', { responseModes: ['form_post'] }, ['form_post'], ['query', 'fragment', 'form_post']],
  ['scopes', { scopes: ['openid'] }, ['openid'], ['openid', 'profile', 'email', 'groups']],
  ['authorizationDetailsTypes', { authorizationDetailsTypes: ['payment'] }, ['payment'], []],
  ['audiences', { audiences: ['urn:a:b'] }, ['urn:a:b'], []],
  ['tokenEndpointAuthMethod', { auth: { method: 'client_secret_post' } }, 'client_secret_post', 'client_secret_basic'],
  [
    'secretMethods',
    { auth: { method: 'client_secret_post' } },
    ['client_secret_post'],
    ['client_secret_basic', 'client_secret_post'],
  ],
  ['jwksUri', { auth: { jwksURI: 'https://a.example.com/jwks' } }, 'https://a.example.com/jwks', ''],
  ['jwks', { auth: { jwks } }, jwks, undefined],
  ['platformTokenTtl', federated, 7200, 0],
  ['tlsClientAuthSubjectDn', { auth: { tls: { subjectDN: 'CN=a' } } }, 'CN=a', ''],
  ['tlsClientAuthSanDns', { auth: { tls: { sanDNS: 'a.example.com' } } }, 'a.example.com', ''],
  ['tlsClientAuthSanUri', { auth: { tls: { sanURI: 'urn:a' } } }, 'urn:a', ''],
  ['pkceRequired', { pkce: 'Optional' }, false, true],
  ['pkceOrNonce', { pkce: 'Required' }, false, true],
  ['requirePushedAuthorizationRequests', { par: true }, true, false],
  ['dpopBoundAccessTokens', { dpop: true }, true, false],
  ['tlsClientCertificateBoundAccessTokens', { certificateBoundTokens: true }, true, false],
  ['requireSignedRequestObject', { signedRequestObject: true }, true, false],
  ['profile', { profile: 'FAPI2' }, 'FAPI2', 'Standard'],
  ['consent', { consent: 'Explicit' }, ConsentMode.EXPLICIT, ConsentMode.REMEMBER],
  ['allowedGroups', { access: { allowedGroups: ['a'] } }, ['a'], []],
  ['requiredAcr', { access: { requiredAcr: ['mfa'] } }, ['mfa'], []],
  ['accessTokenTtl', { tokens: { accessTTL: '1h30m' } }, 5400, 0],
  ['idTokenTtl', { tokens: { idTTL: '90s' } }, 90, 0],
  ['refreshTokenTtl', { tokens: { refreshTTL: '720h' } }, 2_592_000, 0],
  ['accessTokenFormat', { tokens: { format: 'opaque' } }, 'opaque', ''],
  ['idTokenClaims', { tokens: { idClaims: 'Minimal' } }, 'Minimal', 'Scopes'],
  ['subjectType', { subjectType: 'pairwise' }, 'pairwise', 'public'],
  ['sectorIdentifierUri', { sectorIdentifierURI: 'https://a.example.com/s' }, 'https://a.example.com/s', ''],
  ['defaultMaxAge', { defaultMaxAge: 0 }, 0, undefined],
  ['accessTokenTtlLimit', {}, 0, 0],
  ['requireAuthTime', { requireAuthTime: true }, true, false],
  ['idTokenSignedResponseAlg', { signing: { idToken: 'RS256' } }, 'RS256', ''],
  ['accessTokenSignedResponseAlg', { signing: { accessToken: 'PS256' } }, 'PS256', ''],
  ['userinfoSignedResponseAlg', { signing: { userinfo: 'ES256' } }, 'ES256', ''],
  ['userinfoEncryptedResponseAlg', { encryption: { userinfo: { alg: 'ECDH-ES' } } }, 'ECDH-ES', ''],
  ['userinfoEncryptedResponseEnc', { encryption: { userinfo: { alg: 'ECDH-ES' } } }, 'A128CBC-HS256', ''],
  ['userinfoEncryptedResponseEnc', { encryption: { userinfo: { alg: 'ECDH-ES', enc: 'A256GCM' } } }, 'A256GCM', ''],
  ['backchannelLogoutUri', { logout: { backchannelURI: 'https://a.example.com/l' } }, 'https://a.example.com/l', ''],
  ['backchannelLogoutSessionRequired', { logout: { sessionRequired: true } }, true, false],
  ['corsOrigins', { corsOrigins: ['https://a.example.com'] }, ['https://a.example.com'], []],
  ['clientUri', { uris: { client: 'https://a.example.com/' } }, 'https://a.example.com/', ''],
  ['logoUri', { uris: { logo: 'https://a.example.com/l.png' } }, 'https://a.example.com/l.png', ''],
  ['policyUri', { uris: { policy: 'https://a.example.com/p' } }, 'https://a.example.com/p', ''],
  ['tosUri', { uris: { tos: 'https://a.example.com/t' } }, 'https://a.example.com/t', ''],
  ['initiateLoginUri', { uris: { initiateLogin: 'https://a.example.com/i' } }, 'https://a.example.com/i', ''],
  ['contacts', { contacts: ['a@example.com'] }, ['a@example.com'], []],
]

describe('renderConfig', () => {
  for (const [field, spec, value, unset] of fields) {
    it(`maps ${field}`, () => {
      const read = (config: ClientConfig): unknown => (config as unknown as Record<string, unknown>)[field]
      expect(read(render(spec))).to.deep.equal(value)
      expect(read(render())).to.deep.equal(unset)
    })
  }

  it('maps the generation, the resource server and claims from groups', () => {
    const config = renderConfig(
      client(
        {
          resourceServer: {
            identifier: 'urn:a:b',
            scopes: [
              { name: 'read', title: 'Read', texts: [{ language: 'de', title: 'Lesen', description: 'Nur lesen' }] },
            ],
            tokens: { signingAlg: 'RS256', format: 'jwt', accessTTL: '10m', claims: ['groups'] },
          },
          claims: [{ name: 'roles', fromGroups: { b: ['B'], a: ['A', 'AA'] } }],
        },
        { generation: 7 },
      ),
    )
    expect(config.generation).to.equal(7n)
    expect(config.resourceServer).to.deep.include({
      identifier: 'urn:a:b',
      scopes: ['read'],
      accessTokenSignedResponseAlg: 'RS256',
      accessTokenFormat: 'jwt',
      accessTokenTtl: 600,
      tokenClaims: ['groups'],
    })
    expect(config.resourceServer!.scopeTexts.map((one) => toJson(ScopeTextSchema, one))).to.deep.equal([
      { scope: 'read', language: 'en', title: 'Read' },
      { scope: 'read', language: 'de', title: 'Lesen', description: 'Nur lesen' },
    ])
    expect(config.claims[0]).to.deep.include({ name: 'roles', join: 'Array' })
    expect(config.claims[0]!.fromGroups.map(({ group, values }) => [group, values])).to.deep.equal([
      ['a', ['A', 'AA']],
      ['b', ['B']],
    ])
  })

  it('maps authorization details: what the API leaves out is empty, words are sorted', () => {
    const whole = {
      type: 'payment',
      title: 'Make a payment',
      actions: ['initiate'],
      datatypes: ['a'],
      privileges: ['b'],
      locations: ['urn:a:c'],
      identifier: true,
      fields: [{ name: 'amount.currency', kind: 'Text' as const }],
      required: ['actions'],
      remember: true,
      texts: [{ language: 'de', words: { payment: 'Zahlung', initiate: 'anstoßen' } }],
    }
    const authorizationDetails = [whole, { type: 'statement', title: 'Read statements' }]
    const config = renderConfig(client({ resourceServer: { identifier: 'urn:a:b', authorizationDetails } }))
    const [first, second] = config.resourceServer!.authorizationDetails
    const texts = [
      {
        language: 'de',
        words: [
          { name: 'initiate', text: 'anstoßen' },
          { name: 'payment', text: 'Zahlung' },
        ],
      },
    ]
    expect(toJson(AuthorizationDetailsTypeSchema, first!)).to.deep.equal({ ...whole, texts })
    expect(toJson(AuthorizationDetailsTypeSchema, second!)).to.deep.equal({
      type: 'statement',
      title: 'Read statements',
    })
  })

  it('T33 maps a ServiceAccount of a mirror to one of its cluster, and never to one of the hub', () => {
    const identities = [
      { serviceAccount: { name: 'worker' } },
      { serviceAccount: { name: 'other', namespace: 'tools' } },
    ]
    const mirror = client({ auth: { method: 'federated_jwt', identities } })
    const metadata = { ...mirror.metadata, namespace: 'nauthera-cluster-berlin', name: 'shop.worker' }
    const config = renderConfig({ ...mirror, metadata })
    expect(config.identities.map(identityText)).to.deep.equal([
      'ServiceAccount shop/worker of cluster berlin',
      'ServiceAccount tools/other of cluster berlin',
    ])
    expect(config.identities.filter(({ serviceAccount }) => serviceAccount)).to.deep.equal([])
  })

  it('maps identities, a ServiceAccount without a namespace to one of the client', () => {
    expect(render().identities).to.deep.equal([])
    const identities = [
      { serviceAccount: { name: 'worker' } },
      { serviceAccount: { name: 'worker', namespace: 'shop' } },
      { issuer: 'https://ci.example.com', subject: 'repo:shop' },
    ]
    const config = renderConfig(client({ auth: { method: 'federated_jwt', identities } }), {
      platform: 3600,
      access: 600,
    })
    const own = client().metadata.namespace
    expect(config.identities.map(identityText)).to.deep.equal([
      `ServiceAccount ${own}/worker`,
      'ServiceAccount shop/worker',
      'repo:shop of https://ci.example.com',
    ])
    expect([config.platformTokenTtl, config.tokenEndpointAuthMethod]).to.deep.equal([3600, 'federated_jwt'])
    expect(config.accessTokenTtlLimit).to.equal(600)
  })

  it('is total: no field of the configuration is without a row here', () => {
    const rows = new Set<string>([
      ...fields.map(([field]) => field),
      'generation',
      'identities',
      'resourceServer',
      'claims',
    ])
    expect(ClientConfigSchema.fields.map(({ localName }) => localName).filter((name) => !rows.has(name))).to.deep.equal(
      [],
    )
  })

  it('reads every field of the spec that is about the provider', () => {
    const forOthers = ['serverName', 'clientId', 'redirectURIsFrom', 'secret', 'rotation', 'restraint']
    const read = new Set<string>()
    const watched = new Proxy(client({ type: 'Web' }).spec, {
      get: (spec, key) => {
        read.add(String(key))
        return Reflect.get(spec, key) as unknown
      },
    })
    renderConfig({ ...client(), spec: watched })
    expect(
      Object.keys(clientSpec.properties ?? {}).filter((key) => !read.has(key) && !forOthers.includes(key)),
    ).to.deep.equal([])
  })

  it('has a place in the spec for every field of the configuration: its spec_path in the proto file', () => {
    const hasPlace = (path: string): boolean => {
      let schema: Schema<unknown> | undefined = clientSpec
      for (const key of path.split('.')) schema = schema?.properties?.[key]
      return schema !== undefined
    }
    const paths = ClientConfigSchema.fields.map((field) => specPathOf(field))
    expect(paths.filter((path) => !hasPlace(path))).to.deep.equal(['generation'])
    // what an older server reads under another name stands beside what a newer one reads
    expect(paths.filter((path, index) => paths.indexOf(path) !== index)).to.have.members(['pkce', 'auth.method'])
  })

  it('shares nothing with the object: a later change of one is none of the other', () => {
    const given = client({ auth: { jwks } })
    const config = renderConfig(given)
    config.redirectUris.push('https://evil.example.com/')
    expect(given.spec.redirectURIs).to.have.length(1)
    expect(config.jwks).to.not.equal(jwks)
  })

  const types: Readonly<Record<string, Partial<ClientConfig>>> = {
    Web: {
      grantTypes: ['authorization_code', 'refresh_token'],
      tokenEndpointAuthMethod: 'client_secret_basic',
      secretMethods: ['client_secret_basic', 'client_secret_post'],
      pkceRequired: true,
      pkceOrNonce: true,
    },
    SPA: {
      grantTypes: ['authorization_code', 'refresh_token'],
      tokenEndpointAuthMethod: 'none',
      secretMethods: [],
      pkceRequired: true,
      pkceOrNonce: false,
    },
    Native: {
      grantTypes: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      tokenEndpointAuthMethod: 'none',
      pkceRequired: true,
      pkceOrNonce: false,
    },
    M2M: {
      grantTypes: ['client_credentials'],
      tokenEndpointAuthMethod: 'client_secret_basic',
      pkceRequired: false,
      scopes: [],
      responseModes: [],
    },
    Device: {
      grantTypes: ['refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      tokenEndpointAuthMethod: 'none',
      pkceRequired: false,
      responseModes: [],
    },
  }
  for (const type of clientTypes) {
    it(`gives type ${type} its grants and authentication`, () => {
      expect(render({ type })).to.deep.include(types[type])
    })
  }

  it('asks a Web client without authentication for PKCE, as every public client', () => {
    expect(render({ auth: { method: 'none' } })).to.deep.include({ pkceRequired: true, pkceOrNonce: false })
  })

  it('lets an SPA be called from where it runs, unless it says something else', () => {
    const redirectURIs = [
      'https://app.example.com/callback',
      'https://app.example.com/silent',
      'https://APP.example.com:443/x',
      'http://localhost:5173/',
      'not a URI',
    ]
    const spa = { type: 'SPA', redirectURIs } as const
    expect(render(spa).corsOrigins).to.deep.equal(['https://app.example.com', 'http://localhost:5173'])
    expect(render({ ...spa, corsOrigins: [] }).corsOrigins).to.deep.equal([])
    expect(render({ ...spa, type: 'Web' }).corsOrigins).to.deep.equal([])
  })

  it('fixes for FAPI2 what the profile does: no RS256, no nonce instead of PKCE, few claims in ID tokens', () => {
    expect(render({ profile: 'FAPI2', auth: { method: 'private_key_jwt', jwks } })).to.deep.include({
      idTokenSignedResponseAlg: 'ES256',
      accessTokenSignedResponseAlg: 'ES256',
      idTokenClaims: 'Minimal',
      pkceRequired: true,
      pkceOrNonce: false,
    })
  })

  it('says a device grant in the words of RFC 8628', () => {
    expect(render({ type: 'Native', grantTypes: ['device_code'] }).grantTypes).to.deep.equal([
      'urn:ietf:params:oauth:grant-type:device_code',
    ])
  })
})
