// Presets that write a file: what a program reads from a mounted key.
import { digestOf } from '@nauthera/proto/digest'
import { usualTokenLife } from '@nauthera/rules/limits'
import { durationMs, durationText } from '../../api/duration.ts'
import type { OIDCClientSpec } from '../../api/oidc-client.ts'
import { addressUnder, redirectUnder, scopesIn, secretUnder } from './preset-row.ts'
import type { PresetData, PresetInput, PresetRow, SecretValues } from './preset-row.ts'

/** A row for each. */
export const filePresets = {
  ArgoCD: {
    data: argoCd,
    pkce: 'enablePKCEAuthentication: true in oidc.config of argocd-cm',
    labels: { 'app.kubernetes.io/part-of': 'argocd' },
  },
  KubeAPIServer: { data: ({ values }) => ({ 'authentication-config.yaml': kubeApiServer(values) }), needsHttps: true },
  Streamlit: { data: ({ values }) => ({ 'secrets.toml': streamlit(values) }) },
  GitLab: { data: ({ values }) => ({ provider: gitLab(values) }), pkce: 'pkce: true in args of the provider' },
  SonarQube: { data: ({ values }) => ({ 'secret.properties': sonarQube(values) }) },
  Roundcube: { data: ({ values }) => ({ 'oauth.inc.php': roundcube(values) }) },
} satisfies Record<string, PresetRow>

/** `oidc.config` is for the ConfigMap argocd-cm: it refers to the keys of this Secret and holds no secret. Argo CD sends no
 *  nonce, so it must be told to use PKCE; and its cookie is the ID token, so people would be out when that ends. */
function argoCd({ values, spec, secretName }: PresetInput): PresetData {
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
  const life = (of: 'access' | 'id', set: string | undefined) => durationMs(set) || usualTokenLife[of] * 1000
  const [access, id] = [life('access', tokens?.accessTTL), life('id', tokens?.idTTL)]
  return durationText(Math.max(access - id, 0) + Math.min(120_000, id / 2))
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

/** One provider of OmniAuth, as the chart reads it. */
function gitLab(values: SecretValues): string {
  const provider = {
    name: 'openid_connect',
    label: 'Nauthera',
    args: {
      name: 'openid_connect',
      scope: scopesIn(values),
      response_type: 'code',
      issuer: values.issuer,
      discovery: true,
      client_auth_method: 'query',
      uid_field: 'sub',
      send_scope_to_token_endpoint: false,
      pkce: true,
      client_options: {
        identifier: values.client_id,
        ...secretUnder('secret', values),
        ...redirectUnder('redirect_uri', values),
      },
    },
  }
  return `${JSON.stringify(provider, undefined, 2)}\n`
}

/** Its own address is part of it: the plugin makes the callback of that. */
function sonarQube(values: SecretValues): string {
  const entries = {
    ...addressUnder('sonar.core.serverBaseURL', values, '/oauth2/callback/oidc'),
    'sonar.auth.oidc.enabled': 'true',
    'sonar.auth.oidc.issuerUri': values.issuer,
    'sonar.auth.oidc.clientId.secured': values.client_id,
    ...secretUnder('sonar.auth.oidc.clientSecret.secured', values),
    'sonar.auth.oidc.scopes': values.scopes,
    ...(scopesIn(values).includes('groups')
      ? { 'sonar.auth.oidc.groupsSync': 'true', 'sonar.auth.oidc.groupsSync.claimName': 'groups' }
      : {}),
  }
  // a Java properties file drops a backslash that stands alone
  const lines = Object.entries(entries).map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
  return lines.join('')
}

function roundcube(values: SecretValues): string {
  const entries = {
    oauth_provider: 'generic',
    oauth_provider_name: 'Nauthera',
    oauth_client_id: values.client_id,
    ...secretUnder('oauth_client_secret', values),
    oauth_auth_uri: values.authorization_endpoint,
    oauth_token_uri: values.token_endpoint,
    oauth_identity_uri: values.userinfo_endpoint,
    oauth_scope: values.scopes,
  }
  const lines = Object.entries(entries).map(([key, value]) => `$config['${key}'] = ${phpText(value)};\n`)
  return `<?php\n${lines.join('')}`
}

/** In single quotes PHP reads no variables. */
const phpText = (value: string): string => `'${value.replace(/[\\']/g, '\\$&')}'`

/** JSON is YAML too. */
const text = (value: string): string => JSON.stringify(value)
