import type { WorkQueue } from './work-queue.ts'

/** Looks for one common reason are spread over at most this long. Milliseconds. */
const spreadMs = 20_000
/** Up to this many looks are not spread. */
const spreadFrom = 100

/** Queues looks at clients. */
export interface Wake {
  /** Look at these now: something about them changed. */
  now(keys: Iterable<string>): void
  /** Look at these now: what was told of them is stored, or a replica answered. */
  followUp(keys: Iterable<string>): void
  /** Look at these over some time: they are not urgent, and there may be many. */
  spread(keys: Iterable<string>): void
}

export function createWake(queue: Pick<WorkQueue, 'add' | 'addAfter'>, random: () => number): Wake {
  const now = (keys: Iterable<string>) => {
    for (const key of keys) queue.add(key)
  }
  return {
    now,
    followUp: (keys) => {
      for (const key of keys) queue.add(key, 'follow-up')
    },
    spread: (keys) => {
      const all = [...keys]
      if (all.length <= spreadFrom) return now(all)
      for (const key of all) queue.addAfter(key, random() * spreadMs)
    },
  }
}
