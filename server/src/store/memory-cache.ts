import type { Cache } from './cache.ts'

/** A cache of this process: the entries that were used last, at most `maxEntries`. */
export function createMemoryCache(options: { maxEntries: number; now?: () => number }): Cache {
  const now = options.now ?? (() => performance.now())
  // a Map keeps the order of insertion: an entry that is read moves to the end, the first one is the oldest
  const entries = new Map<string, { value: Uint8Array; expiresAt: number }>()
  const keyOf = (purpose: string, id: string) => `${purpose}:${id}`
  return {
    get(purpose, id) {
      const key = keyOf(purpose, id)
      const entry = entries.get(key)
      if (entry === undefined) return Promise.resolve(undefined)
      entries.delete(key)
      if (entry.expiresAt <= now()) return Promise.resolve(undefined)
      entries.set(key, entry)
      return Promise.resolve(Uint8Array.from(entry.value))
    },
    set(purpose, id, value, ttlMs) {
      const key = keyOf(purpose, id)
      entries.delete(key)
      entries.set(key, { value: Uint8Array.from(value), expiresAt: now() + ttlMs })
      if (entries.size > options.maxEntries) entries.delete(entries.keys().next().value!)
      return Promise.resolve()
    },
    delete(purpose, id) {
      entries.delete(keyOf(purpose, id))
      return Promise.resolve()
    },
    stop() {
      entries.clear()
      return Promise.resolve()
    },
  }
}
