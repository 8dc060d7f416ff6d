/** The collection runs after this time without another call. Milliseconds. */
const quietMs = 2_000
/** Least time between two: in an operator with ten thousand clients one takes a fifth of a second. Milliseconds. */
const spacingMs = 10_000

interface Timers {
  /** Milliseconds of a clock that never jumps. */
  monotonic(): number
  /** Calls back once. @returns how to cancel */
  after(milliseconds: number, callback: () => void): () => void
}

/** Gives freed memory back to the system. After a start or a load of clients V8 keeps half-empty pages, so this collects them when the
 *  process becomes idle. */
export class GiveBack {
  readonly #timers: Timers
  readonly #collect: () => void
  #cancel = () => {}
  #doneAt = -Infinity

  /** @param collect default: nothing, where Node was not started with --expose-gc */
  constructor(timers: Timers, collect = collectAll) {
    this.#timers = timers
    this.#collect = collect
  }

  /** A burst of work has ended. */
  soon(): void {
    const now = this.#timers.monotonic()
    this.#cancel()
    this.#cancel = this.#timers.after(Math.max(quietMs, this.#doneAt + spacingMs - now), () => {
      this.#doneAt = this.#timers.monotonic()
      this.#collect()
    })
  }

  stop(): void {
    this.#cancel()
  }
}

/** `last-resort` alone gives pages back to the system. */
const collectAll = (): void => void globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'async' })
