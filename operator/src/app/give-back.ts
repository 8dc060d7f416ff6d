import type { Clock } from '../time/clock.ts'

/** How long nothing may ask for it before it is done. Milliseconds. */
const quietMs = 2_000
/** Least time between two: with ten thousand clients one takes a fifth of a second. Milliseconds. */
const spacingMs = 10_000

/** A start and a crowd of clients leave half-empty pages behind. V8 keeps them as long as little is allocated, which for an operator is most of
 *  its life; so it is told when there will be little to do. */
export class GiveBack {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  readonly #collect: () => void
  #cancel = () => {}
  #doneAt = -Infinity

  /** @param collect default: nothing, where Node was not started with --expose-gc */
  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, collect = collectAll) {
    this.#clock = clock
    this.#collect = collect
  }

  /** There was much to do, and now there is little. */
  soon(): void {
    const now = this.#clock.monotonic()
    this.#cancel()
    this.#cancel = this.#clock.after(Math.max(quietMs, this.#doneAt + spacingMs - now), () => {
      this.#doneAt = this.#clock.monotonic()
      this.#collect()
    })
  }

  stop(): void {
    this.#cancel()
  }
}

/** `last-resort` alone gives pages back to the system. */
const collectAll = (): void => void globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'async' })
