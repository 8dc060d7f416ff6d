import type { Clock } from '../time/clock.ts'

/** Does one piece of work at a time, as soon as there is something to do and it may be done. */
export interface Turns {
  readonly isRunning: boolean
  /** From now on work is done. */
  open(): void
  /** Something has changed: looks again whether and when there is something to do. */
  wake(): void
  /** Starts nothing more; resolves when what runs has ended. */
  stop(): Promise<void>
}

/** @param options.waitMs milliseconds until the work may be done, 0 or less for now; undefined: nothing is to be done
 *  @param options.work never rejects
 *  @param options.onEnd a turn is over, and the next one has been looked for */
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
