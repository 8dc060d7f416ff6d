/** Lets a test wait for what an object, a replica or a log line brings about. */
export class Changes {
  readonly #listeners = new Set<() => void>()
  readonly #explain: () => string

  /** @param explain what to add to the error of a wait that was too long */
  constructor(explain: () => string) {
    this.#explain = explain
  }

  notify(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Resolves when it holds; looked at whenever something changes. Gives up only to explain what is missing, before mocha ends the test:
   *  how fast the machine is must not matter. */
  until(holds: () => unknown, what: string, timeoutMs = 40_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        clearInterval(glance)
        this.#listeners.delete(look)
      }
      const look = () => {
        if (!holds()) return
        settle()
        resolve()
      }
      const timer = setTimeout(() => {
        settle()
        reject(new Error(`not within ${timeoutMs} ms: ${what}\n${this.#explain()}`))
      }, timeoutMs)
      // The state of replicas behind gRPC sends no event here, so it is looked at now and then.
      const glance = setInterval(look, 50)
      this.#listeners.add(look)
      look()
    })
  }
}
