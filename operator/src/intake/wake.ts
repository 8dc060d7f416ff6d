import type { WorkQueue } from './work-queue.ts'

/** All clients that are looked at for a common reason are spread over this long at most. Milliseconds. */
const spreadMs = 20_000
/** Up to so many are looked at without a spread. */
const spreadFrom = 100

/** Asks for looks at clients. */
export interface Wake {
  /** Look at these now. */
  now(keys: Iterable<string>): void
  /** Look at these over some time: nobody waits for them, and there may be very many. */
  spread(keys: Iterable<string>): void
}

export function createWake(queue: Pick<WorkQueue, 'add' | 'addAfter'>, random: () => number): Wake {
  const now = (keys: Iterable<string>) => {
    for (const key of keys) queue.add(key)
  }
  return {
    now: now,
    spread: (keys) => {
      const all = [...keys]
      if (all.length <= spreadFrom) return now(all)
      for (const key of all) queue.addAfter(key, random() * spreadMs)
    },
  }
}
