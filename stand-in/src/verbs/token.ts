// TokenRequest: what `kubectl create token` and a kubelet ask for.
import { randomUUID } from 'node:crypto'
import { answer } from '../http/message.ts'
import { protobufType, readProtobuf } from '../http/protobuf.ts'
import { Refusal, badRequest } from '../refusals.ts'
import { serviceAccountIssuer } from '../service-accounts.ts'
import type { ApiState } from '../state.ts'
import type { Call } from './call.ts'

/** Seconds: a real API server refuses a shorter life. */
const shortest = 600
const usual = 3600

interface TokenRequestSpec {
  readonly audiences?: readonly string[]
  readonly expirationSeconds?: number
  readonly boundObjectRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string }
}

/** TokenRequest: POST .../serviceaccounts/NAME/token. */
export function serveToken({ store, kinds, accountKeys }: ApiState, { request, headers, body, response }: Call): void {
  const { namespace, name } = request
  const account = store.get(kinds.named('serviceaccounts'), namespace, name!)
  const isProtobuf = headers['content-type'] === protobufType
  const object: unknown = isProtobuf ? readProtobuf(body) : JSON.parse(body.toString('utf8'))
  const { spec = {} } = (object ?? {}) as { spec?: TokenRequestSpec }
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
