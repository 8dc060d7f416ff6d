// Most of what is kept of ten thousand clients is said by many of them in the same words: each of these is in memory once.
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'

/** @returns an equal text or an equal plain value that was given before, else the value itself. Nobody may change it from then on */
export type Share = <V>(value: V) => V

/** Values that later ones are compared with: the oldest goes when there are more. */
const mostRemembered = 2_000

export function createShare(): Share {
  const known = new Map<string, unknown>()
  return <V>(value: V): V => {
    const isText = typeof value === 'string'
    if (!isText && (typeof value !== 'object' || value === null)) return value
    // no JSON begins so
    const key = isText ? `=${value}` : JSON.stringify(value)
    const before = known.get(key)
    if (before !== undefined) return before as V
    if (known.size >= mostRemembered) known.delete(known.keys().next().value!)
    known.set(key, value)
    return value
  }
}

/** @returns a function that returns the same client, which shares what it can with those before it */
export function createShareClient(): <T extends OIDCClient & KubernetesObject>(client: T) => T {
  const share = createShare()
  return (client) => {
    const { metadata, spec, status } = client
    return {
      ...shareFields(client, share, ['apiVersion', 'kind']),
      metadata: shareFields(metadata, share, ['namespace', 'creationTimestamp', 'labels']),
      spec: isRecord(spec) ? shareFields(spec, share) : spec,
      ...(isRecord(status) ? { status: shareStatus(status, share) } : {}),
    }
  }
}

function shareStatus(status: OIDCClientStatus, share: Share): OIDCClientStatus {
  const { conditions, secret } = status
  return {
    ...shareFields(status, share),
    ...(isRecord(secret) ? { secret: shareFields(secret, share) } : {}),
    // without our schema in the CRD it may be anything
    ...(Array.isArray(conditions)
      ? { conditions: conditions.map((one) => share(isRecord(one) ? shareFields(one, share) : one)) }
      : {}),
  }
}

/** @param names default: all */
function shareFields<T extends object>(
  record: T,
  share: Share,
  names = Object.keys(record) as (keyof T & string)[],
): T {
  const shared = { ...record }
  for (const name of names) if (name in shared) shared[name] = share(shared[name])
  return shared
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
