import { oidcScopes } from '@nauthera/rules/scopes'
import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema, ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Provider } from 'oidc-provider'
import { createClientCheck, fieldOfKey, fieldUse, renderMetadata } from '../../../src/oidc/clients/mapping.ts'
import { clientClassOf } from '../../../src/oidc/library/shapes.ts'
import { mintSigningKey } from '../../../src/oidc/keys/jwt.ts'
import { configs } from '@nauthera/harness/server'

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA']
const signing = { idToken: 'RS256', accessToken: 'ES256' } as const
const provider = new Provider('http://localhost:1', {
  adapter: class {} as never,
  jwks: { keys: await Promise.all(algorithms.map((algorithm) => mintSigningKey(algorithm as 'ES256'))) },
  cookies: { keys: ['x'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: {
    authorizationSigningAlgValues: algorithms as never,
    idTokenSigningAlgValues: algorithms as never,
    userinfoSigningAlgValues: algorithms as never,
    introspectionSigningAlgValues: algorithms as never,
  },
  scopes: [...oidcScopes],
  features: {
    devInteractions: { enabled: false },
    jwtUserinfo: { enabled: true },
    jwtResponseModes: { enabled: true },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    dPoP: { enabled: true },
    requestObjects: { enabled: true },
  },
} as never)

describe('fieldUse', () => {
  it('says for every field of ClientConfig where it is used', () => {
    const fields = ClientConfigSchema.fields.map(({ localName }) => localName)
    expect(Object.keys(fieldUse).toSorted()).to.deep.equal(fields.toSorted())
  })
})

describe('fieldOfKey', () => {
  for (const [key, field] of [
    ['jwks_uri', 'spec.auth.jwksURI'],
    ['redirect_uris', 'spec.redirectURIs'],
    ['tos_uri', 'spec.uris.tos'],
    ['client_name', 'spec.displayName'],
    ['contacts', 'spec.contacts'],
    ['scope', 'spec.scopes'],
    ['constructor', 'spec'],
    [undefined, 'spec'],
  ] as const) {
    it(`${key} comes from ${field}`, () => expect(fieldOfKey(key)).to.equal(field))
  }

  it('knows each key that a client may be registered with', () => {
    const full = renderMetadata(
      create(ClientConfigSchema, {
        ...configs.web,
        jwksUri: 'x',
        jwks: { keys: [] },
        defaultMaxAge: 1,
        userinfoSignedResponseAlg: 'ES256',
        clientUri: 'x',
        logoUri: 'x',
        policyUri: 'x',
        tosUri: 'x',
        initiateLoginUri: 'x',
        contacts: ['x'],
      }),
      { clientId: 'a.b' },
      signing,
    )
    const ours = ['client_secret', 'authorization_signed_response_alg', 'introspection_signed_response_alg']
    expect(Object.keys(full).filter((key) => fieldOfKey(key) === 'spec')).to.have.members(ours)
  })
})

describe('renderMetadata', () => {
  const encrypted = { userinfoEncryptedResponseAlg: 'ECDH-ES', userinfoEncryptedResponseEnc: 'A256GCM' }
  const render = (config: object) =>
    renderMetadata(create(ClientConfigSchema, { ...configs.web, ...config }), { clientId: 'a.b' }, signing)

  it('tells the library no address for back-channel logout: it would wait for every program in the request', () => {
    const told = JSON.stringify(render({ backchannelLogoutUri: 'https://app.example.com/out' }))
    expect(told).to.not.contain('https://app.example.com/out')
  })

  for (const [sentence, config, key, value] of [
    ['the id', {}, 'client_id', 'a.b'],
    ['the name', { clientName: 'Shop' }, 'client_name', 'Shop'],
    ['redirect URIs', {}, 'redirect_uris', ['https://app.example.com/callback']],
    ['post-logout redirect URIs', {}, 'post_logout_redirect_uris', ['https://app.example.com/bye']],
    ['grant types', {}, 'grant_types', ['authorization_code', 'refresh_token']],
    ['the one response type', {}, 'response_types', ['code']],
    ['no response type without the code flow', { grantTypes: ['client_credentials'] }, 'response_types', []],
    ['response modes', { responseModes: ['form_post'] }, 'response_modes', ['form_post']],
    [
      'every scope of OpenID Connect, and none of an API: what the client may ask for is decided elsewhere',
      { scopes: ['openid', 'read'] },
      'scope',
      oidcScopes.join(' '),
    ],
    ['the authentication method', {}, 'token_endpoint_auth_method', 'client_secret_basic'],
    ['a placeholder where the library wants a secret', {}, 'client_secret', 'hashed-secrets-are-compared-elsewhere'],
    ['no placeholder without a secret', { tokenEndpointAuthMethod: 'none' }, 'client_secret', undefined],
    ['the type of a native application', { type: 'Native' }, 'application_type', 'native'],
    [
      'that pushed requests are required',
      { requirePushedAuthorizationRequests: true },
      'require_pushed_authorization_requests',
      true,
    ],
    ['that DPoP is required', { dpopBoundAccessTokens: true }, 'dpop_bound_access_tokens', true],
    ['that signed requests are required', { requireSignedRequestObject: true }, 'require_signed_request_object', true],
    ['the default max_age, also zero', { defaultMaxAge: 0 }, 'default_max_age', 0],
    ['that auth_time is required', { requireAuthTime: true }, 'require_auth_time', true],
    ['the algorithm of ID tokens', { idTokenSignedResponseAlg: 'EdDSA' }, 'id_token_signed_response_alg', 'EdDSA'],
    ['the server’s algorithm of ID tokens when the client names none', {}, 'id_token_signed_response_alg', 'RS256'],
    ['the server’s algorithm of access tokens for JARM', {}, 'authorization_signed_response_alg', 'ES256'],
    [
      'the client’s algorithm of access tokens for JARM, not that of ID tokens',
      { accessTokenSignedResponseAlg: 'PS256', idTokenSignedResponseAlg: 'EdDSA' },
      'authorization_signed_response_alg',
      'PS256',
    ],
    [
      'the one word that the library has for a secret in either way',
      { secretMethods: ['client_secret_basic', 'client_secret_post'] },
      'token_endpoint_auth_method',
      'client_secret_basic',
    ],
    ['the algorithm of userinfo', { userinfoSignedResponseAlg: 'PS256' }, 'userinfo_signed_response_alg', 'PS256'],
    [
      'the algorithm of ID tokens for userinfo that is encrypted and names none',
      { ...encrypted, idTokenSignedResponseAlg: 'EdDSA' },
      'userinfo_signed_response_alg',
      'EdDSA',
    ],
    [
      'the server’s algorithm of ID tokens for userinfo that is encrypted when the client names none',
      encrypted,
      'userinfo_signed_response_alg',
      'RS256',
    ],
    [
      'the algorithm of userinfo that is encrypted',
      { ...encrypted, userinfoSignedResponseAlg: 'PS256' },
      'userinfo_signed_response_alg',
      'PS256',
    ],
    [
      'no encryption: overrides/encrypt-userinfo does that, not the library',
      encrypted,
      'userinfo_encrypted_response_alg',
      undefined,
    ],
    [
      'the addresses of the client’s pages',
      { clientUri: 'https://a.test/', policyUri: 'https://a.test/p', tosUri: 'https://a.test/t' },
      'policy_uri',
      'https://a.test/p',
    ],
    [
      'where a sign-in starts',
      { initiateLoginUri: 'https://a.test/login' },
      'initiate_login_uri',
      'https://a.test/login',
    ],
    ['contacts', { contacts: ['ops@a.test'] }, 'contacts', ['ops@a.test']],
    ['a subject', { tlsClientAuthSubjectDn: 'CN=a' }, 'tls_client_auth_subject_dn', 'CN=a'],
    ['a host in a certificate', { tlsClientAuthSanDns: 'a.test' }, 'tls_client_auth_san_dns', 'a.test'],
    ['a URI in a certificate', { tlsClientAuthSanUri: 'urn:a' }, 'tls_client_auth_san_uri', 'urn:a'],
    [
      'a certificate that binds tokens',
      { tokenEndpointAuthMethod: 'tls_client_auth' },
      'tls_client_certificate_bound_access_tokens',
      true,
    ],
    [
      'a certificate beside DPoP, which binds them instead',
      { tokenEndpointAuthMethod: 'tls_client_auth', dpopBoundAccessTokens: true },
      'tls_client_certificate_bound_access_tokens',
      undefined,
    ],
    ['keys by URL', { jwksUri: 'https://a.test/jwks' }, 'jwks_uri', 'https://a.test/jwks'],
    ['keys by value', { jwks: { keys: [] } }, 'jwks', { keys: [] }],
  ] as const) {
    it(`maps ${sentence}`, () => expect(render(config)[key]).to.deep.equal(value))
  }

  it('takes the server’s algorithm of userinfo when the client names none, but not RS256 with profile FAPI2', () => {
    const by = (config: object, userinfo: 'RS256' | 'PS256') =>
      renderMetadata(
        create(ClientConfigSchema, { ...configs.web, ...config }),
        { clientId: 'a.b' },
        { ...signing, userinfo },
      )
    const of = (config: object, userinfo: 'RS256' | 'PS256') => by(config, userinfo)['userinfo_signed_response_alg']
    expect(of({}, 'RS256')).to.equal('RS256')
    expect(of({ profile: 'FAPI2' }, 'RS256')).to.equal(undefined)
    expect(of({ profile: 'FAPI2' }, 'PS256')).to.equal('PS256')
    expect(of({ profile: 'FAPI2', idTokenSignedResponseAlg: 'ES256', ...encrypted }, 'RS256')).to.equal('ES256')
  })
})

describe('createClientCheck', () => {
  const check = createClientCheck({
    mutualTls: 'off',
    clientClass: () => clientClassOf(provider),
    signing: { ...signing, algorithms },
    identityIssuers: ['https://ci.example.com'],
  })
  const identity = { clientId: 'a.b', uid: 'u', namespace: 'a', name: 'b', hasSecret: true }
  const faultsOf = async (config: object, more: object = {}) =>
    check(create(ClientConfigSchema, { ...configs.web, ...config }), { ...identity, ...more })

  it('accepts a valid client', async () => expect(await faultsOf({})).to.deep.equal([]))

  it('accepts one without a redirect URI: those that follow routes come later', async () =>
    expect(await faultsOf({ redirectUris: [] })).to.deep.equal([]))

  for (const [sentence, config, field, code] of [
    ['A2 a wildcard', { redirectUris: ['https://*.example.com/'] }, 'spec.redirectURIs', 'CLIENT_METADATA_INVALID'],
    [
      'A2 http beyond loopback',
      { redirectUris: ['http://app.example.com/'] },
      'spec.redirectURIs',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'A2 a host whose name only begins like localhost',
      { redirectUris: ['http://localhost.evil.com/'] },
      'spec.redirectURIs',
      'CLIENT_METADATA_INVALID',
    ],
    ['A2 a javascript URL', { redirectUris: ['javascript:alert(1)'] }, 'spec.redirectURIs', 'CLIENT_METADATA_INVALID'],
    ['A2 a relative URL', { redirectUris: ['/callback'] }, 'spec.redirectURIs', 'CLIENT_METADATA_INVALID'],
    [
      'A2 a custom scheme for a Web client',
      { redirectUris: ['com.example.app:/cb'] },
      'spec.redirectURIs',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a post-logout redirect URI that is not a URL',
      { postLogoutRedirectUris: ['x'] },
      'spec.postLogoutRedirectURIs',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'client_secret_jwt',
      { tokenEndpointAuthMethod: 'client_secret_jwt' },
      'spec.auth.method',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a public client without PKCE',
      { tokenEndpointAuthMethod: 'none', pkceRequired: false },
      'spec.pkce',
      'CLIENT_METADATA_INVALID',
    ],
    ['the implicit grant', { grantTypes: ['implicit'] }, 'spec.grantTypes', 'CLIENT_METADATA_INVALID'],
    [
      'a client without a consent mode',
      { consent: ConsentMode.UNSPECIFIED },
      'spec.consent',
      'CLIENT_METADATA_INVALID',
    ],
    ['an origin with a path', { corsOrigins: ['https://a.test/x'] }, 'spec.corsOrigins', 'CLIENT_METADATA_INVALID'],
    [
      'a claim from groups with the name of a standard claim',
      { claims: [{ name: 'sub', join: 'Array', fromGroups: [] }] },
      'spec.claims',
      'CLIENT_METADATA_INVALID',
    ],
    ['an access token for two days', { accessTokenTtl: 172_800 }, 'spec.tokens.accessTTL', 'CLIENT_METADATA_INVALID'],
    [
      'an algorithm without a key',
      { idTokenSignedResponseAlg: 'HS256' },
      'spec.signing.idToken',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'keys that cannot be read',
      { tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [{ kty: 'EC' }] } },
      'spec.auth.jwks',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'T10 a private key',
      { tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [{ kty: 'RSA', n: 'x', e: 'AQAB', d: 'x' }] } },
      'spec.auth.jwks',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'private_key_jwt without keys',
      { tokenEndpointAuthMethod: 'private_key_jwt' },
      'spec.auth.jwks',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a certificate where the server takes none',
      { tokenEndpointAuthMethod: 'tls_client_auth', tlsClientAuthSanUri: 'urn:a' },
      'spec.auth.method',
      'CLIENT_METADATA_INVALID',
    ],
    ['FAPI2 with a secret', { profile: 'FAPI2' }, 'spec.auth.method', 'CLIENT_METADATA_INVALID'],
    [
      'an unknown level of authentication',
      { requiredAcr: ['mfa'] },
      'spec.access.requiredAcr',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a title of a scope that turns text around',
      { resourceServer: { scopeTexts: [{ scope: 'read', language: 'en', title: 'Read\u202e' }] } },
      'spec.resourceServer.scopes',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a description of a scope that is a page long',
      { resourceServer: { scopeTexts: [{ scope: 'read', title: 'Read', description: 'x'.repeat(301) }] } },
      'spec.resourceServer.scopes',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'authorization details with words that show nothing',
      { resourceServer: { authorizationDetails: [{ type: 'pay', title: 'Pay\u200b' }] } },
      'spec.resourceServer.authorizationDetails',
      'CLIENT_METADATA_INVALID',
    ],
    ['an unknown kind of subject', { subjectType: 'odd' }, 'spec.subjectType', 'CLIENT_METADATA_INVALID'],
    [
      'pairwise without people',
      { subjectType: 'pairwise', type: 'M2M' },
      'spec.subjectType',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a sector without pairwise',
      { sectorIdentifierUri: 'https://a.test/sector' },
      'spec.sectorIdentifierURI',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'a sector that nobody proves',
      { subjectType: 'pairwise', redirectUris: ['https://a.test/cb', 'https://b.test/cb'] },
      'spec.sectorIdentifierURI',
      'CLIENT_METADATA_INVALID',
    ],
    [
      'back-channel logout without TLS',
      { backchannelLogoutUri: 'http://a.test/out' },
      'spec.logout.backchannelURI',
      'CLIENT_METADATA_INVALID',
    ],
  ] as const) {
    it(`${sentence.replace(/^([A-Z]\d+ )?/, '$1refuses ')}, and names the field`, async () => {
      const faults = await faultsOf(config)
      expect(faults.map((fault) => [fault.field, fault.code])).to.deep.include([field, code])
      for (const fault of faults) expect(fault.message).to.have.length.greaterThan(10)
    })
  }

  it('refuses a method that needs a secret when there is no secret', async () => {
    expect(await faultsOf({}, { hasSecret: false })).to.not.deep.equal([])
  })

  it('reports every fault at once', async () => {
    expect(await faultsOf({ redirectUris: ['x', 'http://y.test/'], corsOrigins: ['z'] })).to.have.length(3)
  })
})
