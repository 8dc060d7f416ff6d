// Presets: the keys and labels that known programs read from a Secret. docs/integrations has the versions that were checked.
import { digestOf } from '@nauthera/proto/digest'
import { usualTokenLife } from '@nauthera/rules/limits'
import { durationMs, durationText } from '../../api/duration.ts'
import type { Preset } from '../../api/client-secret.ts'
import type { OIDCClientSpec } from '../../api/oidc-client.ts'
import type { SecretValues } from './secret-values.ts'

/** What a preset is made of. */
export interface PresetInput {
  readonly values: SecretValues
  readonly spec: OIDCClientSpec
  /** Of the Secret itself. */
  readonly secretName: string
}

type Data = Readonly<Record<string, string>>

/** @returns the keys that a preset adds; those of the secret are absent for a client without one. */
export function presetData(preset: Preset, input: PresetInput): Data {
  const { values } = input
  switch (preset) {
    case 'Generic':
      return {}
    case 'Env':
      return {
        OIDC_CLIENT_ID: values.client_id,
        ...secretUnder('OIDC_CLIENT_SECRET', values),
        OIDC_ISSUER: values.issuer,
        OIDC_DISCOVERY_URL: values.discovery_url,
        OIDC_SCOPES: values.scopes,
        ...redirectUnder('OIDC_REDIRECT_URI', values),
      }
    case 'ArgoCD':
      return argoCd(input)
    case 'Grafana':
      return grafana(input)
    case 'OAuth2Proxy':
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
    case 'EnvoyGateway':
      return secretUnder('client-secret', values)
    case 'Spring':
      return spring(input)
    case 'KubeAPIServer':
      return { 'authentication-config.yaml': kubeApiServer(values) }
    case 'JupyterHub':
      return jupyterHub(input)
    case 'PgAdmin':
      return pgAdmin(input)
    case 'Quarkus':
      return quarkus(input)
    case 'Streamlit':
      return { 'secrets.toml': streamlit(values) }
  }
}

/** Whether the program refuses an issuer over http, as in development. */
export const needsHttps = (preset: Preset): boolean => preset === 'KubeAPIServer'

/** @returns the option of the program that turns PKCE on; undefined where it always sends a nonce, or nobody knows */
export function presetPkce(preset: Preset): string | undefined {
  switch (preset) {
    case 'ArgoCD':
      return 'enablePKCEAuthentication: true in oidc.config of argocd-cm'
    case 'Grafana':
      return 'GF_AUTH_GENERIC_OAUTH_USE_PKCE=true'
    case 'OAuth2Proxy':
      return 'OAUTH2_PROXY_CODE_CHALLENGE_METHOD=S256'
    case 'PgAdmin':
      return 'OAUTH2_CHALLENGE_METHOD and OAUTH2_RESPONSE_TYPE in OAUTH2_CONFIG'
    case 'Quarkus':
      return 'QUARKUS_OIDC_AUTHENTICATION_PKCE_REQUIRED=true'
    default:
      return undefined
  }
}

/** @returns the labels that a preset adds. */
export function presetLabels(preset: Preset): Data {
  return preset === 'ArgoCD' ? { 'app.kubernetes.io/part-of': 'argocd' } : {}
}

const secretUnder = (key: string, { client_secret: secret }: SecretValues): Data =>
  secret === undefined ? {} : { [key]: secret }

/** The first redirect URI, for a program that has one. */
function redirectUnder(key: string, { redirect_uris: uris }: SecretValues): Data {
  const [first] = uris.split(' ')
  return first ? { [key]: first } : {}
}

/** `oidc.config` is for the ConfigMap argocd-cm: it refers to the keys of this Secret and holds no secret. Argo CD sends no
 *  nonce, so it must be told to use PKCE; and its cookie is the ID token, so people would be out when that ends. */
function argoCd({ values, spec, secretName }: PresetInput): Data {
  const secret = secretUnder('oidc.clientSecret', values)
  // without a registered address the sign-out ends on the issuer's page
  const comeBack = spec.postLogoutRedirectURIs?.length ? '&post_logout_redirect_uri={{logoutRedirectURL}}' : ''
  const lines = [
    `name: ${text(spec.displayName ?? 'SSO')}`,
    `issuer: ${text(values.issuer)}`,
    `clientID: ${text(`$${secretName}:oidc.clientID`)}`,
    ...Object.keys(secret).map((key) => `clientSecret: ${text(`$${secretName}:${key}`)}`),
    `requestedScopes: ${JSON.stringify(scopesIn(values))}`,
    'enablePKCEAuthentication: true',
    `logoutURL: ${text(`${values.end_session_endpoint}?id_token_hint={{token}}${comeBack}`)}`,
    `refreshTokenThreshold: ${refreshBefore(spec)}`,
  ]
  return {
    'oidc.clientID': values.client_id,
    ...secret,
    'oidc.issuer': values.issuer,
    'oidc.config': `${lines.join('\n')}\n`,
  }
}

/** Argo CD refreshes when ID token or access token is valid for less than this. */
function refreshBefore({ tokens }: OIDCClientSpec): string {
  const life = (of: 'access' | 'id', set: string | undefined) => (set && durationMs(set)) || usualTokenLife[of] * 1000
  const [access, id] = [life('access', tokens?.accessTTL), life('id', tokens?.idTTL)]
  return durationText(Math.max(access - id, 0) + Math.min(120_000, id / 2))
}

/** Roles come from the claim `roles`, where the client derives one from groups: Admin, Editor, and Viewer for everybody else. */
function grafana({ values, spec }: PresetInput): Data {
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
function spring({ values, spec }: PresetInput): Data {
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
function jupyterHub({ values, spec }: PresetInput): Data {
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
function pgAdmin({ values, spec }: PresetInput): Data {
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

function quarkus({ values, spec }: PresetInput): Data {
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

/** For `.streamlit/secrets.toml`. It needs a secret for its cookies, which is derived from the client secret. So people sign in again
 *  after a rotation. */
function streamlit(values: SecretValues): string {
  const { client_secret: secret } = values
  const entries = {
    ...redirectUnder('redirect_uri', values),
    client_id: values.client_id,
    ...secretUnder('client_secret', values),
    ...(secret === undefined ? {} : { cookie_secret: digestOf(`cookies of Streamlit: ${secret}`) }),
    server_metadata_url: values.discovery_url,
  }
  const lines = Object.entries(entries).map(([key, value]) => `${key} = ${text(value)}`)
  const scope = `client_kwargs = { scope = ${text(values.scopes)} }`
  return ['[auth]', ...lines, scope, ''].join('\n')
}

/** For `kube-apiserver --authentication-config`. A prefix keeps a group from being `system:masters`. */
function kubeApiServer(values: SecretValues): string {
  const scopes = scopesIn(values)
  const claim = (name: string) => `{claim: ${name}, prefix: "oidc:"}`
  const lines = [
    '# Kubernetes 1.34 and newer; for 1.30 to 1.33 write apiserver.config.k8s.io/v1beta1.',
    'apiVersion: apiserver.config.k8s.io/v1',
    'kind: AuthenticationConfiguration',
    'jwt:',
    '  - issuer:',
    `      url: ${text(values.issuer)}`,
    `      audiences: [${text(values.client_id)}]`,
    '      # certificateAuthority: the PEM of a private CA, where the issuer has one',
    '    claimMappings:',
    `      username: ${claim(scopes.includes('email') ? 'email' : 'sub')}`,
    ...(scopes.includes('groups') ? [`      groups: ${claim('groups')}`] : []),
  ]
  return `${lines.join('\n')}\n`
}

const scopesIn = ({ scopes }: SecretValues): string[] => scopes.split(' ').filter((scope) => scope !== '')

/** JSON is YAML too. */
const text = (value: string): string => JSON.stringify(value)
