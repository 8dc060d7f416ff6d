export interface NudgeTimes {
  readonly repeatMs: number
  readonly repeatCapMs: number
  /** After a refusal for want of rights nothing is tried for so long: rights may be given later. */
  readonly forbiddenMs: number
}

const nudgeTimes: NudgeTimes = { repeatMs: 3_000, repeatCapMs: 60_000, forbiddenMs: 600_000 }

/** Which server pods are to be annotated, with what, and when again. Every step happens at once, without I/O and without a
 *  clock: nudge.ts carries out what it answers. Times are milliseconds of the monotonic clock. */
export class NudgeState {
  readonly #times: NudgeTimes
  #pods: ReadonlySet<string> = new Set()
  #count = 0
  #waitMs: number
  #forbiddenUntil = -Infinity
  #isForbiddenTold = false
  /** Pods that are being annotated, and whether something has been written since. */
  readonly #running = new Map<string, { isStale: boolean }>()

  constructor(times: NudgeTimes = nudgeTimes) {
    this.#times = times
    this.#waitMs = times.repeatMs
  }

  get pods(): readonly string[] {
    return [...this.#pods]
  }

  /** Makes each annotation another one: what stays the same wakes nobody. */
  get count(): number {
    return this.#count
  }

  /** How long until the pods that are behind are annotated again. */
  get waitMs(): number {
    return this.#waitMs
  }

  /** These are the server pods now. @returns whether one has joined: it may have mounted what stood there before the last write */
  setPods(names: Iterable<string>): boolean {
    const before = this.#pods
    this.#pods = new Set(names)
    return [...this.#pods].some((name) => !before.has(name))
  }

  /** Something that the pods mount has been written. */
  written(): void {
    this.#count++
    this.#waitMs = this.#times.repeatMs
  }

  /** The wait is over, and there are pods behind. The next wait is twice as long. */
  repeated(): void {
    this.#count++
    this.#waitMs = Math.min(this.#times.repeatCapMs, this.#waitMs * 2)
  }

  /** @returns whether the pod is to be annotated now; else that is being done, and is done once more after it */
  begin(pod: string): boolean {
    const running = this.#running.get(pod)
    if (running) running.isStale = true
    else this.#running.set(pod, { isStale: true })
    return !running
  }

  /** Asked before each annotation of a pod. @returns whether there is one to make */
  takeTurn(pod: string, now: number): boolean {
    const running = this.#running.get(pod)
    if (!running?.isStale || now < this.#forbiddenUntil) return false
    running.isStale = false
    return true
  }

  end(pod: string): void {
    this.#running.delete(pod)
  }

  /** The API refuses it for want of rights. @returns whether people are to be told: once */
  forbidden(now: number): boolean {
    const isNews = !this.#isForbiddenTold
    this.#forbiddenUntil = now + this.#times.forbiddenMs
    this.#isForbiddenTold = true
    return isNews
  }
}
