// Work that is done again and again, one round at a time, until it is stopped.
import { pause } from './clock.ts'
import type { Clock } from './clock.ts'

interface LoopNeeds {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>
  /** One round. It never rejects. @returns milliseconds until the next one */
  readonly round: () => Promise<number>
  /** Before the first round; `wake` ends it. Milliseconds. */
  readonly firstMs?: number
  /** The part of each wait that `wake` does not shorten. Milliseconds. */
  readonly restMs?: number
}

export class Loop {
  readonly #needs: LoopNeeds
  readonly #end = new AbortController()
  /** Aborts when the loop is stopped. */
  readonly stopping = this.#end.signal
  #woken = new AbortController()
  #running: Promise<void> | undefined

  constructor(needs: LoopNeeds) {
    this.#needs = needs
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the wait, or the one after this round. */
  wake(): void {
    this.#woken.abort()
  }

  /** Resolves when the running round has ended. */
  async stop(): Promise<void> {
    this.#end.abort()
    this.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, round, firstMs = 0, restMs = 0 } = this.#needs
    if (firstMs > 0) await pause(clock, firstMs, this.#woken.signal)
    while (!this.stopping.aborted) {
      this.#woken = new AbortController()
      const waitMs = await round()
      const restsUntil = clock.monotonic() + Math.min(restMs, waitMs)
      await pause(clock, waitMs, this.#woken.signal)
      const restLeftMs = restsUntil - clock.monotonic()
      if (restLeftMs > 0) await pause(clock, restLeftMs, this.stopping)
    }
  }
}
