import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { User } from '../store/users.ts'

/** Scope -> claims (OpenID Connect Core 5.4; `groups` is ours). */
export const claimsByScope = {
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
  groups: ['groups'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** Every scope that the Provider itself knows; whatever else is a scope belongs to an API. */
export const oidcScopes: readonly string[] = [...Object.keys(claimsByScope), 'offline_access']

/** About the sign-in, in no scope. */
export const signInClaims = ['acr', 'amr', 'auth_time', 'sid', 'iss'] as const

/** @returns the scope that holds a claim; undefined for one in none */
export function scopeOfClaim(claim: string): string | undefined {
  return Object.entries(claimsByScope).find(([, claims]) => (claims as readonly string[]).includes(claim))?.[0]
}

const standardProfile: readonly string[] = [...claimsByScope.profile, ...claimsByScope.address, ...claimsByScope.phone]

/** Everything that may be told about a person, in the standard's types; the library takes what scopes and request allow.
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

/** Claims that a client derives from groups, such as roles.
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

function joined(values: readonly string[], join: string): unknown {
  if (join === 'CSV') return values.join(',')
  return join === 'SSV' ? values.join(' ') : values
}
