// Runs a limited number of tasks at once. The others wait: a limited number, for a limited time.

export interface BoundedQueue {
  /** @throws the error of `full`, when too many wait or this one has waited too long */
  waitForTurn<T>(work: () => Promise<T>): Promise<T>
  state(): { waiting: number; running: number }
}

export interface QueueLimits {
  /** Tasks at once. */
  readonly width: number
  readonly waitMs: number
  /** Tasks that wait, at most. */
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
    async waitForTurn(work) {
      if (running >= limits.width) await turn()
      else running++
      try {
        return await work()
      } finally {
        // the place goes straight to the next one in line, so that no new task gets in between
        const [next] = waiting
        if (next === undefined) running--
        else next()
      }
    },
    state: () => ({ waiting: waiting.size, running }),
  }
}
