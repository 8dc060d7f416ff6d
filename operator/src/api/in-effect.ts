// What is in effect of a spec: what it says, else the default of its type.
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { AuthMethod } from '@nauthera/rules/client-authentication'
import { clientTypes, meaningOf, typesWhere } from '@nauthera/rules/client-types'
import type { ClientType } from '@nauthera/rules/client-types'
import { usualGrants } from '@nauthera/rules/grants'
import type { GrantType } from '@nauthera/rules/grants'
import { originFault } from '@nauthera/rules/uris'
import { celList } from './cel-text.ts'
import type { OIDCClientSpec, PkceMode } from './oidc-client.ts'

const secretTypes: readonly string[] = typesWhere(({ method }) => showsSecret(method))

/** @param spec may have an unknown type
 *  @returns the method in effect */
export const authMethodOf = (spec: Pick<OIDCClientSpec, 'type' | 'auth'>): AuthMethod =>
  spec.auth?.method ?? (secretTypes.includes(spec.type) ? 'client_secret' : 'none')

/** @returns the mode in effect */
export const pkceOf = (spec: Pick<OIDCClientSpec, 'type' | 'auth' | 'pkce' | 'profile'>): PkceMode =>
  spec.pkce ?? (spec.type === 'Web' && spec.profile !== 'FAPI2' && authMethodOf(spec) !== 'none' ? 'Auto' : 'Required')

/** authMethodOf in CEL.
 *  @param spec what CEL calls the spec */
export const authMethodInCel = (spec: string): string =>
  `(has(${spec}.auth) && has(${spec}.auth.method) ? ${spec}.auth.method : ${spec}.type in ${celList(secretTypes)} ? 'client_secret' : 'none')`

/** @returns the grants in effect: `spec.grants`, or the default of the type. With pairwise subjects a public client has no device grant by
 *  default, since it cannot prove its sector. */
export function grantTypesOf(spec: OIDCClientSpec): readonly GrantType[] {
  const grants = usualGrants(spec.type)
  const isOfPerson = spec.type === 'Native' && spec.subjectType === 'pairwise'
  return spec.grantTypes ?? (isOfPerson ? grants.filter((grant) => grant !== 'device_code') : grants)
}

/** grantTypesOf in CEL. */
export const grantTypesInCel = (spec: string): string =>
  `has(${spec}.grantTypes) ? ${spec}.grantTypes : ${spec}.type == 'Native' && has(${spec}.subjectType) && ${spec}.subjectType == 'pairwise' ? ${celList(grantTypesOf({ type: 'Native', subjectType: 'pairwise' }))} : ${byType(usualGrants)}[${spec}.type]`

/** @returns a CEL map from each type to a list */
const byType = (listOf: (type: ClientType) => readonly string[]): string =>
  `{${clientTypes.map((type) => `'${type}': ${celList(listOf(type))}`).join(', ')}}`

/** @returns the scopes in effect. */
export function scopesOf(spec: OIDCClientSpec): readonly string[] {
  return spec.scopes ?? meaningOf(spec.type).scopes
}

/** scopesOf in CEL. */
export const scopesInCel = (spec: string): string =>
  `has(${spec}.scopes) ? ${spec}.scopes : ${byType((type) => meaningOf(type).scopes)}[${spec}.type]`

/** @returns the origins in effect: of an SPA those of its redirect URIs, where it names none. */
export const corsOriginsOf = ({ type, corsOrigins, redirectURIs = [] }: OIDCClientSpec): readonly string[] =>
  corsOrigins ??
  (type === 'SPA'
    ? [...new Set(redirectURIs.flatMap((uri) => URL.parse(uri)?.origin ?? []))].filter(
        (origin) => originFault(origin) === undefined,
      )
    : [])

/** @returns whether policies may say how often the secret rotates: of all but one that its owner rotates in a Secret */
export function hasDatedSecret(spec: OIDCClientSpec): boolean {
  return showsSecret(authMethodOf(spec)) && !spec.secret?.existingSecretRef
}
