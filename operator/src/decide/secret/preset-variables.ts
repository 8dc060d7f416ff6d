// Presets that write variables, properties or the keys of a chart.
import { addressUnder, redirectUnder, scopesIn, secretUnder } from './preset-row.ts'
import type { PresetData, PresetInput, PresetRow } from './preset-row.ts'

/** A row for each. */
export const variablePresets = {
  Generic: { data: () => ({}) },
  Env: {
    data: ({ values }) => ({
      OIDC_CLIENT_ID: values.client_id,
      ...secretUnder('OIDC_CLIENT_SECRET', values),
      OIDC_ISSUER: values.issuer,
      OIDC_DISCOVERY_URL: values.discovery_url,
      OIDC_SCOPES: values.scopes,
      ...redirectUnder('OIDC_REDIRECT_URI', values),
    }),
  },
  Grafana: { data: grafana, pkce: 'GF_AUTH_GENERIC_OAUTH_USE_PKCE=true' },
  OAuth2Proxy: { data: oauth2Proxy, pkce: 'OAUTH2_PROXY_CODE_CHALLENGE_METHOD=S256' },
  EnvoyGateway: { data: ({ values }) => secretUnder('client-secret', values) },
  Spring: { data: spring },
  JupyterHub: { data: jupyterHub },
  PgAdmin: { data: pgAdmin, pkce: 'OAUTH2_CHALLENGE_METHOD and OAUTH2_RESPONSE_TYPE in OAUTH2_CONFIG' },
  Quarkus: { data: quarkus, pkce: 'QUARKUS_OIDC_AUTHENTICATION_PKCE_REQUIRED=true' },
  AspNetCore: { data: aspNetCore },
  AuthJS: {
    // of the provider with the id nauthera
    data: ({ values }) => ({
      AUTH_NAUTHERA_ID: values.client_id,
      ...secretUnder('AUTH_NAUTHERA_SECRET', values),
      AUTH_NAUTHERA_ISSUER: values.issuer,
    }),
  },
  ExpressOpenIDConnect: {
    data: ({ values }) => ({
      ISSUER_BASE_URL: values.issuer,
      CLIENT_ID: values.client_id,
      ...secretUnder('CLIENT_SECRET', values),
      ...addressUnder('BASE_URL', values, '/callback'),
    }),
  },
  Gitea: { data: ({ values }) => ({ key: values.client_id, ...secretUnder('secret', values) }) },
  Headlamp: {
    data: ({ values }) => ({
      OIDC_CLIENT_ID: values.client_id,
      ...secretUnder('OIDC_CLIENT_SECRET', values),
      OIDC_ISSUER_URL: values.issuer,
      OIDC_SCOPES: values.scopes,
      // the chart passes it on with usePKCE
      OIDC_USE_PKCE: 'true',
    }),
    pkce: 'config.oidc.usePKCE: true in the values of its chart',
  },
  Jenkins: {
    // its chart takes only keys of lower-case letters, digits and -
    data: ({ values }) => ({
      'client-id': values.client_id,
      ...secretUnder('client-secret', values),
      'discovery-url': values.discovery_url,
    }),
    pkce: 'pkce in properties of the security realm',
  },
  Mattermost: {
    data: ({ values }) => ({
      MM_OPENIDSETTINGS_ENABLE: 'true',
      MM_OPENIDSETTINGS_DISCOVERYENDPOINT: values.discovery_url,
      MM_OPENIDSETTINGS_ID: values.client_id,
      ...secretUnder('MM_OPENIDSETTINGS_SECRET', values),
    }),
  },
  MinIO: {
    data: ({ values }) => ({
      MINIO_IDENTITY_OPENID_CONFIG_URL: values.discovery_url,
      MINIO_IDENTITY_OPENID_CLIENT_ID: values.client_id,
      ...secretUnder('MINIO_IDENTITY_OPENID_CLIENT_SECRET', values),
      MINIO_IDENTITY_OPENID_SCOPES: scopesIn(values).join(','),
    }),
  },
  Outline: {
    // with an issuer it finds all addresses by discovery, and uses PKCE
    data: ({ values }) => ({
      OIDC_CLIENT_ID: values.client_id,
      ...secretUnder('OIDC_CLIENT_SECRET', values),
      OIDC_ISSUER_URL: values.issuer,
      OIDC_SCOPES: values.scopes,
    }),
  },
} satisfies Record<string, PresetRow>

function oauth2Proxy({ values }: PresetInput): PresetData {
  return {
    OAUTH2_PROXY_PROVIDER: 'oidc',
    OAUTH2_PROXY_CLIENT_ID: values.client_id,
    ...secretUnder('OAUTH2_PROXY_CLIENT_SECRET', values),
    OAUTH2_PROXY_OIDC_ISSUER_URL: values.issuer,
    OAUTH2_PROXY_SCOPE: values.scopes,
    // it sends neither PKCE nor a nonce unless told to
    OAUTH2_PROXY_CODE_CHALLENGE_METHOD: 'S256',
    // else a second tab, or the browser's request for an icon, overwrites the state of the sign-in in the one cookie
    OAUTH2_PROXY_COOKIE_CSRF_PER_REQUEST: 'true',
    OAUTH2_PROXY_COOKIE_CSRF_PER_REQUEST_LIMIT: '10',
    // so that /oauth2/sign_out may go on to the sign-out of the issuer
    OAUTH2_PROXY_WHITELIST_DOMAINS: new URL(values.issuer).host,
    ...redirectUnder('OAUTH2_PROXY_REDIRECT_URL', values),
  }
}

/** Two underscores stand for the colon of a key. The scheme has its default name. */
function aspNetCore({ values }: PresetInput): PresetData {
  const scheme = 'Authentication__Schemes__OpenIdConnect__'
  const scopes = scopesIn(values).map((scope, index) => [`${scheme}Scope__${index}`, scope])
  return {
    [`${scheme}Authority`]: values.issuer,
    [`${scheme}ClientId`]: values.client_id,
    ...secretUnder(`${scheme}ClientSecret`, values),
    // its default is the implicit flow, which is not served
    [`${scheme}ResponseType`]: 'code',
    ...Object.fromEntries(scopes),
  }
}

/** Roles come from the claim `roles`, where the client derives one from groups: Admin, Editor, and Viewer for everybody else. */
function grafana({ values, spec }: PresetInput): PresetData {
  const isIn = (role: string) => `contains(roles || \`[]\`, '${role}') && '${role}'`
  const hasRoles = spec.claims?.some(({ name }) => name === 'roles') ?? false
  return {
    GF_AUTH_GENERIC_OAUTH_ENABLED: 'true',
    GF_AUTH_GENERIC_OAUTH_CLIENT_ID: values.client_id,
    ...secretUnder('GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET', values),
    GF_AUTH_GENERIC_OAUTH_AUTH_URL: values.authorization_endpoint,
    GF_AUTH_GENERIC_OAUTH_TOKEN_URL: values.token_endpoint,
    GF_AUTH_GENERIC_OAUTH_API_URL: values.userinfo_endpoint,
    GF_AUTH_GENERIC_OAUTH_SCOPES: values.scopes,
    GF_AUTH_GENERIC_OAUTH_USE_PKCE: 'true',
    GF_AUTH_GENERIC_OAUTH_USE_REFRESH_TOKEN: 'true',
    ...(hasRoles
      ? { GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_PATH: `${isIn('Admin')} || ${isIn('Editor')} || 'Viewer'` }
      : {}),
  }
}

/** Properties by their full names: `spring.config.import=configtree:/etc/oidc/` reads a mounted Secret as it is. */
function spring({ values, spec }: PresetInput): PresetData {
  const registration = 'spring.security.oauth2.client.registration.nauthera'
  return {
    [`${registration}.client-id`]: values.client_id,
    ...secretUnder(`${registration}.client-secret`, values),
    [`${registration}.authorization-grant-type`]: spec.type === 'M2M' ? 'client_credentials' : 'authorization_code',
    [`${registration}.scope`]: scopesIn(values).join(','),
    ...redirectUnder(`${registration}.redirect-uri`, values),
    'spring.security.oauth2.client.provider.nauthera.issuer-uri': values.issuer,
  }
}

/** For GenericOAuthenticator, which reads its scopes and whom it lets in from its configuration alone. */
function jupyterHub({ values, spec }: PresetInput): PresetData {
  const [home] = spec.postLogoutRedirectURIs ?? []
  const end = new URL(values.end_session_endpoint)
  end.searchParams.set('client_id', values.client_id)
  if (home !== undefined) end.searchParams.set('post_logout_redirect_uri', home)
  return {
    OAUTH_CLIENT_ID: values.client_id,
    ...secretUnder('OAUTH_CLIENT_SECRET', values),
    ...redirectUnder('OAUTH_CALLBACK_URL', values),
    OAUTH2_AUTHORIZE_URL: values.authorization_endpoint,
    OAUTH2_TOKEN_URL: values.token_endpoint,
    OAUTH2_USERDATA_URL: values.userinfo_endpoint,
    OAUTH2_USERNAME_KEY: 'preferred_username',
    OAUTH_LOGOUT_REDIRECT_URL: end.href,
  }
}

/** For the image of pgAdmin, which takes values of Python. Without the two options of PKCE it sends none. */
function pgAdmin({ values, spec }: PresetInput): PresetData {
  const provider = {
    OAUTH2_NAME: 'nauthera',
    OAUTH2_DISPLAY_NAME: spec.displayName ?? 'SSO',
    OAUTH2_CLIENT_ID: values.client_id,
    ...secretUnder('OAUTH2_CLIENT_SECRET', values),
    OAUTH2_SERVER_METADATA_URL: values.discovery_url,
    OAUTH2_USERINFO_ENDPOINT: values.userinfo_endpoint,
    OAUTH2_SCOPE: values.scopes,
    OAUTH2_CHALLENGE_METHOD: 'S256',
    OAUTH2_RESPONSE_TYPE: 'code',
    ...(spec.postLogoutRedirectURIs?.length
      ? {
          // it replaces the braces by its address and the ID token
          OAUTH2_LOGOUT_URL: `${values.end_session_endpoint}?post_logout_redirect_uri={redirect_uri}&id_token_hint={id_token}`,
        }
      : {}),
  }
  return {
    PGADMIN_CONFIG_AUTHENTICATION_SOURCES: "['oauth2', 'internal']",
    PGADMIN_CONFIG_OAUTH2_CONFIG: JSON.stringify([provider]),
  }
}

function quarkus({ values, spec }: PresetInput): PresetData {
  return {
    QUARKUS_OIDC_AUTH_SERVER_URL: values.issuer,
    QUARKUS_OIDC_CLIENT_ID: values.client_id,
    ...secretUnder('QUARKUS_OIDC_CREDENTIALS_SECRET', values),
    ...(spec.type === 'M2M'
      ? {}
      : {
          QUARKUS_OIDC_APPLICATION_TYPE: 'web-app',
          QUARKUS_OIDC_AUTHENTICATION_SCOPES: scopesIn(values)
            // it adds this one itself, and refuses a duplicate
            .filter((scope) => scope !== 'openid')
            .join(','),
          QUARKUS_OIDC_AUTHENTICATION_PKCE_REQUIRED: 'true',
        }),
  }
}
