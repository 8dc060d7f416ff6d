// Shares equal values in memory: ten thousand clients have mostly the same texts and objects.
import { isDeepStrictEqual } from 'node:util'
import { BoundedMap } from '@nauthera/runtime/bounded-map'
import { isJsonRecord } from '@nauthera/runtime/json'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'

/** @returns an equal value that was given before, else the value itself, which must not change from then on */
export type Share = <V>(value: V) => V

/** How many values are remembered, and characters of them all; the oldest is dropped first. */
const mostRemembered = 2_000
const mostCharacters = 2 * 1024 * 1024

export function createShare(): Share {
  const texts = new Remembered()
  const values = new Remembered()
  return <V>(value: V): V => {
    if (typeof value === 'string') return texts.share(value, value)
    if (typeof value !== 'object' || value === null) return value
    return values.share(JSON.stringify(value), value)
  }
}

/** The key says it already, but not to the compiler. */
const isEqual = <V>(before: unknown, value: V): before is V =>
  before === value || (typeof before === 'object' && isDeepStrictEqual(before, value))

class Remembered {
  readonly #known = new BoundedMap<unknown>({ entries: mostRemembered, weight: mostCharacters })

  share<V>(key: string, value: V): V {
    const before = this.#known.get(key)
    if (isEqual(before, value)) return before
    this.#known.set(key, value, key.length)
    return value
  }
}

/** @returns a function that returns the client with its values shared */
export function createShareClient(): <T extends OIDCClient & KubernetesObject>(client: T) => T {
  const share = createShare()
  return (client) => {
    const { metadata, spec, status } = client
    return {
      ...shareFields(client, share, ['apiVersion', 'kind']),
      metadata: shareFields(metadata, share, ['namespace', 'creationTimestamp', 'labels']),
      spec: isJsonRecord(spec) ? shareFields(spec, share) : spec,
      ...(isJsonRecord(status) ? { status: shareStatus(status, share) } : {}),
    }
  }
}

function shareStatus(status: OIDCClientStatus, share: Share): OIDCClientStatus {
  const { conditions, secret, ...rest } = status
  return {
    ...shareFields(rest, share),
    ...(secret === undefined ? {} : { secret: isJsonRecord(secret) ? shareFields(secret, share) : secret }),
    // without our schema in the CRD it may be anything
    ...(conditions === undefined ? {} : { conditions: shareConditions(conditions, share) }),
  }
}

const shareConditions = (conditions: NonNullable<OIDCClientStatus['conditions']>, share: Share) =>
  Array.isArray(conditions)
    ? conditions.map((one) => share(isJsonRecord(one) ? shareFields(one, share) : one))
    : conditions

function namesOf<T extends object>(record: T): readonly (keyof T & string)[] {
  const names: (keyof T & string)[] = []
  for (const name in record) names.push(name)
  return names
}

/** @param names default: all */
function shareFields<T extends object>(
  record: T,
  share: Share,
  names: readonly (keyof T & string)[] = namesOf(record),
): T {
  const shared = { ...record }
  for (const name of names) if (name in shared) shared[name] = share(shared[name])
  return shared
}
