// What is said of a Kubernetes API that did not answer; where no connection came about, of the NetworkPolicy in between too.
import { ApiError } from './api-error.ts'

/** The NetworkPolicy of this pod, and which values of the chart say what it allows. */
export interface ReachedThrough {
  /** Undefined where there is none. */
  readonly name: string | undefined
  readonly neighbour: 'apiServer' | 'hub'
}

/** No connection came about in time. */
export class NotConnected extends Error {}

/** @param error what a call threw
 *  @returns it as an ApiError: itself when it is one, else KUBERNETES_UNREACHABLE */
export function unreachable(
  error: unknown,
  call: { readonly method: string; readonly path: string },
  way: { readonly networkPolicy?: ReachedThrough; readonly credentials: { readonly server: URL } },
): ApiError {
  if (error instanceof ApiError) return error
  const hint = isNotConnected(error) ? hintOf(way.networkPolicy, way.credentials.server) : ''
  return new ApiError('KUBERNETES_UNREACHABLE', { message: `${call.method} ${call.path}${hint}`, cause: error })
}

/** What a network looks like from inside that drops or refuses packets, of the name server too. */
const blocked: readonly unknown[] = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EPERM', 'EAI_AGAIN']

const isNotConnected = (error: unknown): boolean =>
  error instanceof NotConnected || (error instanceof Error && 'code' in error && blocked.includes(error.code))

function hintOf(policy: ReachedThrough | undefined, { hostname, port, protocol }: URL): string {
  if (policy?.name === undefined) return ''
  const values = `networkPolicy.ports.${policy.neighbour}, networkPolicy.egress.${policy.neighbour}`
  const to = `${hostname}:${port || (protocol === 'http:' ? '80' : '443')}`
  return `; NetworkPolicy ${policy.name} must let this pod reach ${to} and what that is translated to (${values})`
}
