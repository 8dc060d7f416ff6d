import { createHash } from 'node:crypto'
import { annotations, labels } from '@nauthera/proto/names'
import { digestOf } from '@nauthera/proto/digest'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { parse } from 'yaml'
import { presets as presetNames } from '../../src/api/client-secret.ts'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { SecretMarks } from '../../src/decide/secret/rotation-terms.ts'
import { renderSecret } from '../../src/decide/secret/secret.ts'
import type { RenderedSecret } from '../../src/decide/secret/secret.ts'
import { client } from './clients.ts'

const plain = new Secret('a-secret-of-43-characters-is-what-is-minted')
const sha256 = digestOf(plain.reveal())
const marks: SecretMarks = {
  secretId: sha256.slice(0, 8),
  rotatedAt: Date.UTC(2026, 0, 1),
  verifiers: [
    { id: sha256.slice(0, 8), sha256 },
    { id: 'ffffffff', sha256: 'f'.repeat(64), notAfter: Date.UTC(2026, 0, 2) },
  ],
  observed: { trigger: 't1', revoke: 'r1' },
  fence: 'ffffffff',
}

function render(
  secret: OIDCClientSpec['secret'] = {},
  options: { plain?: Secret | undefined; spec?: Partial<OIDCClientSpec> } = { plain },
) {
  return renderSecret({
    client: client({ ...options.spec, secret }),
    clientId: 'demo.app',
    issuer: 'https://login.example.com',
    plain: options.plain,
    marks: options.plain && marks,
  })
}

function rendered(...options: Parameters<typeof render>): RenderedSecret {
  const result = render(...options)
  if (result.kind === 'invalid') throw new Error(JSON.stringify(result.faults))
  return result.secret
}

const dataOf = ({ data }: RenderedSecret): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value.reveal()]))

const canonical = {
  client_id: 'demo.app',
  client_secret: plain.reveal(),
  issuer: 'https://login.example.com',
  discovery_url: 'https://login.example.com/.well-known/openid-configuration',
  authorization_endpoint: 'https://login.example.com/authorize',
  token_endpoint: 'https://login.example.com/token',
  userinfo_endpoint: 'https://login.example.com/userinfo',
  jwks_uri: 'https://login.example.com/jwks',
  end_session_endpoint: 'https://login.example.com/logout',
  scopes: 'openid profile email groups',
  redirect_uris: 'https://app.example.com/callback',
}

describe('renderSecret', () => {
  it('has every canonical key', () => {
    expect(dataOf(rendered())).to.deep.equal(canonical)
  })

  it('leaves only client_secret out for a client without one, so that charts need no branch', () => {
    const { client_secret: _absent, ...rest } = canonical
    expect(dataOf(rendered({}, { plain: undefined }))).to.deep.equal(rest)
  })

  it('is named after the client, or as the client says', () => {
    expect(rendered().name).to.equal('app-oidc')
    expect(rendered({ name: 'mine' }).name).to.equal('mine')
  })

  const presets: readonly [
    NonNullable<NonNullable<OIDCClientSpec['secret']>['presets']>[number],
    Record<string, string>,
  ][] = [
    ['Generic', {}],
    [
      'Env',
      {
        OIDC_CLIENT_ID: 'demo.app',
        OIDC_CLIENT_SECRET: plain.reveal(),
        OIDC_ISSUER: canonical.issuer,
        OIDC_DISCOVERY_URL: canonical.discovery_url,
        OIDC_SCOPES: canonical.scopes,
        OIDC_REDIRECT_URI: 'https://app.example.com/callback',
      },
    ],
    [
      'ArgoCD',
      {
        'oidc.clientID': 'demo.app',
        'oidc.clientSecret': plain.reveal(),
        'oidc.issuer': canonical.issuer,
        'oidc.config': [
          'name: "SSO"',
          'issuer: "https://login.example.com"',
          'clientID: "$app-oidc:oidc.clientID"',
          'clientSecret: "$app-oidc:oidc.clientSecret"',
          'requestedScopes: ["openid","profile","email","groups"]',
          'enablePKCEAuthentication: true',
          `logoutURL: "${canonical.end_session_endpoint}?id_token_hint={{token}}"`,
          'refreshTokenThreshold: 2m',
          '',
        ].join('\n'),
      },
    ],
    [
      'Grafana',
      {
        GF_AUTH_GENERIC_OAUTH_ENABLED: 'true',
        GF_AUTH_GENERIC_OAUTH_USE_PKCE: 'true',
        GF_AUTH_GENERIC_OAUTH_USE_REFRESH_TOKEN: 'true',
        GF_AUTH_GENERIC_OAUTH_CLIENT_ID: 'demo.app',
        GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET: plain.reveal(),
        GF_AUTH_GENERIC_OAUTH_AUTH_URL: canonical.authorization_endpoint,
        GF_AUTH_GENERIC_OAUTH_TOKEN_URL: canonical.token_endpoint,
        GF_AUTH_GENERIC_OAUTH_API_URL: canonical.userinfo_endpoint,
        GF_AUTH_GENERIC_OAUTH_SCOPES: canonical.scopes,
      },
    ],
    [
      'OAuth2Proxy',
      {
        OAUTH2_PROXY_PROVIDER: 'oidc',
        OAUTH2_PROXY_SCOPE: canonical.scopes,
        OAUTH2_PROXY_CODE_CHALLENGE_METHOD: 'S256',
        OAUTH2_PROXY_COOKIE_CSRF_PER_REQUEST: 'true',
        OAUTH2_PROXY_COOKIE_CSRF_PER_REQUEST_LIMIT: '10',
        OAUTH2_PROXY_WHITELIST_DOMAINS: 'login.example.com',
        OAUTH2_PROXY_CLIENT_ID: 'demo.app',
        OAUTH2_PROXY_CLIENT_SECRET: plain.reveal(),
        OAUTH2_PROXY_OIDC_ISSUER_URL: canonical.issuer,
        OAUTH2_PROXY_REDIRECT_URL: 'https://app.example.com/callback',
      },
    ],
    ['EnvoyGateway', { 'client-secret': plain.reveal() }],
    [
      'Spring',
      {
        'spring.security.oauth2.client.registration.nauthera.client-id': 'demo.app',
        'spring.security.oauth2.client.registration.nauthera.client-secret': plain.reveal(),
        'spring.security.oauth2.client.registration.nauthera.authorization-grant-type': 'authorization_code',
        'spring.security.oauth2.client.registration.nauthera.scope': 'openid,profile,email,groups',
        'spring.security.oauth2.client.registration.nauthera.redirect-uri': 'https://app.example.com/callback',
        'spring.security.oauth2.client.provider.nauthera.issuer-uri': canonical.issuer,
      },
    ],
    [
      'KubeAPIServer',
      {
        'authentication-config.yaml': [
          '# Kubernetes 1.34 and newer; for 1.30 to 1.33 write apiserver.config.k8s.io/v1beta1.',
          'apiVersion: apiserver.config.k8s.io/v1',
          'kind: AuthenticationConfiguration',
          'jwt:',
          '  - issuer:',
          '      url: "https://login.example.com"',
          '      audiences: ["demo.app"]',
          '      # certificateAuthority: the PEM of a private CA, where the issuer has one',
          '    claimMappings:',
          '      username: {claim: email, prefix: "oidc:"}',
          '      groups: {claim: groups, prefix: "oidc:"}',
          '',
        ].join('\n'),
      },
    ],
    [
      'JupyterHub',
      {
        OAUTH_CLIENT_ID: 'demo.app',
        OAUTH_CLIENT_SECRET: plain.reveal(),
        OAUTH_CALLBACK_URL: 'https://app.example.com/callback',
        OAUTH2_AUTHORIZE_URL: canonical.authorization_endpoint,
        OAUTH2_TOKEN_URL: canonical.token_endpoint,
        OAUTH2_USERDATA_URL: canonical.userinfo_endpoint,
        OAUTH2_USERNAME_KEY: 'preferred_username',
        OAUTH_LOGOUT_REDIRECT_URL: `${canonical.end_session_endpoint}?client_id=demo.app`,
      },
    ],
    [
      'PgAdmin',
      {
        PGADMIN_CONFIG_AUTHENTICATION_SOURCES: "['oauth2', 'internal']",
        PGADMIN_CONFIG_OAUTH2_CONFIG: JSON.stringify([
          {
            OAUTH2_NAME: 'nauthera',
            OAUTH2_DISPLAY_NAME: 'SSO',
            OAUTH2_CLIENT_ID: 'demo.app',
            OAUTH2_CLIENT_SECRET: plain.reveal(),
            OAUTH2_SERVER_METADATA_URL: canonical.discovery_url,
            OAUTH2_USERINFO_ENDPOINT: canonical.userinfo_endpoint,
            OAUTH2_SCOPE: canonical.scopes,
            OAUTH2_CHALLENGE_METHOD: 'S256',
            OAUTH2_RESPONSE_TYPE: 'code',
          },
        ]),
      },
    ],
    [
      'Quarkus',
      {
        QUARKUS_OIDC_AUTH_SERVER_URL: canonical.issuer,
        QUARKUS_OIDC_CLIENT_ID: 'demo.app',
        QUARKUS_OIDC_CREDENTIALS_SECRET: plain.reveal(),
        QUARKUS_OIDC_APPLICATION_TYPE: 'web-app',
        QUARKUS_OIDC_AUTHENTICATION_SCOPES: 'profile,email,groups',
        QUARKUS_OIDC_AUTHENTICATION_PKCE_REQUIRED: 'true',
      },
    ],
    [
      'Streamlit',
      {
        'secrets.toml': [
          '[auth]',
          'redirect_uri = "https://app.example.com/callback"',
          'client_id = "demo.app"',
          `client_secret = "${plain.reveal()}"`,
          `cookie_secret = "${createHash('sha256').update(`cookies of Streamlit: ${plain.reveal()}`).digest('hex')}"`,
          `server_metadata_url = "${canonical.discovery_url}"`,
          'client_kwargs = { scope = "openid profile email groups" }',
          '',
        ].join('\n'),
      },
    ],
  ]
  it('every preset has a row here', () => {
    expect(presets.map(([preset]) => preset)).to.have.members([...presetNames])
  })

  for (const [preset, data] of presets) {
    it(`preset ${preset} adds its keys`, () => {
      expect(dataOf(rendered({ presets: [preset] }))).to.deep.equal({ ...canonical, ...data })
      const secrets = Object.values(dataOf(rendered({ presets: [preset] }, { plain: undefined }))).filter((value) =>
        value.includes(plain.reveal()),
      )
      expect(secrets, 'none without a secret').to.deep.equal([])
    })
  }

  it('preset ArgoCD names no client secret in its snippet, and none at all for a client without one', () => {
    const snippet = (options: Parameters<typeof render>[1]) =>
      parse(dataOf(rendered({ name: 'sso', presets: ['ArgoCD'] }, options))['oidc.config']!) as object
    expect(snippet({ plain })).to.include({ clientSecret: '$sso:oidc.clientSecret', enablePKCEAuthentication: true })
    expect(snippet({ plain: undefined })).to.not.have.property('clientSecret')
    expect(snippet({ plain, spec: { displayName: 'A: "b"' } })).to.include({ name: 'A: "b"' })
  })

  it('preset ArgoCD comes back from the sign-out where an address is registered, and refreshes before both tokens end', () => {
    const snippet = (spec: Partial<OIDCClientSpec>) =>
      parse(dataOf(rendered({ presets: ['ArgoCD'] }, { plain, spec }))['oidc.config']!) as Record<string, string>
    expect(snippet({ postLogoutRedirectURIs: ['https://argocd.example.com'] })['logoutURL']).to.equal(
      `${canonical.end_session_endpoint}?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}`,
    )
    const threshold = (tokens: NonNullable<OIDCClientSpec['tokens']>) => snippet({ tokens })['refreshTokenThreshold']
    expect(threshold({ idTTL: '1m' })).to.equal('4m30s')
    expect(threshold({ idTTL: '1h' })).to.equal('2m')
    expect(threshold({ accessTTL: '30m' })).to.equal('22m')
  })

  it('preset Grafana gives roles where the client derives them from groups', () => {
    const path = (spec: Partial<OIDCClientSpec>) =>
      dataOf(rendered({ presets: ['Grafana'] }, { plain, spec }))['GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_PATH']
    expect(path({ claims: [{ name: 'roles', fromGroups: { platform: ['Admin'] } }] })).to.equal(
      "contains(roles || `[]`, 'Admin') && 'Admin' || contains(roles || `[]`, 'Editor') && 'Editor' || 'Viewer'",
    )
    expect(path({ claims: [{ name: 'teams', fromGroups: { platform: ['Admin'] } }] })).to.equal(undefined)
  })

  it('preset Spring names the grant of a machine, which is sent back nowhere', () => {
    const data = dataOf(rendered({ presets: ['Spring'] }, { plain, spec: { type: 'M2M', redirectURIs: [] } }))
    const registration = 'spring.security.oauth2.client.registration.nauthera'
    expect(data[`${registration}.authorization-grant-type`]).to.equal('client_credentials')
    expect(data).to.not.have.property(`${registration}.redirect-uri`)
  })

  it('preset Quarkus leaves an API without people what it is by default', () => {
    const data = dataOf(rendered({ presets: ['Quarkus'] }, { plain, spec: { type: 'M2M' } }))
    expect(data).to.include({ QUARKUS_OIDC_CLIENT_ID: 'demo.app' })
    expect(data).to.not.have.any.keys('QUARKUS_OIDC_APPLICATION_TYPE', 'QUARKUS_OIDC_AUTHENTICATION_SCOPES')
  })

  it('preset JupyterHub leads a sign-out back where the client may be led', () => {
    const spec = { postLogoutRedirectURIs: ['https://app.example.com/hub/login'] }
    const data = dataOf(rendered({ presets: ['JupyterHub'] }, { plain, spec }))
    const out = new URL(data['OAUTH_LOGOUT_REDIRECT_URL']!)
    expect(out.searchParams.get('post_logout_redirect_uri')).to.equal('https://app.example.com/hub/login')
  })

  it('preset KubeAPIServer reads groups where the client may ask for them, and sub without email', () => {
    const mappings = (scopes: string[]) =>
      (
        parse(
          dataOf(rendered({ presets: ['KubeAPIServer'] }, { plain, spec: { scopes } }))['authentication-config.yaml']!,
        ) as { jwt: [{ claimMappings: unknown }] }
      ).jwt[0].claimMappings
    expect(mappings(['openid', 'email', 'groups'])).to.deep.equal({
      username: { claim: 'email', prefix: 'oidc:' },
      groups: { claim: 'groups', prefix: 'oidc:' },
    })
    expect(mappings(['openid'])).to.deep.equal({ username: { claim: 'sub', prefix: 'oidc:' } })
  })

  it('preset KubeAPIServer is refused with EdDSA, also when a policy gives it', () => {
    const signedBy = (idToken: 'EdDSA' | 'ES256') =>
      render({ presets: ['KubeAPIServer'] }, { plain, spec: { signing: { idToken } } })
    const refused = signedBy('EdDSA')
    expect(refused.kind === 'invalid' && refused.faults.map(({ path }) => path)).to.deep.equal(['spec.signing.idToken'])
    expect(signedBy('ES256').kind).to.equal('rendered')
  })

  it('preset ArgoCD adds the label that Argo CD looks for', () => {
    expect(rendered({ presets: ['ArgoCD'] }).labels).to.include({ 'app.kubernetes.io/part-of': 'argocd' })
    expect(rendered().labels).to.not.have.property('app.kubernetes.io/part-of')
  })

  it('renames keys', () => {
    const data = dataOf(rendered({ keys: { client_id: 'CLIENT_ID', client_secret: 'CLIENT_SECRET' } }))
    expect(data).to.include({ CLIENT_ID: 'demo.app', CLIENT_SECRET: plain.reveal() })
    expect(data).to.not.have.any.keys('client_id', 'client_secret')
  })

  it('K2 marks what it writes as its own, whatever labels and annotations the client wants', () => {
    const {
      labels: has,
      annotations: marked,
      ownerReferences,
    } = rendered({ labels: { team: 'a', [labels.client]: 'other' }, annotations: { a: 'b' } })
    expect(has).to.include({ team: 'a', [labels.client]: 'app', [labels.managedBy]: 'nauthera-operator' })
    expect(marked).to.include({ a: 'b', [annotations.secretId]: marks.secretId })
    expect(ownerReferences).to.deep.equal([
      {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        name: 'app',
        uid: 'uid-of-demo-app',
        controller: true,
        blockOwnerDeletion: false,
      },
    ])
  })

  it('has no owner with Retain, so that it outlives the client', () => {
    const secret = rendered({ deletionPolicy: 'Retain' })
    expect(secret.ownerReferences).to.deep.equal([])
    expect(secret.annotations[annotations.clientUid]).to.equal('uid-of-demo-app')
  })

  it('K4 prints no secret, however it is printed', () => {
    const secret = rendered({ presets: ['Env'], data: { file: '{{ .clientSecret | b64 }}' } })
    for (const text of [JSON.stringify(secret), String(secret.data['client_secret'])]) {
      expect(text).to.not.include(plain.reveal())
      expect(text).to.not.include(Buffer.from(plain.reveal()).toString('base64'))
    }
  })

  it('K15 names each template that does not render, and renders nothing then', () => {
    const result = render({ data: { a: '{{ .password }}', b: '{{ .clientId', c: 'fine {{ .clientId }}' } })
    expect(result.kind === 'invalid' && result.faults.map(({ path }) => path)).to.deep.equal([
      'spec.secret.data.a',
      'spec.secret.data.b',
    ])
  })

  it('a template of the name of a canonical key wins', () => {
    expect(dataOf(rendered({ data: { scopes: 'openid' } }))).to.include({ scopes: 'openid' })
  })

  for (const [what, secret, path] of [
    [
      'a template in the place of',
      { data: { client_secret: 'x{{ .clientSecret }}' } },
      'spec.secret.data.client_secret',
    ],
    [
      'a template in the place of the renamed',
      { keys: { client_secret: 'password' }, data: { password: '{{ .clientId }}' } },
      'spec.secret.data.password',
    ],
    ['another key renamed to that of', { keys: { issuer: 'client_secret' } }, 'spec.secret.keys'],
  ] as const) {
    it(`refuses ${what} the client secret: what is read back must be what was written`, () => {
      const result = render(secret)
      expect(result.kind === 'invalid' && result.faults.map((fault) => fault.path)).to.deep.equal([path])
    })
  }

  it('takes a template that gives the client secret as it is', () => {
    const own = { keys: { issuer: 'url' }, data: { client_secret: '{{ .clientSecret }}' } }
    expect(dataOf(rendered(own))).to.include({ client_secret: plain.reveal() })
  })

  it('has room for 512 KiB of keys and values, and not for one more', () => {
    const filled = (bytes: number) => ({
      data: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`k${at}`, 'x'.repeat(at === 8 ? bytes : 60_000)])),
    })
    const sizeOf = (data: Record<string, string>) =>
      Object.entries(data).reduce((sum, [key, value]) => sum + key.length + Buffer.byteLength(value), 0)
    const room = 512 * 1024 - sizeOf(dataOf(rendered(filled(0))))
    expect(render(filled(room)).kind).to.equal('rendered')
    expect(render(filled(room + 1))).to.deep.include({ kind: 'invalid' })
  })

  it('serves an issuer with a path', () => {
    const result = renderSecret({
      client: client(),
      clientId: 'a',
      issuer: 'https://example.com/login',
      plain: undefined,
      marks: undefined,
    })
    expect(result.kind === 'rendered' && dataOf(result.secret)['token_endpoint']).to.equal(
      'https://example.com/login/token',
    )
  })
})
