// Marks changes in the cache, so that no older entry is used. It follows every statement that ends a grant or a
// session, or changes a person.
import type { Cache, CacheKey } from './cache.ts'

/** Milliseconds: the greatest age of an entry. When a mark is lost, an old entry is used for at most this long. */
export const oldestEntryMs = 10_000
/** A mark must live longer than every entry that was read before it; twice as long allows for clocks that differ. */
const markMs = 2 * oldestEntryMs

export interface StoreChanges {
  /** To call after the commit. Never throws: while the cache is away the mark is lost.
   *  @param ids of grants, sessions, people */
  report(...ids: readonly string[]): Promise<void>
}

/** @param cache undefined: nothing is cached, and nothing has to be marked */
export function createChanges(cache: Cache | undefined): StoreChanges {
  return {
    async report(...ids) {
      if (cache) await Promise.all(ids.map((id) => cache.set(changeKey(id), Buffer.of(1), markMs)))
    },
  }
}

export const changeKey = (id: string): CacheKey => ({ purpose: 'changed', id })
