// How a client authenticates at the token endpoint. client_secret_jwt is missing: it needs the plain secret, and the server has hashes
// only.

/** The ways of the protocol (RFC 7591 section 2). */
export const wireMethods = [
  'client_secret_basic',
  'client_secret_post',
  'none',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const
export type WireMethod = (typeof wireMethods)[number]

/** The client shows a token of its platform and no secret (identities.ts). The name is ours: the protocol has none. */
export const federatedMethod = 'federated_jwt'

/** What `auth.method` may say. client_secret: in the header or in the body, as the program likes (RFC 6749 section 2.3.1). */
export const authMethods = ['client_secret', ...wireMethods, federatedMethod] as const
export type AuthMethod = (typeof authMethods)[number]

/** How a secret may be shown. */
export const secretWays = ['client_secret_basic', 'client_secret_post'] as const
export type SecretWay = (typeof secretWays)[number]

/** The methods with a secret, which the operator mints, publishes and rotates. */
export const secretMethods: readonly string[] = ['client_secret', ...secretWays]
export const showsSecret = (method: string): boolean => secretMethods.includes(method)

/** @returns the ways in which a client of this method may show its secret; none for one without */
export const waysOf = (method: string): readonly SecretWay[] =>
  method === 'client_secret' ? secretWays : secretWays.filter((way) => way === method)

/** @returns the method as `token_endpoint_auth_method` has it, which knows no word for "one of the two" */
export const wireMethod = (method: AuthMethod): WireMethod | typeof federatedMethod =>
  method === 'client_secret' ? 'client_secret_basic' : method

/** Those that need the client's public keys. */
export const keyMethods: readonly string[] = ['private_key_jwt', 'self_signed_tls_client_auth']
export const tlsMethods: readonly string[] = ['tls_client_auth', 'self_signed_tls_client_auth']
/** Those without a shared secret, which FAPI 2.0 asks for. */
export const strongMethods: readonly string[] = ['private_key_jwt', ...tlsMethods]
