// Reserved claims: a client cannot derive them from groups, since applications would read them as statements of the Provider.
import { claimsByScope } from './scopes.ts'

/** Claims about the sign-in, without a scope. */
export const signInClaims = ['acr', 'amr', 'auth_time', 'sid', 'iss'] as const

/** About the token itself. */
const tokenClaims = [
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'nonce',
  'azp',
  'at_hash',
  'c_hash',
  's_hash',
  'cnf',
  'scope',
  'client_id',
  'events',
  'act',
  'may_act',
  'typ',
  'grant_ref',
] as const

/** About the answer to an introspection (RFC 7662 section 2.2). */
const answerClaims = ['active', 'username', 'token_type', 'authorization_details'] as const

/** Which claims of the granted scopes an ID token holds: all, or only those that the request names (OpenID Connect Core 5.4). */
export const idClaims = ['Scopes', 'Minimal'] as const

/** Names that would change the prototype of a JavaScript object. */
export const unusableClaims: readonly string[] = ['__proto__']

/** What a token of a person may tell an API, besides the claims that the API makes from groups. */
export const apiClaims = ['groups', 'email', 'preferred_username', 'name'] as const

export const registeredClaims: readonly string[] = [
  ...signInClaims,
  ...tokenClaims,
  ...answerClaims,
  ...unusableClaims,
  ...Object.values(claimsByScope).flat(),
]
