// A cache. It can lose any entry at any time, so nothing may depend on it. Two implementations pass test/conformance/cache.ts:
// redis-cache, and the one in memory for tests.

export interface CacheKey {
  readonly purpose: string
  readonly id: string
}

export interface Cache {
  /** Reads all keys at the same moment. Never throws.
   *  @returns a value for each key; undefined when it is absent, expired, damaged, or the cache is away */
  get(keys: readonly CacheKey[]): Promise<readonly (Uint8Array | undefined)[]>
  /** @param ttlMs more than 0. Never throws; a value that cannot be stored is missing later. */
  set(key: CacheKey, value: Uint8Array, ttlMs: number): Promise<void>
  /** Resolves when the first try to connect is over, whether the cache was reached or not. A server does not wait for it. */
  settled(): Promise<void>
  stop(): Promise<void>
}
