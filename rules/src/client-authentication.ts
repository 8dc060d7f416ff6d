// How a client proves that it is itself at the token endpoint. client_secret_jwt is not among them: it needs the plain
// secret on the server, which has hashes only.

/** The ways of the protocol (RFC 7591 section 2). */
export const wireMethods = [
  'client_secret_basic',
  'client_secret_post',
  'none',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const
type WireMethod = (typeof wireMethods)[number]

/** A token of the client's platform in the place of a secret (identities.ts): a word of ours, since the protocol has none. A server that does
 *  not know it refuses the client. */
export const federatedMethod = 'federated_jwt'

/** What `auth.method` may say. client_secret: in the header or in the body, as the program likes (RFC 6749 section 2.3.1). */
export const authMethods = ['client_secret', ...wireMethods, federatedMethod] as const
export type AuthMethod = (typeof authMethods)[number]

/** How a secret may be shown. */
export const secretWays = ['client_secret_basic', 'client_secret_post'] as const
export type SecretWay = (typeof secretWays)[number]

/** Those that show a secret, which then has a life of its own: it is minted, published and rotated. */
export const secretMethods: readonly string[] = ['client_secret', ...secretWays]
export const showsSecret = (method: string): boolean => secretMethods.includes(method)

/** @returns the ways in which a client of this method may show its secret; none for one without */
export const waysOf = (method: AuthMethod): readonly SecretWay[] =>
  method === 'client_secret' ? secretWays : secretWays.filter((way) => way === method)

/** @returns the method as `token_endpoint_auth_method` has it, which knows no word for "one of the two" */
export const wireMethod = (method: AuthMethod): WireMethod | typeof federatedMethod =>
  method === 'client_secret' ? 'client_secret_basic' : method

/** Those that need the client's public keys. */
export const keyMethods: readonly string[] = ['private_key_jwt', 'self_signed_tls_client_auth']
export const tlsMethods: readonly string[] = ['tls_client_auth', 'self_signed_tls_client_auth']
/** Those without a shared secret, which FAPI 2.0 asks for. */
export const strongMethods: readonly string[] = ['private_key_jwt', ...tlsMethods]
