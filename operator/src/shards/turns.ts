import type { Clock } from '../time/clock.ts'

/** Runs one piece of work at a time, as soon as it is due. */
export interface Turns {
  readonly isRunning: boolean
  /** Starts to run work. */
  open(): void
  /** Something changed: checks again when work is due. */
  wake(): void
  /** Starts nothing more; resolves when the running work has ended. */
  stop(): Promise<void>
}

/** @param options.waitMs milliseconds until work is due, 0 or less for now; undefined for none
 *  @param options.work never rejects
 *  @param options.onEnd called after each turn */
export function createTurns(options: {
  clock: Clock
  waitMs: () => number | undefined
  work: () => Promise<void>
  onEnd?: () => void
}): Turns {
  const noTimer = () => {}
  let cancelTimer = noTimer
  let running: Promise<void> | undefined
  let isOpen = false

  const wake = () => {
    cancelTimer()
    cancelTimer = noTimer
    if (!isOpen || running) return
    const waitMs = options.waitMs()
    if (waitMs === undefined) return
    if (waitMs > 0) {
      cancelTimer = options.clock.after(waitMs, wake)
      return
    }
    running = options.work().finally(() => {
      running = undefined
      wake()
      options.onEnd?.()
    })
  }

  return {
    get isRunning() {
      return running !== undefined
    },
    open: () => {
      isOpen = true
    },
    wake,
    stop: async () => {
      isOpen = false
      cancelTimer()
      await running
    },
  }
}
