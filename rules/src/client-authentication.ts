// How a client proves that it is itself at the token endpoint. client_secret_jwt is not among them: it needs the plain
// secret on the server, which has hashes only.

export const authMethods = [
  'client_secret_basic',
  'client_secret_post',
  'none',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const
export type AuthMethod = (typeof authMethods)[number]

/** Those that show a secret, which then has a life of its own: it is minted, published and rotated. */
export const secretMethods: readonly string[] = ['client_secret_basic', 'client_secret_post']
export const showsSecret = (method: string): boolean => secretMethods.includes(method)

/** Those that need the client's public keys. */
export const keyMethods: readonly string[] = ['private_key_jwt', 'self_signed_tls_client_auth']
export const tlsMethods: readonly string[] = ['tls_client_auth', 'self_signed_tls_client_auth']
/** Those without a shared secret, which FAPI 2.0 asks for. */
export const strongMethods: readonly string[] = ['private_key_jwt', ...tlsMethods]
