import { propertyRuns } from '@nauthera/harness/property-runs'
import { expect } from 'chai'
import fc from 'fast-check'
import { parseAllDocuments, stringify } from 'yaml'
import { runPlugin } from '../plugin.ts'

interface Imported {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: object }
  readonly spec: Readonly<Record<string, unknown>>
  readonly stringData?: object
}

async function importFrom(from: string, file: unknown) {
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  const { code, out, error } = await runPlugin(['import', '--from', from, '-f', 'file', '-n', 'apps'], {
    files: { file: text },
  })
  const objects = (parseAllDocuments(out) as { toJS(): Imported }[]).map((one) => one.toJS())
  const specOf = (name: string) => objects.find((one) => one.kind === 'OIDCClient' && one.metadata.name === name)?.spec
  return { code, out, error, objects, specOf }
}

const known = 'k'.repeat(32)

/** As `kc.sh export` writes it, with a client of each kind. */
const realm = {
  id: '1d5f2d1f-0f35-4a21-b1a6-31b1b43d36b5',
  realm: 'acme',
  accessTokenLifespan: 300,
  clients: [
    { id: '7c546cde', clientId: 'account', name: '${client_account}', publicClient: true, protocol: 'openid-connect' },
    {
      id: '0c3c2b0e',
      clientId: 'grafana',
      name: 'Grafana',
      description: '',
      rootUrl: 'https://grafana.example.com',
      adminUrl: 'https://grafana.example.com',
      baseUrl: '/',
      surrogateAuthRequired: false,
      enabled: true,
      alwaysDisplayInConsole: false,
      clientAuthenticatorType: 'client-secret',
      secret: known,
      redirectUris: ['/login/generic_oauth', 'https://grafana.example.com/*'],
      webOrigins: ['+'],
      notBefore: 0,
      bearerOnly: false,
      consentRequired: false,
      standardFlowEnabled: true,
      implicitFlowEnabled: false,
      directAccessGrantsEnabled: true,
      serviceAccountsEnabled: false,
      publicClient: false,
      frontchannelLogout: true,
      protocol: 'openid-connect',
      attributes: {
        'post.logout.redirect.uris': '+##https://grafana.example.com/bye',
        'pkce.code.challenge.method': 'S256',
        'access.token.lifespan': '600',
        'backchannel.logout.session.required': 'true',
        'backchannel.logout.url': 'https://grafana.example.com/logout',
        'id.token.signed.response.alg': 'ES256',
        'oauth2.device.authorization.grant.enabled': 'false',
        'exclude.session.state.from.auth.response': 'true',
      },
      authenticationFlowBindingOverrides: {},
      fullScopeAllowed: true,
      nodeReRegistrationTimeout: -1,
      protocolMappers: [
        {
          id: '1',
          name: 'groups',
          protocol: 'openid-connect',
          protocolMapper: 'oidc-group-membership-mapper',
          config: {},
        },
      ],
      defaultClientScopes: ['web-origins', 'acr', 'profile', 'roles', 'basic', 'email', 'reports'],
      optionalClientScopes: ['address', 'phone', 'offline_access', 'microprofile-jwt'],
    },
    {
      clientId: 'worker',
      clientAuthenticatorType: 'client-secret',
      secret: '**********',
      standardFlowEnabled: false,
      serviceAccountsEnabled: true,
      publicClient: false,
      enabled: false,
      protocol: 'openid-connect',
    },
    { clientId: 'spa', publicClient: true, redirectUris: ['https://spa.example.com/'], protocol: 'openid-connect' },
    { clientId: 'lost', publicClient: true, redirectUris: ['*'], protocol: 'openid-connect' },
    { clientId: 'urn:amazon:webservices', protocol: 'saml' },
    { clientId: 'api', bearerOnly: true, protocol: 'openid-connect' },
  ],
}

describe('kubectl nauthera import', () => {
  it('makes OIDCClients of a realm export of Keycloak, and Secrets of secrets that it tells', async () => {
    const { code, objects, specOf, error } = await importFrom('keycloak', realm)
    expect(specOf('grafana')).to.deep.equal({
      type: 'Web',
      clientId: 'grafana',
      displayName: 'Grafana',
      redirectURIs: ['https://grafana.example.com/login/generic_oauth'],
      postLogoutRedirectURIs: ['https://grafana.example.com/login/generic_oauth', 'https://grafana.example.com/bye'],
      scopes: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'groups'],
      pkce: 'Required',
      tokens: { accessTTL: '600s' },
      signing: { idToken: 'ES256' },
      logout: { backchannelURI: 'https://grafana.example.com/logout', sessionRequired: true },
      uris: { client: 'https://grafana.example.com' },
      secret: { existingSecretRef: { name: 'grafana-imported', key: 'client_secret' } },
    })
    expect(specOf('worker')).to.deep.equal({ type: 'M2M', clientId: 'worker', suspended: true })
    expect(specOf('spa')).to.include({ type: 'SPA' })
    expect(objects.map(({ kind }) => kind)).to.deep.equal([
      'OIDCPolicy',
      'Secret',
      'OIDCClient',
      'OIDCClient',
      'OIDCClient',
    ])
    expect(objects[0]!.spec).to.have.property('allow').that.deep.equals({ customClientId: true, existingSecret: true })
    expect(objects[1]!.stringData).to.deep.equal({ client_secret: known })
    expect(objects[1]!.metadata.labels).to.deep.equal({ 'auth.nauthera.io/client': 'grafana' })
    expect(code, 'lost has no redirect URI that can be listed').to.equal(1)
    for (const line of [
      'account: not carried over: Keycloak made it for itself',
      'urn:amazon:webservices: not carried over: its protocol is saml',
      'api: not carried over: it is only an API',
      'lost: not carried over: spec.redirectURIs ["*"]: must be https',
      'grafana: spec.redirectURIs[1] https://grafana.example.com/*: ',
      'grafana: directAccessGrantsEnabled: there is no password grant',
      'grafana: frontchannelLogout: there is no front-channel logout',
      'grafana: client scope reports: ',
      'grafana: mapper groups: the scope groups has the claim groups',
      'grafana: attributes.exclude.session.state.from.auth.response: this command does not know it',
      'worker: secret: the export hides it',
      '3 of 7 clients',
    ])
      expect(error).to.include(line)
    expect(error).not.to.include(known)
  })

  it('suspends a client whose redirect URIs all have a wildcard, with all else that it had, until somebody writes its callback', async () => {
    const wiki = {
      clientId: 'wiki',
      name: 'Wiki',
      secret: known,
      protocol: 'openid-connect',
      redirectUris: ['https://wiki.example.com/*', 'https://wiki.example.com/oidc/*', '*'],
      attributes: { 'backchannel.logout.url': 'https://wiki.example.com/logout' },
    }
    const { code, out, specOf, error } = await importFrom('keycloak', { clients: [wiki] })
    expect(specOf('wiki')).to.deep.equal({
      type: 'Web',
      clientId: 'wiki',
      displayName: 'Wiki',
      suspended: true,
      redirectURIs: ['https://wiki.example.com/TODO', 'https://wiki.example.com/oidc/TODO'],
      scopes: ['openid'],
      logout: { backchannelURI: 'https://wiki.example.com/logout' },
      secret: { existingSecretRef: { name: 'wiki-imported', key: 'client_secret' } },
    })
    expect(code).to.equal(1)
    expect(error).to.include('wiki: suspended: spec.redirectURIs https://wiki.example.com/*: there are no wildcards')
    expect(out).to.include('in place of TODO')
  })

  it('makes what render takes without a fault', async () => {
    const { out } = await importFrom('keycloak', realm)
    const rendered = await runPlugin(['render', '-f', 'all'], { files: { all: out } })
    expect(rendered).to.include({ code: 0, error: '' })
  })

  it('reads staticClients of Dex, in its file and in the values of its chart', async () => {
    const staticClients = [
      {
        id: 'example-app',
        name: 'Example App',
        redirectURIs: ['http://127.0.0.1:5555/callback'],
        secret: 'ZXhhbXBsZS1hcHAtc2VjcmV0',
      },
      {
        idEnv: 'DEX_CLIENT_ID',
        secretEnv: 'DEX_CLIENT_SECRET',
        redirectURIs: ['https://app.example.com/callback'],
        name: 'Production App',
      },
      { id: 'cli', name: 'CLI', public: true, redirectURIs: ['http://localhost:8000', 'urn:ietf:wg:oauth:2.0:oob'] },
      {
        id: 'argo.example',
        name: 'Argo',
        redirectURIs: ['https://argo.example.com/cb'],
        secret: known,
        trustedPeers: ['cli'],
      },
    ]
    const { code, specOf, error, objects } = await importFrom(
      'dex',
      stringify({ issuer: 'https://dex', staticClients }),
    )
    expect(code).to.equal(0)
    expect(specOf('example-app')).to.deep.include({ type: 'Web', redirectURIs: ['http://127.0.0.1:5555/callback'] })
    expect(specOf('cli')).to.deep.include({ type: 'Native', redirectURIs: ['http://localhost:8000'] })
    expect(specOf('production-app')).not.to.have.property('clientId')
    expect(objects[0]!.spec).to.have.nested.property('allow.anyClientId', true)
    for (const line of [
      'example-app: the client secret: it has fewer than 32',
      'Production App: idEnv: it is a variable of Dex',
      'Production App: secretEnv: it is a variable of Dex',
      'cli: spec.redirectURIs[1] urn:ietf:wg:oauth:2.0:oob: ',
      'argo.example: trustedPeers: ',
    ])
      expect(error).to.include(line)
    const values = await importFrom('dex', stringify({ config: { staticClients: staticClients.slice(0, 1) } }))
    expect(values.objects.map(({ kind }) => kind)).to.deep.equal(['OIDCPolicy', 'OIDCClient'])
  })

  it('reads the clients of Authelia, also by their earlier names', async () => {
    const clients = [
      {
        client_id: 'jellyfin',
        client_name: 'Jellyfin',
        client_secret: '$pbkdf2-sha512$310000$c8p78n7pUMln0jzvd4aK4Q$JNRBzwAo0ek5qKn50cFzzvE9RXV88h1wJn5KGiHrD0YKtZaR',
        public: false,
        authorization_policy: 'two_factor',
        require_pkce: true,
        redirect_uris: ['https://jellyfin.example.com/sso/OID/redirect/authelia'],
        scopes: ['openid', 'profile', 'groups'],
        response_types: ['code'],
        grant_types: ['authorization_code', 'implicit'],
        userinfo_signed_response_alg: 'none',
        access_token_signed_response_alg: 'RS256',
        token_endpoint_auth_method: 'client_secret_post',
        consent_mode: 'implicit',
      },
      {
        id: 'abc',
        description: 'Old',
        secret: `$plaintext$${known}`,
        consent_mode: 'explicit',
        redirect_uris: ['https://old.example.com/cb'],
        authorization_policy: 'one_factor',
      },
    ]
    const { code, specOf, error, objects } = await importFrom(
      'authelia',
      stringify({ identity_providers: { oidc: { clients } } }),
    )
    expect(code).to.equal(0)
    expect(specOf('jellyfin')).to.deep.equal({
      type: 'Web',
      clientId: 'jellyfin',
      displayName: 'Jellyfin',
      redirectURIs: ['https://jellyfin.example.com/sso/OID/redirect/authelia'],
      grantTypes: ['authorization_code'],
      scopes: ['openid', 'profile', 'groups'],
      access: { requiredAcr: ['urn:nauthera:mfa'] },
      pkce: 'Required',
      signing: { accessToken: 'RS256' },
    })
    expect(specOf('abc')).to.deep.include({ displayName: 'Old', consent: 'Explicit' })
    expect(objects.find(({ kind }) => kind === 'Secret')!.stringData).to.deep.equal({ client_secret: known })
    expect(error).to.include('jellyfin: grant implicit: there is no such grant here')
    expect(error).to.include('jellyfin: client_secret: there is only a salted digest of it (pbkdf2-sha512)')
  })

  it('reads what Hydra lists', async () => {
    const items = [
      {
        client_id: '2f8b3a52-6b1b-4c6e-9d51-6cfb0f1f1c2b',
        client_name: 'Backend',
        grant_types: ['client_credentials'],
        response_types: ['code'],
        scope: 'openid reports:read',
        audience: ['https://api.example.com'],
        token_endpoint_auth_method: 'client_secret_post',
        created_at: '2024-01-01T00:00:00Z',
        client_credentials_grant_access_token_lifespan: '15m0s',
        metadata: { team: 'a' },
        jwks: {},
      },
      {
        client_id: 'mobile',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: ['com.example.app:/cb'],
        scope: 'openid offline_access',
        skip_consent: true,
        subject_type: 'public',
      },
    ]
    const { code, specOf, error } = await importFrom('hydra', { items })
    expect(code).to.equal(0)
    expect(specOf('2f8b3a52-6b1b-4c6e-9d51-6cfb0f1f1c2b')).to.deep.equal({
      type: 'M2M',
      displayName: 'Backend',
      scopes: ['reports:read'],
      audiences: ['https://api.example.com'],
    })
    expect(specOf('mobile')).to.deep.include({ type: 'Native', redirectURIs: ['com.example.app:/cb'] })
    for (const line of [
      'spec.clientId 2f8b3a52-6b1b-4c6e-9d51-6cfb0f1f1c2b: must not be a UUID',
      'client_secret: Hydra never shows it again',
      'client_credentials_grant_access_token_lifespan: set spec.tokens',
      'metadata: put it into labels or annotations',
      'mobile: skip_consent: people are asked once',
    ])
      expect(error).to.include(line)
  })

  /** What restrains a client at each product, and does not come along. `more`: fields that do, or that do not matter. */
  const restrained: Readonly<
    Record<string, { base: object; restraints: object; more: object; file: (one: object) => object }>
  > = {
    keycloak: {
      base: {
        clientId: 'app',
        secret: known,
        redirectUris: ['https://app.example.com/cb'],
        protocol: 'openid-connect',
      },
      restraints: {
        authenticationFlowBindingOverrides: { browser: '3f0e' },
        'attributes.default.acr.values': '2',
        'attributes.minimum.acr.value': 'gold',
        // nobody can sign requests without keys
        'attributes.request.object.required': 'request only',
        fieldOfTheFuture: 'x',
      },
      more: {
        directAccessGrantsEnabled: true,
        'attributes.some.extension': 'x',
        'attributes.request.object.required': 'not required',
        consentRequired: true,
      },
      file: (one) => ({ clients: [one] }),
    },
    dex: {
      base: { id: 'app', secret: known, redirectURIs: ['https://app.example.com/cb'] },
      restraints: { allowedConnectors: ['staff'], fieldOfTheFuture: ['x'] },
      more: { trustedPeers: ['cli'], allowedConnectors: [], name: 'App' },
      file: (one) => ({ staticClients: [one] }),
    },
    authelia: {
      base: { client_id: 'app', redirect_uris: ['https://app.example.com/cb'] },
      restraints: { authorization_policy: 'admins', fieldOfTheFuture: 'x' },
      more: { authorization_policy: 'two_factor', consent_mode: 'implicit', id_token_signed_response_key_id: 'k' },
      file: (one) => ({ identity_providers: { oidc: { clients: [one] } } }),
    },
    hydra: {
      base: { client_id: 'app', redirect_uris: ['https://app.example.com/cb'] },
      restraints: { fieldOfTheFuture: { x: 1 } },
      more: { skip_consent: true, metadata: { team: 'a' }, authorization_code_grant_access_token_lifespan: '1h' },
      file: (one) => [one],
    },
  }
  const withFields = (base: object, fields: object): object => {
    const named = Object.entries(fields).filter(([name]) => name.startsWith('attributes.'))
    const rest = Object.entries(fields).filter(([name]) => !name.startsWith('attributes.'))
    const attributes = Object.fromEntries(named.map(([name, value]) => [name.slice('attributes.'.length), value]))
    return { ...base, ...Object.fromEntries(rest), ...(named.length === 0 ? {} : { attributes }) }
  }
  const some = (fields: object) =>
    fc.subarray(Object.entries(fields)).map((entries): Record<string, unknown> => Object.fromEntries(entries))

  for (const [product, { base, restraints, more, file }] of Object.entries(restrained))
    it(`suspends a client of ${product} whose restraint does not come along, says why in the file, and ends with 1`, () =>
      fc.assert(
        fc.asyncProperty(some(more), some(restraints), async (free, narrow) => {
          const { code, specOf, out, error } = await importFrom(product, file(withFields(base, { ...free, ...narrow })))
          const names = Object.keys(narrow)
          expect([code, specOf('app')?.['suspended'] ?? false]).to.deep.equal(names.length > 0 ? [1, true] : [0, false])
          expect(out.includes('# Suspended, because')).to.equal(names.length > 0)
          for (const name of names.filter((one) => !one.endsWith('required')))
            for (const text of [out, error]) expect(text).to.include(name)
        }),
        { numRuns: propertyRuns(20) },
      ))

  it('suspends a client whose policy of Authelia has the name of a member of every object', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'deny']) {
      const clients = [{ client_id: 'app', redirect_uris: ['https://app.example.com/cb'], authorization_policy: name }]
      const { code, specOf } = await importFrom('authelia', { identity_providers: { oidc: { clients } } })
      expect([code, specOf('app')!['suspended']], name).to.deep.equal([name === 'deny' ? 0 : 1, true])
    }
  })

  it('takes what Authelia demands of every client', async () => {
    const clients = [{ client_id: 'app', redirect_uris: ['https://app.example.com/cb'] }]
    const all = { enforce_pkce: 'always', require_pushed_authorization_requests: true }
    const { specOf } = await importFrom('authelia', { identity_providers: { oidc: { ...all, clients } } })
    const access = { requiredAcr: ['urn:nauthera:mfa'] }
    expect(specOf('app')).to.deep.include({ pkce: 'Required', par: true, access })
  })

  it('says what it wants instead of a file that it cannot read', async () => {
    expect(await importFrom('dex', 'a: [')).to.deep.include({ code: 2, out: '' })
    expect((await importFrom('authelia', {})).error).to.include(
      'has no clients of authelia: give its configuration.yml',
    )
    expect((await runPlugin(['import', '--from', 'dex', '-f', 'x', '-n', 'A'])).error).to.match(/^--namespace: must be/)
  })
})
