import type { Clock } from '../time/clock.ts'

/** How long a refused create marks a namespace as terminating; then the next create tries again. Milliseconds. */
export const endingMs = 60_000

/** Terminating namespaces: the API server refuses every create there, and their clients will go. */
export class EndingNamespaces {
  readonly #watched: (namespace: string) => boolean
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #until = new Map<string, number>()

  /** @param needs.watched whether the watch saw the deletion; without the right to watch namespaces only refusals show it */
  constructor(needs: { watched: (namespace: string) => boolean; clock: Pick<Clock, 'monotonic'> }) {
    this.#watched = needs.watched
    this.#clock = needs.clock
  }

  has(namespace: string): boolean {
    if (this.#watched(namespace)) return true
    const until = this.#until.get(namespace)
    if (until === undefined) return false
    if (this.#clock.monotonic() < until) return true
    this.#until.delete(namespace)
    return false
  }

  /** The API server refused a create there. @returns whether that is new */
  refused(namespace: string): boolean {
    const isNews = !this.has(namespace)
    this.#until.set(namespace, this.#clock.monotonic() + endingMs)
    return isNews
  }
}
