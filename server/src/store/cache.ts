// The port of the cache: it may lose anything at any moment, and nothing may rest on it. Two implementations pass
// test/conformance/cache.ts: redis-cache, and the one in memory of the tests.

export interface CacheKey {
  readonly purpose: string
  readonly id: string
}

export interface Cache {
  /** Reads all of them as they are in one moment. Never throws.
   *  @returns a value for each key; undefined when it is absent, expired, damaged, or the cache is away */
  get(keys: readonly CacheKey[]): Promise<readonly (Uint8Array | undefined)[]>
  /** @param ttlMs more than 0. Never throws; a value that could not be stored is a miss later. */
  set(key: CacheKey, value: Uint8Array, ttlMs: number): Promise<void>
  /** Resolves once the cache is connected, or has not been reached at the first try. A server need not wait for it. */
  settled(): Promise<void>
  stop(): Promise<void>
}
