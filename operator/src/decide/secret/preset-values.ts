// The values that the row of a preset may name beside the usual keys of a Secret: what follows from a client in a form that a program wants.
import { digestOf } from '@nauthera/proto/digest'
import { usualTokenLife } from '@nauthera/rules/limits'
import { durationMs, durationText } from '../../api/duration.ts'
import type { OIDCClientSpec } from '../../api/oidc-client.ts'
import type { SecretValues } from './secret-values.ts'

/** What a preset is made of. */
export interface PresetInput {
  readonly values: SecretValues
  readonly spec: OIDCClientSpec
  /** Of the Secret itself. */
  readonly secretName: string
}

export type PresetValues = Readonly<Record<string, string | undefined>>

/** @param callback that the program always has
 *  @returns the values of a client by their names in a row; undefined is one that the client lacks */
export const presetValues = (preset: string, callback: string | undefined, input: PresetInput): PresetValues => ({
  client_secret: undefined,
  ...input.values,
  ...derivedValues(preset, callback, input),
})

/** A name that says what a client may have, such as `groups_scope`, is for `<name?>` and `<name!>`. */
function derivedValues(preset: string, callback: string | undefined, { values, spec, secretName }: PresetInput) {
  const scopes = values.scopes.split(' ')
  const [redirectUri = ''] = values.redirect_uris.split(' ')
  const [home] = spec.postLogoutRedirectURIs ?? []
  return {
    secret_name: secretName,
    display_name: spec.displayName ?? 'SSO',
    issuer_host: new URL(values.issuer).host,
    // the first, for a program that has one
    redirect_uri: redirectUri || undefined,
    // of the program itself, where its redirect URI ends with the callback that it always has
    address:
      callback !== undefined && redirectUri.endsWith(callback) ? redirectUri.slice(0, -callback.length) : undefined,
    home,
    sign_out_url: signOutUrl(values, home),
    scopes_but_openid: scopes.filter((scope) => scope !== 'openid').join(' '),
    usual_grant: spec.type === 'M2M' ? 'client_credentials' : 'authorization_code',
    // for a program that needs a secret for its cookies
    cookie_secret: values.client_secret && digestOf(`cookies of ${preset}: ${values.client_secret}`),
    refresh_before: refreshBefore(spec),
    people: spec.type === 'M2M' ? undefined : 'yes',
    email_scope: scopes.find((scope) => scope === 'email'),
    groups_scope: scopes.find((scope) => scope === 'groups'),
    roles_claim: spec.claims?.find(({ name }) => name === 'roles')?.name,
  }
}

function signOutUrl({ end_session_endpoint: endpoint, client_id: clientId }: SecretValues, home: string | undefined) {
  const end = new URL(endpoint)
  end.searchParams.set('client_id', clientId)
  if (home !== undefined) end.searchParams.set('post_logout_redirect_uri', home)
  return end.href
}

/** For a program that refreshes when ID token or access token is valid for less than this. */
function refreshBefore({ tokens }: OIDCClientSpec): string {
  const life = (of: 'access' | 'id', set: string | undefined) => durationMs(set) || usualTokenLife[of] * 1000
  const [access, id] = [life('access', tokens?.accessTTL), life('id', tokens?.idTTL)]
  return durationText(Math.max(access - id, 0) + Math.min(120_000, id / 2))
}
