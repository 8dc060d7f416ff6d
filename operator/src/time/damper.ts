// Slows news that come too often.
import type { Clock } from './clock.ts'

/** Passes news on: a few at once, then at a pace. Those in between are passed on as one, and none is left out. */
export class Damper {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  readonly #about: { readonly atOnce: number; readonly everyMs: number; readonly tell: () => void }
  /** When all of `atOnce` are there again. */
  #wholeAt = 0
  #cancel: (() => void) | undefined

  constructor(
    clock: Pick<Clock, 'monotonic' | 'after'>,
    about: { readonly atOnce: number; readonly everyMs: number; readonly tell: () => void },
  ) {
    this.#clock = clock
    this.#about = about
  }

  hear(): void {
    const { atOnce, everyMs } = this.#about
    if (this.#cancel) return
    const waitMs = this.#wholeAt - (atOnce - 1) * everyMs - this.#clock.monotonic()
    if (waitMs <= 0) return this.#tell()
    this.#cancel = this.#clock.after(waitMs, () => {
      this.#cancel = undefined
      this.#tell()
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = () => {}
  }

  #tell(): void {
    this.#wholeAt = Math.max(this.#wholeAt, this.#clock.monotonic()) + this.#about.everyMs
    this.#about.tell()
  }
}
