import type { Cache, CacheKey } from '../../src/store/cache.ts'

/** A cache in memory, with a clock that the test moves. Replicas could not share it, so the server does not have it. */
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
      entries.set(nameOf(key), { value: Uint8Array.from(value), expiresAt: now() + ttlMs })
      return Promise.resolve()
    },
    settled: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  }
}
