import type { Clock } from '../time/clock.ts'

/** An unfinished state is written only when it lasts: usually a better one follows within a moment. */
export interface Patience {
  /** @returns milliseconds to wait before the unfinished state of this client may be written; undefined: write it now */
  waitFor(key: string): number | undefined
  /** @returns whether its unfinished state would be written now */
  isOver(key: string): boolean
  /** The client's state is finished, or it is gone. */
  end(key: string): void
}

/** How long an unfinished state may last before people are told. Milliseconds. */
const firstMs = 1_000
/** The least time between two unfinished states. Milliseconds. */
const nextMs = 5_000
/** Where very many are unfinished, each is about to be finished in its turn: so many times the others it may last longer. Milliseconds. */
const crowdMs = 2

export function createPatience(clock: Pick<Clock, 'monotonic'>): Patience {
  const dueAt = new Map<string, number>()
  const dueIn = (milliseconds: number) => clock.monotonic() + Math.max(milliseconds, dueAt.size * crowdMs)
  return {
    waitFor: (key) => {
      const now = clock.monotonic()
      const due = dueAt.get(key) ?? dueIn(firstMs)
      dueAt.set(key, due)
      if (due > now) return due - now
      dueAt.set(key, dueIn(nextMs))
      return undefined
    },
    isOver: (key) => (dueAt.get(key) ?? Infinity) <= clock.monotonic(),
    end: (key) => void dueAt.delete(key),
  }
}
