// The port of the cache: it may lose anything at any moment, and nothing may rest on it. Two implementations pass
// test/conformance/cache.ts: memory-cache, redis-cache.

export interface Cache {
  /** @returns the value; undefined when it is absent, expired, damaged, or the cache is away. Never throws. */
  get(purpose: string, id: string): Promise<Uint8Array | undefined>
  /** @param ttlMs more than 0. Never throws; a value that could not be stored is a miss later. */
  set(purpose: string, id: string, value: Uint8Array, ttlMs: number): Promise<void>
  delete(purpose: string, id: string): Promise<void>
  stop(): Promise<void>
}
