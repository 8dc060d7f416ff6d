// Lets so many tasks run at once; the others wait their turn, not for long and not too many.

export interface BoundedQueue {
  /** @throws what `full` makes, when too many wait or the wait is over */
  take<T>(work: () => Promise<T>): Promise<T>
  state(): { waiting: number; running: number }
}

export interface QueueLimits {
  /** At once. */
  readonly width: number
  readonly waitMs: number
  /** Waiting at most. */
  readonly longest: number
}

/** First come, first served. */
export function createBoundedQueue(limits: QueueLimits, full: () => Error): BoundedQueue {
  const waiting = new Set<() => void>()
  let running = 0

  const turn = (): Promise<void> => {
    if (waiting.size >= limits.longest) return Promise.reject(full())
    return new Promise((resolve, reject) => {
      const start = () => {
        clearTimeout(timer)
        waiting.delete(start)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.delete(start)
        reject(full())
      }, limits.waitMs)
      waiting.add(start)
    })
  }

  return {
    async take(work) {
      if (running >= limits.width) await turn()
      else running++
      try {
        return await work()
      } finally {
        // the place goes to the next one in line, so that nobody who comes now gets in between
        const [next] = waiting
        if (next === undefined) running--
        else next()
      }
    },
    state: () => ({ waiting: waiting.size, running }),
  }
}
