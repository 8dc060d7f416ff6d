import { createHash } from 'node:crypto'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { parse } from 'yaml'
import { presets as presetNames } from '../../src/api/client-secret.ts'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import { ownKeys } from '../../src/decide/secret/presets.ts'
import { canonical, dataOf, plain, render, rendered } from './rendered-secrets.ts'

describe('presets', () => {
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
    [
      'AspNetCore',
      {
        Authentication__Schemes__OpenIdConnect__Authority: canonical.issuer,
        Authentication__Schemes__OpenIdConnect__ClientId: 'demo.app',
        Authentication__Schemes__OpenIdConnect__ClientSecret: plain.reveal(),
        Authentication__Schemes__OpenIdConnect__ResponseType: 'code',
        Authentication__Schemes__OpenIdConnect__Scope__0: 'openid',
        Authentication__Schemes__OpenIdConnect__Scope__1: 'profile',
        Authentication__Schemes__OpenIdConnect__Scope__2: 'email',
        Authentication__Schemes__OpenIdConnect__Scope__3: 'groups',
      },
    ],
    [
      'AuthJS',
      {
        AUTH_NAUTHERA_ID: 'demo.app',
        AUTH_NAUTHERA_SECRET: plain.reveal(),
        AUTH_NAUTHERA_ISSUER: canonical.issuer,
      },
    ],
    [
      'ExpressOpenIDConnect',
      {
        ISSUER_BASE_URL: canonical.issuer,
        CLIENT_ID: 'demo.app',
        CLIENT_SECRET: plain.reveal(),
        BASE_URL: 'https://app.example.com',
      },
    ],
    ['Gitea', { key: 'demo.app', secret: plain.reveal() }],
    [
      'GitLab',
      {
        provider: `${JSON.stringify(
          {
            name: 'openid_connect',
            label: 'Nauthera',
            args: {
              name: 'openid_connect',
              scope: ['openid', 'profile', 'email', 'groups'],
              response_type: 'code',
              issuer: canonical.issuer,
              discovery: true,
              client_auth_method: 'query',
              uid_field: 'sub',
              send_scope_to_token_endpoint: false,
              pkce: true,
              client_options: {
                identifier: 'demo.app',
                secret: plain.reveal(),
                redirect_uri: 'https://app.example.com/callback',
              },
            },
          },
          undefined,
          2,
        )}\n`,
      },
    ],
    [
      'Headlamp',
      {
        OIDC_CLIENT_ID: 'demo.app',
        OIDC_CLIENT_SECRET: plain.reveal(),
        OIDC_ISSUER_URL: canonical.issuer,
        OIDC_SCOPES: canonical.scopes,
        OIDC_USE_PKCE: 'true',
      },
    ],
    ['Jenkins', { 'client-id': 'demo.app', 'client-secret': plain.reveal(), 'discovery-url': canonical.discovery_url }],
    [
      'Mattermost',
      {
        MM_OPENIDSETTINGS_ENABLE: 'true',
        MM_OPENIDSETTINGS_DISCOVERYENDPOINT: canonical.discovery_url,
        MM_OPENIDSETTINGS_ID: 'demo.app',
        MM_OPENIDSETTINGS_SECRET: plain.reveal(),
      },
    ],
    [
      'MinIO',
      {
        MINIO_IDENTITY_OPENID_CONFIG_URL: canonical.discovery_url,
        MINIO_IDENTITY_OPENID_CLIENT_ID: 'demo.app',
        MINIO_IDENTITY_OPENID_CLIENT_SECRET: plain.reveal(),
        MINIO_IDENTITY_OPENID_SCOPES: 'openid,profile,email,groups',
      },
    ],
    [
      'Outline',
      {
        OIDC_CLIENT_ID: 'demo.app',
        OIDC_CLIENT_SECRET: plain.reveal(),
        OIDC_ISSUER_URL: canonical.issuer,
        OIDC_SCOPES: canonical.scopes,
      },
    ],
    [
      'Roundcube',
      {
        'oauth.inc.php': [
          '<?php',
          "$config['oauth_provider'] = 'generic';",
          "$config['oauth_provider_name'] = 'Nauthera';",
          "$config['oauth_client_id'] = 'demo.app';",
          `$config['oauth_client_secret'] = '${plain.reveal()}';`,
          `$config['oauth_auth_uri'] = '${canonical.authorization_endpoint}';`,
          `$config['oauth_token_uri'] = '${canonical.token_endpoint}';`,
          `$config['oauth_identity_uri'] = '${canonical.userinfo_endpoint}';`,
          "$config['oauth_scope'] = 'openid profile email groups';",
          '',
        ].join('\n'),
      },
    ],
    [
      'SonarQube',
      {
        'secret.properties': [
          'sonar.auth.oidc.enabled=true',
          'sonar.auth.oidc.issuerUri=https://login.example.com',
          'sonar.auth.oidc.clientId.secured=demo.app',
          `sonar.auth.oidc.clientSecret.secured=${plain.reveal()}`,
          'sonar.auth.oidc.scopes=openid profile email groups',
          'sonar.auth.oidc.groupsSync=true',
          'sonar.auth.oidc.groupsSync.claimName=groups',
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

  it('every key of a preset is known as one of ours', () => {
    for (const [, keys] of presets) for (const key of Object.keys(keys)) expect(ownKeys.has(key), key).to.equal(true)
    for (const key of Object.keys(canonical)) expect(ownKeys.has(key), key).to.equal(true)
  })

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

  it('preset SonarQube names the address of the program, and groups where the client may ask for them', () => {
    const properties = (spec: Partial<OIDCClientSpec>) =>
      dataOf(rendered({ presets: ['SonarQube'] }, { plain, spec }))['secret.properties']
    const redirectURIs = ['https://quality.example.com/sonar/oauth2/callback/oidc']
    expect(properties({ redirectURIs })).to.include('sonar.core.serverBaseURL=https://quality.example.com/sonar\n')
    expect(properties({ redirectURIs, scopes: ['openid'] })).to.not.include('groupsSync')
  })

  it('preset SonarQube writes a backslash as a Java properties file wants it', () => {
    const options = { plain: new Secret(String.raw`a\b-and-so-on-until-it-is-long-enough`) }
    expect(dataOf(rendered({ presets: ['SonarQube'] }, options))['secret.properties']).to.include(
      String.raw`clientSecret.secured=a\\b-and-so-on-until-it-is-long-enough`,
    )
  })

  it('preset Roundcube writes text that PHP reads as it is', () => {
    const options = { plain: new Secret(String.raw`a'b\c$d-and-so-on-until-it-is-long-enough`) }
    expect(dataOf(rendered({ presets: ['Roundcube'] }, options))['oauth.inc.php']).to.include(
      String.raw`['oauth_client_secret'] = 'a\'b\\c$d-and-so-on-until-it-is-long-enough';`,
    )
  })
})
