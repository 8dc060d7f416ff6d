// Tells the cache what has just changed, so that nobody answers from an entry of before. Every statement that ends a grant or a
// session, or changes a person, is followed by it.
import type { Cache, CacheKey } from './cache.ts'

/** Milliseconds: the oldest that an entry may be. What a lost mark can cost. */
export const oldestEntryMs = 10_000
/** A mark has to outlive every entry that was read before it; the rest is for clocks that differ. */
const markMs = 2 * oldestEntryMs

export interface Changes {
  /** Call it after the commit. Never throws: while the cache is away the mark is lost.
   *  @param ids of grants, sessions, people */
  tell(...ids: readonly string[]): Promise<void>
}

/** @param cache none: nothing is cached, and nobody has to be told */
export function createChanges(cache: Cache | undefined): Changes {
  return {
    async tell(...ids) {
      if (cache) await Promise.all(ids.map((id) => cache.set(changeKey(id), Buffer.of(1), markMs)))
    },
  }
}

export const changeKey = (id: string): CacheKey => ({ purpose: 'changed', id })
