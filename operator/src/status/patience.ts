import type { Clock } from '../time/clock.ts'

/** Delays the write of an unfinished status: usually a better one follows within a moment. */
export interface Patience {
  /** @returns milliseconds to wait before the unfinished state of this client may be written; undefined: write it now */
  waitFor(key: string): number | undefined
  /** @returns whether its unfinished state would be written now */
  isOver(key: string): boolean
  /** The client's status is finished, or the client was removed. */
  end(key: string): void
}

/** How long an unfinished status may last before it is written. Milliseconds. */
const firstMs = 1_000
/** The least time between two unfinished states. Milliseconds. */
const nextMs = 5_000
/** The extra delay for each other unfinished client. Milliseconds. */
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
