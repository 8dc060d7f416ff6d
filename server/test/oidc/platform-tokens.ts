// Tokens as a kubelet projects them, and as other platforms give them.
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface PlatformSigner {
  readonly issuer: string
  readonly jwk: Readonly<Record<string, unknown>>
  /** @param claims over those of a good token; undefined leaves one out
   *  @param typ of the header */
  sign(claims?: Readonly<Record<string, unknown>>, typ?: string): Promise<string>
}

const seconds = () => Math.floor(Date.now() / 1000)

/** The claims of a projected token of 600 s. */
export const projected = (audience: string, namespace = 'default', name = 'worker') => ({
  aud: [audience],
  sub: `system:serviceaccount:${namespace}:${name}`,
  iat: seconds(),
  nbf: seconds(),
  exp: seconds() + 600,
  jti: 'one-for-each-file',
  'kubernetes.io': {
    namespace,
    serviceaccount: { name, uid: 'uid-of-account' },
    pod: { name: `${name}-0`, uid: 'uid-of-pod' },
    node: { name: 'node', uid: 'uid-of-node' },
  },
})

export async function createSigner(issuer: string, kid: string, alg = 'RS256'): Promise<PlatformSigner> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return {
    issuer,
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    sign: (claims = {}, typ) =>
      new SignJWT(
        Object.fromEntries(Object.entries({ iss: issuer, ...claims }).filter(([, value]) => value !== undefined)),
      )
        .setProtectedHeader({ alg, kid, ...(typ === undefined ? {} : { typ }) })
        .sign(privateKey),
  }
}
