import { BoundedMap } from '@nauthera/runtime/bounded-map'
import type { Cache, CacheKey } from './cache.ts'

/** Entries, and bytes of their values. */
const most = { entries: 10_000, weight: 64 * 1024 * 1024 }

/** A cache in the memory of one replica, for what may differ between replicas up to its age. The oldest entries make room for new ones.
 *  @param options.now milliseconds */
export function createMemoryCache(options: { now: () => number }): Cache {
  const { now } = options
  const entries = new BoundedMap<{ value: Uint8Array; expiresAt: number }>(most)
  const nameOf = ({ purpose, id }: CacheKey) => `${purpose}:${id}`
  return {
    get: (keys) =>
      Promise.resolve(
        keys.map((key) => {
          const entry = entries.get(nameOf(key))
          return entry === undefined || entry.expiresAt <= now() ? undefined : Uint8Array.from(entry.value)
        }),
      ),
    set(key, value, ttlMs) {
      entries.set(nameOf(key), { value: Uint8Array.from(value), expiresAt: now() + ttlMs }, value.byteLength)
      return Promise.resolve()
    },
    settled: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  }
}
