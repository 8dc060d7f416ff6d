// Slows news that come too often.
import type { Clock } from './clock.ts'

interface DamperNeeds {
  readonly atOnce: number
  readonly everyMs: number
  /** Whether this is a good moment for news that had to wait: in a bad one they wait for the next news, at most one pace longer. */
  readonly suits: () => boolean
  readonly tell: () => void
}

/** Passes news on: a few at once, then at a pace. Those in between are passed on as one, and none is left out. */
export class Damper {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  readonly #about: DamperNeeds
  /** When all of `atOnce` are there again. */
  #wholeAt = 0
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, about: DamperNeeds) {
    this.#clock = clock
    this.#about = about
  }

  hear(): void {
    if (this.#isStopped) return
    const { atOnce, everyMs, suits } = this.#about
    const waitMs = this.#wholeAt - (atOnce - 1) * everyMs - this.#clock.monotonic()
    if (waitMs <= 0 && (!this.#cancel || suits())) return this.#tell()
    this.#cancel ??= this.#clock.after(waitMs, () => {
      if (suits()) this.#tell()
      else this.#cancel = this.#clock.after(everyMs, () => this.#tell())
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #tell(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#wholeAt = Math.max(this.#wholeAt, this.#clock.monotonic()) + this.#about.everyMs
    this.#about.tell()
  }
}
