// The issuer of the tokens of ServiceAccounts: its keys, and what it says of them.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** As in many clusters: a name, and no address that anybody can ask. */
export const serviceAccountIssuer = 'https://kubernetes.default.svc.cluster.local'

interface Key {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
}

/** The keys of the issuer. The first signs; all are published. */
export class ServiceAccountKeys {
  #keys: readonly Key[] = [makeKey()]

  get jwks(): { readonly keys: readonly object[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) }
  }

  /** Publishes a new key, which signs from `signs` on: a cluster publishes it first. */
  publish(): { signs(): void } {
    const next = makeKey()
    this.#keys = [...this.#keys, next]
    return { signs: () => void (this.#keys = [next, ...this.#keys.filter((key) => key !== next)]) }
  }

  /** Keeps only the key that signs. */
  remove(): void {
    this.#keys = this.#keys.slice(0, 1)
  }

  sign(claims: Readonly<Record<string, unknown>>): string {
    const [{ kid, privateKey }] = this.#keys as [Key]
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'ES256', kid })}.${part({ iss: serviceAccountIssuer, ...claims })}`
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }
}

function makeKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } }
}

/** What every ServiceAccount may read (ClusterRole system:service-account-issuer-discovery).
 *  @returns undefined for another path */
export function issuerDocument(path: string, keys: ServiceAccountKeys): object | undefined {
  if (path === '/openid/v1/jwks') return keys.jwks
  if (path !== '/.well-known/openid-configuration') return undefined
  return {
    issuer: serviceAccountIssuer,
    jwks_uri: `${serviceAccountIssuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  }
}
