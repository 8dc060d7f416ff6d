// Builds claims from a person, from groups and from scopes.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { claimsByScope, scopeOfClaim } from '@nauthera/rules/scopes'
import type { User } from '../store/people/user.ts'

const standardProfile: readonly string[] = [...claimsByScope.profile, ...claimsByScope.address, ...claimsByScope.phone]

/** All claims about a person. The library selects those that scopes and request allow.
 *  Source: OpenID Connect Core 5.1. */
export function claimsOf(user: User): Record<string, unknown> {
  const profile = Object.entries(user.profile).filter(
    ([name, value]) => standardProfile.includes(name) && isOfItsType(name, value),
  )
  const claims = {
    ...Object.fromEntries(profile),
    sub: user.id,
    name: user.name ?? user.username,
    preferred_username: user.username,
    email: user.email,
    email_verified: user.email === undefined ? undefined : user.emailVerified,
    locale: user.locale,
    updated_at: Math.floor(user.updatedAt.getTime() / 1000),
    groups: user.groups,
  }
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}

function isOfItsType(name: string, value: unknown): boolean {
  if (name === 'address') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (name === 'phone_number_verified') return typeof value === 'boolean'
  return typeof value === 'string'
}

/** The claims that a client derives from groups, such as roles.
 *  @returns by name; a claim without a value is left out */
export function claimsFromGroups(rules: ClientConfig['claims'], groups: readonly string[]): Record<string, unknown> {
  const claims: Record<string, unknown> = {}
  for (const { name, fromGroups, join } of rules) {
    const values = [
      ...new Set(fromGroups.filter(({ group }) => groups.includes(group)).flatMap(({ values }) => values)),
    ]
    if (values.length > 0) claims[name] = joined(values, join)
  }
  return claims
}

/** The claims in an API's token (resourceServer.tokens.claims), limited to the consented scopes.
 *  @param consented scopes about the person in the token's grant; claims from groups belong to the scope `groups`
 *  @returns the claims that the API lists; `email` comes with `email_verified` */
export function claimsForApi(
  { resourceServer, claims }: Pick<ClientConfig, 'resourceServer' | 'claims'>,
  user: User,
  consented: string | undefined,
): Record<string, unknown> {
  const named = resourceServer?.tokenClaims ?? []
  if (named.length === 0) return {}
  const scopes = (consented ?? '').split(' ')
  const all = { ...claimsOf(user), ...claimsFromGroups(claims, user.groups) }
  const told = named.flatMap((name) => (name === 'email' ? [name, 'email_verified'] : [name]))
  return Object.fromEntries(
    told
      .filter((name) => all[name] !== undefined && scopes.includes(scopeOfClaim(name) ?? 'groups'))
      .map((name) => [name, all[name]]),
  )
}

/** The same for introspection, with `username` (RFC 7662). */
export function claimsOnIntrospection(...about: Parameters<typeof claimsForApi>): Record<string, unknown> {
  const told = claimsForApi(...about)
  return 'preferred_username' in told ? { ...told, username: told['preferred_username'] } : told
}

function joined(values: readonly string[], join: string): unknown {
  if (join === 'CSV') return values.join(',')
  return join === 'SSV' ? values.join(' ') : values
}
