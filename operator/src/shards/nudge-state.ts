export interface NudgeTimes {
  readonly repeatMs: number
  readonly repeatCapMs: number
  /** After a 403 the next try comes this much later. */
  readonly forbiddenMs: number
}

const nudgeTimes: NudgeTimes = { repeatMs: 3_000, repeatCapMs: 60_000, forbiddenMs: 600_000 }

/** Decides which server pods to annotate and when. It has no I/O and no clock: nudge.ts carries it out. Times are milliseconds of the
 *  monotonic clock. */
export class NudgeState {
  readonly #times: NudgeTimes
  #pods: ReadonlySet<string> = new Set()
  #count = 0
  #waitMs: number
  #forbiddenUntil = -Infinity
  #isForbiddenTold = false
  /** Pods that are being annotated, and whether a write came since. */
  readonly #running = new Map<string, { isStale: boolean }>()

  constructor(times: NudgeTimes = nudgeTimes) {
    this.#times = times
    this.#waitMs = times.repeatMs
  }

  get pods(): readonly string[] {
    return [...this.#pods]
  }

  /** A counter in the annotation: an unchanged value has no effect. */
  get count(): number {
    return this.#count
  }

  /** How long until pods that are behind are annotated again. */
  get waitMs(): number {
    return this.#waitMs
  }

  /** Sets the present server pods. @returns whether one joined: it may have mounted what was there before the last write */
  setPods(names: Iterable<string>): boolean {
    const before = this.#pods
    this.#pods = new Set(names)
    return [...this.#pods].some((name) => !before.has(name))
  }

  /** A mounted Secret was written. */
  written(): void {
    this.#count++
    this.#waitMs = this.#times.repeatMs
  }

  /** The wait is over and pods are behind. The next wait is twice as long. */
  repeated(): void {
    this.#count++
    this.#waitMs = Math.min(this.#times.repeatCapMs, this.#waitMs * 2)
  }

  /** @returns whether to annotate the pod now; false when that already runs, and then it runs once more */
  start(pod: string): boolean {
    const running = this.#running.get(pod)
    if (running) running.isStale = true
    else this.#running.set(pod, { isStale: true })
    return !running
  }

  /** Called before each annotation of a pod. @returns whether it is due */
  isTurn(pod: string, now: number): boolean {
    const running = this.#running.get(pod)
    if (!running?.isStale || now < this.#forbiddenUntil) return false
    running.isStale = false
    return true
  }

  end(pod: string): void {
    this.#running.delete(pod)
  }

  /** The API answered 403. @returns whether to log it: once */
  forbidden(now: number): boolean {
    const isNews = !this.#isForbiddenTold
    this.#forbiddenUntil = now + this.#times.forbiddenMs
    this.#isForbiddenTold = true
    return isNews
  }
}
