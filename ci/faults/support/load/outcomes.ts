export const withoutDatabase = ['discovery', 'keys', 'machine'] as const
export const withDatabase = ['sign-in', 'code', 'refresh', 'introspection', 'revocation'] as const
export type Flow = (typeof withoutDatabase)[number] | (typeof withDatabase)[number] | 'edit'

/** One answer, or one that never came. Instants in milliseconds of `performance.now()`. */
export interface LoadOutcome {
  readonly flow: Flow
  readonly began: number
  readonly ended: number
  /** 0: the connection broke, or nothing came in 15 s. */
  readonly status: number
  readonly good: boolean
  readonly retryAfter: string | undefined
  readonly detail: string
}

/** Every outcome of a load, and what is waited for in those to come. */
export class Outcomes {
  readonly all: LoadOutcome[] = []
  readonly #listeners = new Set<(outcome: LoadOutcome) => void>()

  add(outcome: LoadOutcome): void {
    this.all.push(outcome)
    for (const listener of this.#listeners) listener(outcome)
  }

  /** Resolves when every flow has been answered well twice in a row, begun from now on.
   *  @returns milliseconds from now until the first of those of the slowest flow
   *  @throws Error after `timeoutMs`, with what still fails */
  healed(flows: readonly Flow[], timeoutMs: number): Promise<number> {
    const from = performance.now()
    const streaks = new Map(flows.map((flow) => [flow, [] as number[]]))
    return this.#until('not every flow is answered well', timeoutMs, ({ flow, good, began, ended }) => {
      if (!streaks.has(flow) || began < from) return undefined
      if (good) streaks.get(flow)!.push(ended)
      else streaks.set(flow, [])
      const all = [...streaks.values()]
      return all.every(({ length }) => length >= 2) ? Math.max(...all.map(([first]) => first!)) - from : undefined
    })
  }

  /** Resolves when each of these flows has failed once, begun from now on. */
  async failing(flows: readonly Flow[], timeoutMs: number): Promise<void> {
    const from = performance.now()
    const missing = new Set(flows)
    await this.#until(`some of ${flows.join(', ')} did not fail`, timeoutMs, ({ flow, good, began }) => {
      if (!good && began >= from) missing.delete(flow)
      return missing.size === 0 ? true : undefined
    })
  }

  /** @returns what was not answered well among the requests that ended from `from` on */
  failures(from = 0): LoadOutcome[] {
    return this.all.filter(({ good, ended }) => !good && ended >= from)
  }

  #until<T>(what: string, timeoutMs: number, judge: (outcome: LoadOutcome) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.#listeners.delete(listener)
      }
      const listener = (outcome: LoadOutcome) => {
        const result = judge(outcome)
        if (result === undefined) return
        settle()
        resolve(result)
      }
      const timer = setTimeout(() => {
        settle()
        const bad = JSON.stringify(this.failures().slice(-5), undefined, 1)
        reject(new Error(`${what} within ${timeoutMs} ms; last failures: ${bad}`))
      }, timeoutMs)
      this.#listeners.add(listener)
    })
  }
}
