// The scopes about a person, and what each tells.

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

/** @returns the scope that holds a claim; undefined for one in none */
export function scopeOfClaim(claim: string): string | undefined {
  return Object.entries(claimsByScope).find(([, claims]) => claims.some((one) => one === claim))?.[0]
}
