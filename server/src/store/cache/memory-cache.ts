import { addNewest } from '@nauthera/runtime/add-newest'
import type { Cache, CacheKey } from './cache.ts'

/** Entries. */
const most = 10_000

/** A cache in the memory of one replica, for what may differ between replicas up to its age. The oldest entries make room for new ones.
 *  @param options.now milliseconds */
export function createMemoryCache(options: { now: () => number }): Cache {
  const { now } = options
  const entries = new Map<string, { value: Uint8Array; expiresAt: number }>()
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
      addNewest(entries, nameOf(key), { value: Uint8Array.from(value), expiresAt: now() + ttlMs }, most)
      return Promise.resolve()
    },
    settled: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  }
}
