// Algorithms for signatures and encryption. All are asymmetric: HS256 and its kind need a plain secret on the server.

/** What a server can sign with; its settings choose among them. */
export const signingAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** The default of the setting. Some programs refuse a whole JWKS when one of its keys has an algorithm that they do not know. */
export const usualAlgorithms = ['ES256', 'RS256'] as const satisfies readonly SigningAlgorithm[]

/** What a server signs with where neither its settings nor the client say. ID tokens: RS256 is the default of OpenID Connect
 *  (Core 15.1), which every library and Kubernetes take. Access tokens are read by APIs of our own time, and ES256 is cheaper. */
export const defaultAlgorithms = { idToken: 'RS256', accessToken: 'ES256' } as const satisfies Record<
  string,
  SigningAlgorithm
>

/** Those that FAPI 2.0 allows. */
export const fapiAlgorithms: readonly SigningAlgorithm[] = ['ES256', 'PS256', 'EdDSA']

/** What clients may sign with. EdDSA has two names: that of RFC 8037, and that of RFC 9864, which newer libraries write. */
export const clientAlgorithms = [...signingAlgorithms, 'Ed25519'] as const

/** What a platform may sign the tokens of its programs with: clusters sign with the key that they were given, of any size and curve. */
export const platformAlgorithms = [...clientAlgorithms, 'RS384', 'RS512', 'PS384', 'PS512', 'ES384', 'ES512'] as const

/** Key management algorithms for answers to a client (RFC 7518 section 4.1). RSA1_5 is missing since it has padding oracles, RSA-OAEP
 *  since it uses SHA-1. */
export const keyEncryptions = ['RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A256KW'] as const
export type KeyEncryption = (typeof keyEncryptions)[number]

/** What then encrypts the content (RFC 7518 section 5.1). The first is the default of OpenID Connect Registration. */
export const contentEncryptions = ['A128CBC-HS256', 'A256GCM'] as const
