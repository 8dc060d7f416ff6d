// The keys and labels that known programs read from a Secret.
import type { Preset } from '../api/oidc-client.ts'
import type { SecretValues } from './secret-values.ts'

/** @returns the keys that a preset adds; those of the secret are absent for a client without one. */
export function presetData(preset: Preset, values: SecretValues): Readonly<Record<string, string>> {
  const secret = (key: string): Record<string, string> =>
    values.client_secret === undefined ? {} : { [key]: values.client_secret }
  const redirect = (key: string): Record<string, string> => {
    const [first] = values.redirect_uris.split(' ')
    return first ? { [key]: first } : {}
  }
  switch (preset) {
    case 'Generic':
      return {}
    case 'Env':
      return {
        OIDC_CLIENT_ID: values.client_id,
        ...secret('OIDC_CLIENT_SECRET'),
        OIDC_ISSUER: values.issuer,
        OIDC_DISCOVERY_URL: values.discovery_url,
        OIDC_SCOPES: values.scopes,
        ...redirect('OIDC_REDIRECT_URI'),
      }
    case 'ArgoCD':
      return { 'oidc.clientID': values.client_id, ...secret('oidc.clientSecret'), 'oidc.issuer': values.issuer }
    case 'Grafana':
      return {
        GF_AUTH_GENERIC_OAUTH_CLIENT_ID: values.client_id,
        ...secret('GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET'),
        GF_AUTH_GENERIC_OAUTH_AUTH_URL: values.authorization_endpoint,
        GF_AUTH_GENERIC_OAUTH_TOKEN_URL: values.token_endpoint,
        GF_AUTH_GENERIC_OAUTH_API_URL: values.userinfo_endpoint,
        GF_AUTH_GENERIC_OAUTH_SCOPES: values.scopes,
      }
    case 'OAuth2Proxy':
      return {
        OAUTH2_PROXY_CLIENT_ID: values.client_id,
        ...secret('OAUTH2_PROXY_CLIENT_SECRET'),
        OAUTH2_PROXY_OIDC_ISSUER_URL: values.issuer,
        ...redirect('OAUTH2_PROXY_REDIRECT_URL'),
      }
    case 'EnvoyGateway':
      return secret('client-secret')
  }
}

/** @returns the labels that a preset adds. */
export function presetLabels(preset: Preset): Readonly<Record<string, string>> {
  return preset === 'ArgoCD' ? { 'app.kubernetes.io/part-of': 'argocd' } : {}
}
