// The presets of a client's Secret: a row for each, with the keys that its program reads. A row and its page in docs/integrations are all that a preset is.

export interface PresetRow {
  /** The page in docs/integrations. Its example shows what the row writes; a test compares them. */
  readonly page: string
  /** With which version of the program it was checked. `kubectl explain` says it. */
  readonly version?: string
  /** The callback path of the program, where it has a fixed one. */
  readonly callback?: string
  /** The option of the program that turns PKCE on. Absent where the program always sends PKCE or a nonce, or has no option. */
  readonly pkce?: string
  /** Why the program takes no ID token that is signed with EdDSA. */
  readonly refusesEdDSA?: string
  /** Whether the program refuses an issuer over http, as in development. */
  readonly needsHttps?: true
  /** Labels that it adds to the Secret. */
  readonly labels?: Readonly<Record<string, string>>
  /** Each key that it adds, with its text or its file. A key that ends with # is written once for each scope, with its number.
   *
   *  In a text `<name>` is a value: one of the usual keys, or one of `derivedValues` (decide/secret/preset-values.ts). `<name ,>` are its words with
   *  commas between. `<name?>` is nothing, for clients that have it; `<name!>` for those that do not. A text, or a line of a file, is left
   *  out for a client that lacks one of its values. */
  readonly keys: Readonly<Record<string, string | PresetFile>>
}

/** A file, whose format says how a value is escaped within the quotes of its line. */
export interface PresetFile {
  readonly format: PresetFormat
  readonly lines: readonly string[]
}

/** `python` is a value on one line. */
export type PresetFormat = 'yaml' | 'toml' | 'json' | 'python' | 'properties' | 'php'

const scheme = 'Authentication__Schemes__OpenIdConnect__'
const registration = 'spring.security.oauth2.client.registration.nauthera'

export const presetRows = {
  Generic: { page: 'README', keys: {} },
  Env: {
    page: 'README',
    keys: {
      OIDC_CLIENT_ID: '<client_id>',
      OIDC_CLIENT_SECRET: '<client_secret>',
      OIDC_ISSUER: '<issuer>',
      OIDC_DISCOVERY_URL: '<discovery_url>',
      OIDC_SCOPES: '<scopes>',
      OIDC_REDIRECT_URI: '<redirect_uri>',
    },
  },
  ArgoCD: {
    page: 'argo-cd',
    version: '3.6.1',
    callback: '/auth/callback',
    pkce: 'enablePKCEAuthentication: true in oidc.config of argocd-cm',
    labels: { 'app.kubernetes.io/part-of': 'argocd' },
    keys: {
      'oidc.clientID': '<client_id>',
      'oidc.clientSecret': '<client_secret>',
      'oidc.issuer': '<issuer>',
      // for the ConfigMap argocd-cm: it refers to the keys above and holds no secret
      'oidc.config': {
        format: 'yaml',
        lines: [
          'name: "<display_name>"',
          'issuer: "<issuer>"',
          'clientID: "$<secret_name>:oidc.clientID"',
          '<client_secret?>clientSecret: "$<secret_name>:oidc.clientSecret"',
          'requestedScopes: [<scopes ,>]',
          // it sends no nonce
          'enablePKCEAuthentication: true',
          // without a registered address the sign-out ends on the issuer's page
          '<home!>logoutURL: "<end_session_endpoint>?id_token_hint={{token}}"',
          '<home?>logoutURL: "<end_session_endpoint>?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}"',
          // its cookie is the ID token, so people would be out when that ends
          'refreshTokenThreshold: <refresh_before>',
        ],
      },
    },
  },
  Grafana: {
    page: 'grafana',
    version: '13',
    callback: '/login/generic_oauth',
    pkce: 'GF_AUTH_GENERIC_OAUTH_USE_PKCE=true',
    keys: {
      GF_AUTH_GENERIC_OAUTH_ENABLED: 'true',
      GF_AUTH_GENERIC_OAUTH_CLIENT_ID: '<client_id>',
      GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET: '<client_secret>',
      GF_AUTH_GENERIC_OAUTH_AUTH_URL: '<authorization_endpoint>',
      GF_AUTH_GENERIC_OAUTH_TOKEN_URL: '<token_endpoint>',
      GF_AUTH_GENERIC_OAUTH_API_URL: '<userinfo_endpoint>',
      GF_AUTH_GENERIC_OAUTH_SCOPES: '<scopes>',
      GF_AUTH_GENERIC_OAUTH_USE_PKCE: 'true',
      GF_AUTH_GENERIC_OAUTH_USE_REFRESH_TOKEN: 'true',
      // of the claim that the client derives from groups
      GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_PATH:
        "<roles_claim?>contains(roles || `[]`, 'Admin') && 'Admin' || contains(roles || `[]`, 'Editor') && 'Editor' || 'Viewer'",
    },
  },
  OAuth2Proxy: {
    page: 'oauth2-proxy',
    version: '7.15.6',
    callback: '/oauth2/callback',
    pkce: 'OAUTH2_PROXY_CODE_CHALLENGE_METHOD=S256',
    keys: {
      OAUTH2_PROXY_PROVIDER: 'oidc',
      OAUTH2_PROXY_CLIENT_ID: '<client_id>',
      OAUTH2_PROXY_CLIENT_SECRET: '<client_secret>',
      OAUTH2_PROXY_OIDC_ISSUER_URL: '<issuer>',
      OAUTH2_PROXY_SCOPE: '<scopes>',
      // it sends neither PKCE nor a nonce unless told to
      OAUTH2_PROXY_CODE_CHALLENGE_METHOD: 'S256',
      // else a second tab, or the browser's request for an icon, overwrites the state of the sign-in in the one cookie
      OAUTH2_PROXY_COOKIE_CSRF_PER_REQUEST: 'true',
      OAUTH2_PROXY_COOKIE_CSRF_PER_REQUEST_LIMIT: '10',
      // so that /oauth2/sign_out may go on to the sign-out of the issuer
      OAUTH2_PROXY_WHITELIST_DOMAINS: '<issuer_host>',
      OAUTH2_PROXY_REDIRECT_URL: '<redirect_uri>',
    },
  },
  EnvoyGateway: {
    page: 'envoy-gateway',
    version: '1.9',
    callback: '/oauth2/callback',
    keys: { 'client-secret': '<client_secret>' },
  },
  Spring: {
    page: 'spring',
    version: '4.1.2',
    callback: '/login/oauth2/code/nauthera',
    // `spring.config.import=configtree:/etc/oidc/` reads a mounted Secret as it is
    keys: {
      [`${registration}.client-id`]: '<client_id>',
      [`${registration}.client-secret`]: '<client_secret>',
      [`${registration}.authorization-grant-type`]: '<usual_grant>',
      [`${registration}.scope`]: '<scopes ,>',
      [`${registration}.redirect-uri`]: '<redirect_uri>',
      'spring.security.oauth2.client.provider.nauthera.issuer-uri': '<issuer>',
    },
  },
  KubeAPIServer: {
    page: 'kubernetes',
    version: '1.37.2',
    refusesEdDSA: 'Kubernetes takes no token that is signed so',
    needsHttps: true,
    keys: {
      // for kube-apiserver --authentication-config. A prefix keeps a group from being system:masters
      'authentication-config.yaml': {
        format: 'yaml',
        lines: [
          '# Kubernetes 1.34 and newer; for 1.30 to 1.33 write apiserver.config.k8s.io/v1beta1.',
          'apiVersion: apiserver.config.k8s.io/v1',
          'kind: AuthenticationConfiguration',
          'jwt:',
          '  - issuer:',
          '      url: "<issuer>"',
          '      audiences: ["<client_id>"]',
          '      # certificateAuthority: the PEM of a private CA, where the issuer has one',
          '    claimMappings:',
          '<email_scope?>      username: {claim: email, prefix: "oidc:"}',
          '<email_scope!>      username: {claim: sub, prefix: "oidc:"}',
          '<groups_scope?>      groups: {claim: groups, prefix: "oidc:"}',
        ],
      },
    },
  },
  JupyterHub: {
    page: 'jupyterhub',
    version: '17.4.0',
    callback: '/hub/oauth_callback',
    // of GenericOAuthenticator, which reads its scopes and whom it lets in from its configuration alone
    keys: {
      OAUTH_CLIENT_ID: '<client_id>',
      OAUTH_CLIENT_SECRET: '<client_secret>',
      OAUTH_CALLBACK_URL: '<redirect_uri>',
      OAUTH2_AUTHORIZE_URL: '<authorization_endpoint>',
      OAUTH2_TOKEN_URL: '<token_endpoint>',
      OAUTH2_USERDATA_URL: '<userinfo_endpoint>',
      OAUTH2_USERNAME_KEY: 'preferred_username',
      OAUTH_LOGOUT_REDIRECT_URL: '<sign_out_url>',
    },
  },
  PgAdmin: {
    page: 'pgadmin',
    version: '9.18',
    callback: '/oauth2/authorize',
    pkce: 'OAUTH2_CHALLENGE_METHOD and OAUTH2_RESPONSE_TYPE in OAUTH2_CONFIG',
    keys: {
      PGADMIN_CONFIG_AUTHENTICATION_SOURCES: "['oauth2', 'internal']",
      PGADMIN_CONFIG_OAUTH2_CONFIG: {
        format: 'python',
        lines: [
          '[{"OAUTH2_NAME":"nauthera"',
          ',"OAUTH2_DISPLAY_NAME":"<display_name>"',
          ',"OAUTH2_CLIENT_ID":"<client_id>"',
          ',"OAUTH2_CLIENT_SECRET":"<client_secret>"',
          ',"OAUTH2_SERVER_METADATA_URL":"<discovery_url>"',
          ',"OAUTH2_USERINFO_ENDPOINT":"<userinfo_endpoint>"',
          ',"OAUTH2_SCOPE":"<scopes>"',
          // without these two it uses no PKCE
          ',"OAUTH2_CHALLENGE_METHOD":"S256"',
          ',"OAUTH2_RESPONSE_TYPE":"code"',
          // it replaces the braces by its address and the ID token
          '<home?>,"OAUTH2_LOGOUT_URL":"<end_session_endpoint>?post_logout_redirect_uri={redirect_uri}&id_token_hint={id_token}"',
          '}]',
        ],
      },
    },
  },
  Quarkus: {
    page: 'quarkus',
    version: '3.34.2',
    pkce: 'QUARKUS_OIDC_AUTHENTICATION_PKCE_REQUIRED=true',
    keys: {
      QUARKUS_OIDC_AUTH_SERVER_URL: '<issuer>',
      QUARKUS_OIDC_CLIENT_ID: '<client_id>',
      QUARKUS_OIDC_CREDENTIALS_SECRET: '<client_secret>',
      QUARKUS_OIDC_APPLICATION_TYPE: '<people?>web-app',
      // it adds openid itself, and refuses a duplicate
      QUARKUS_OIDC_AUTHENTICATION_SCOPES: '<people?><scopes_but_openid ,>',
      QUARKUS_OIDC_AUTHENTICATION_PKCE_REQUIRED: '<people?>true',
    },
  },
  Streamlit: {
    page: 'streamlit',
    version: '1.67.0',
    callback: '/oauth2callback',
    keys: {
      'secrets.toml': {
        format: 'toml',
        lines: [
          '[auth]',
          'redirect_uri = "<redirect_uri>"',
          'client_id = "<client_id>"',
          'client_secret = "<client_secret>"',
          // of the client secret, so people sign in again after a rotation
          'cookie_secret = "<cookie_secret>"',
          'server_metadata_url = "<discovery_url>"',
          'client_kwargs = { scope = "<scopes>" }',
        ],
      },
    },
  },
  AspNetCore: {
    page: 'dotnet',
    version: '9',
    callback: '/signin-oidc',
    // two underscores stand for the colon of a key; the scheme has its default name
    keys: {
      [`${scheme}Authority`]: '<issuer>',
      [`${scheme}ClientId`]: '<client_id>',
      [`${scheme}ClientSecret`]: '<client_secret>',
      // its default is the implicit flow, which is not served
      [`${scheme}ResponseType`]: 'code',
      [`${scheme}Scope__#`]: '<scope>',
    },
  },
  AuthJS: {
    page: 'auth-js',
    version: '5.0.0-beta.32',
    // of the provider with the id nauthera
    keys: {
      AUTH_NAUTHERA_ID: '<client_id>',
      AUTH_NAUTHERA_SECRET: '<client_secret>',
      AUTH_NAUTHERA_ISSUER: '<issuer>',
    },
  },
  ExpressOpenIDConnect: {
    page: 'express-openid-connect',
    version: '3.4.0',
    callback: '/callback',
    keys: {
      ISSUER_BASE_URL: '<issuer>',
      CLIENT_ID: '<client_id>',
      CLIENT_SECRET: '<client_secret>',
      BASE_URL: '<address>',
    },
  },
  Gitea: {
    page: 'gitea',
    version: '1.26.0',
    callback: '/user/oauth2/nauthera/callback',
    keys: { key: '<client_id>', secret: '<client_secret>' },
  },
  GitLab: {
    page: 'gitlab',
    version: 'documentation read on 2026-11-30',
    callback: '/users/auth/openid_connect/callback',
    pkce: 'pkce: true in args of the provider',
    keys: {
      // one provider of OmniAuth, as the chart reads it
      provider: {
        format: 'json',
        lines: [
          '{',
          '  "name": "openid_connect",',
          '  "label": "Nauthera",',
          '  "args": {',
          '    "name": "openid_connect",',
          '    "scope": [<scopes ,>],',
          '    "response_type": "code",',
          '    "issuer": "<issuer>",',
          '    "discovery": true,',
          '    "client_auth_method": "query",',
          '    "uid_field": "sub",',
          '    "send_scope_to_token_endpoint": false,',
          '    "pkce": true,',
          '    "client_options": {',
          '      "redirect_uri": "<redirect_uri>",',
          '      "secret": "<client_secret>",',
          '      "identifier": "<client_id>"',
          '    }',
          '  }',
          '}',
        ],
      },
    },
  },
  Headlamp: {
    page: 'headlamp',
    version: '0.45.0',
    callback: '/oidc-callback',
    pkce: 'config.oidc.usePKCE: true in the values of its chart',
    keys: {
      OIDC_CLIENT_ID: '<client_id>',
      OIDC_CLIENT_SECRET: '<client_secret>',
      OIDC_ISSUER_URL: '<issuer>',
      OIDC_SCOPES: '<scopes>',
      // the chart passes it on with usePKCE
      OIDC_USE_PKCE: 'true',
    },
  },
  Jenkins: {
    page: 'jenkins',
    version: 'oic-auth 4',
    callback: '/securityRealm/finishLogin',
    pkce: 'pkce in properties of the security realm',
    // its chart takes only keys of lower-case letters, digits and -
    keys: { 'client-id': '<client_id>', 'client-secret': '<client_secret>', 'discovery-url': '<discovery_url>' },
  },
  Mattermost: {
    page: 'mattermost',
    version: 'documentation read on 2026-11-30',
    callback: '/signup/openid/complete',
    keys: {
      MM_OPENIDSETTINGS_ENABLE: 'true',
      MM_OPENIDSETTINGS_DISCOVERYENDPOINT: '<discovery_url>',
      MM_OPENIDSETTINGS_ID: '<client_id>',
      MM_OPENIDSETTINGS_SECRET: '<client_secret>',
    },
  },
  MinIO: {
    page: 'minio',
    version: 'RELEASE.2024-12-18',
    callback: '/oauth_callback',
    keys: {
      MINIO_IDENTITY_OPENID_CONFIG_URL: '<discovery_url>',
      MINIO_IDENTITY_OPENID_CLIENT_ID: '<client_id>',
      MINIO_IDENTITY_OPENID_CLIENT_SECRET: '<client_secret>',
      MINIO_IDENTITY_OPENID_SCOPES: '<scopes ,>',
    },
  },
  Outline: {
    page: 'outline',
    version: '1.9.1',
    callback: '/auth/oidc.callback',
    // with an issuer it finds all addresses by discovery, and uses PKCE
    keys: {
      OIDC_CLIENT_ID: '<client_id>',
      OIDC_CLIENT_SECRET: '<client_secret>',
      OIDC_ISSUER_URL: '<issuer>',
      OIDC_SCOPES: '<scopes>',
    },
  },
  Roundcube: {
    page: 'roundcube',
    version: '1.6.5',
    callback: '/index.php/login/oauth',
    keys: {
      'oauth.inc.php': {
        format: 'php',
        lines: [
          '<?php',
          "$config['oauth_provider'] = 'generic';",
          "$config['oauth_provider_name'] = 'Nauthera';",
          "$config['oauth_client_id'] = '<client_id>';",
          "$config['oauth_client_secret'] = '<client_secret>';",
          "$config['oauth_auth_uri'] = '<authorization_endpoint>';",
          "$config['oauth_token_uri'] = '<token_endpoint>';",
          "$config['oauth_identity_uri'] = '<userinfo_endpoint>';",
          "$config['oauth_scope'] = '<scopes>';",
        ],
      },
    },
  },
  SonarQube: {
    page: 'sonarqube',
    version: 'sonar-auth-oidc 2.1',
    callback: '/oauth2/callback/oidc',
    keys: {
      'secret.properties': {
        format: 'properties',
        lines: [
          // the plugin makes the callback of it
          'sonar.core.serverBaseURL=<address>',
          'sonar.auth.oidc.enabled=true',
          'sonar.auth.oidc.issuerUri=<issuer>',
          'sonar.auth.oidc.clientId.secured=<client_id>',
          'sonar.auth.oidc.clientSecret.secured=<client_secret>',
          'sonar.auth.oidc.scopes=<scopes>',
          '<groups_scope?>sonar.auth.oidc.groupsSync=true',
          '<groups_scope?>sonar.auth.oidc.groupsSync.claimName=groups',
        ],
      },
    },
  },
} as const satisfies Readonly<Record<string, PresetRow>>
