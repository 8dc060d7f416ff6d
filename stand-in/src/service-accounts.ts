// Tokens of ServiceAccounts: what `kubectl create token` and a kubelet ask for, and the keys that verify them.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { answer } from './http/message.ts'
import type { ApiState } from './state.ts'
import { Refusal, badRequest } from './refusals.ts'
import type { Call } from './verbs/call.ts'

/** As in many clusters: a name, and no address that anybody can ask. */
export const serviceAccountIssuer = 'https://kubernetes.default.svc.cluster.local'

/** Seconds: a real API server refuses a shorter life. */
const shortest = 600
const usual = 3600

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
  drop(): void {
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

interface TokenRequestSpec {
  readonly audiences?: readonly string[]
  readonly expirationSeconds?: number
  readonly boundObjectRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string }
}

/** TokenRequest: POST .../serviceaccounts/NAME/token. */
export function serveToken({ store, kinds, accountKeys }: ApiState, { request, body, response }: Call): void {
  const { namespace, name } = request
  const account = store.get(kinds.named('serviceaccounts'), namespace, name!)
  const { spec = {} } = JSON.parse(body.toString('utf8')) as { spec?: TokenRequestSpec }
  const { expirationSeconds = usual, boundObjectRef: bound, audiences = [serviceAccountIssuer] } = spec
  if (expirationSeconds < shortest) throw badRequest(`spec.expirationSeconds must be at least ${shortest}`)
  const pod = bound?.kind === 'Pod' ? store.find(kinds.named('pods'), namespace, bound.name ?? '') : undefined
  if (bound && !pod) throw new Refusal(404, 'NotFound', `pods "${bound.name}" not found`)
  const now = Math.floor(Date.now() / 1000)
  const token = accountKeys.sign({
    aud: audiences,
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: now,
    nbf: now,
    exp: now + expirationSeconds,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      serviceaccount: { name, uid: account.metadata.uid },
      ...(pod ? { pod: { name: pod.metadata.name, uid: pod.metadata.uid } } : {}),
    },
  })
  const expirationTimestamp = new Date((now + expirationSeconds) * 1000).toISOString()
  answer(response, 201, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name, namespace },
    spec: { audiences, expirationSeconds, ...(bound ? { boundObjectRef: bound } : {}) },
    status: { token, expirationTimestamp },
  })
}
