import type { Clock } from '../time/clock.ts'

/** So long after the API server said it, a namespace counts as ending; then one create asks again. Milliseconds. */
export const endingMs = 60_000

/** Namespaces that are being deleted: the API server lets nobody create anything there, and their clients are about to go. */
export class EndingNamespaces {
  readonly #watched: (namespace: string) => boolean
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #until = new Map<string, number>()

  /** @param needs.watched whether the watch has seen it; an operator that watches no namespaces learns it from refusals alone */
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

  /** The API server has refused to create something there. @returns whether that is news */
  refused(namespace: string): boolean {
    const isNews = !this.has(namespace)
    this.#until.set(namespace, this.#clock.monotonic() + endingMs)
    return isNews
  }
}
