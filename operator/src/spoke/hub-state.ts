// Whether the hub can be trusted now: its last answer, its clock, and who holds our namespace there.
import { timeText } from '../api/time-text.ts'
import type { HeardAnswer } from '../kubernetes/connection.ts'
import type { Clock } from '../time/clock.ts'
import { Damper } from '../time/damper.ts'

/** What the hub is called where replicas have names. */
export const hubName = 'the hub'

/** Who holds our place in the hub. */
type Holder =
  | { readonly kind: 'unknown' | 'ours' | 'none' }
  /** The hub answers, and gives us no rights there. */
  | { readonly kind: 'refused' }
  /** Another cluster. */
  | { readonly kind: 'other'; readonly uid: string }
  /** Another operator of this cluster: `<namespace>/<release>`. */
  | { readonly kind: 'other-release'; readonly release: string }

export interface HubFault {
  readonly reason: 'HubUnreachable' | 'CredentialRefused' | 'NotJoined' | 'ClusterTaken' | 'ClockSkew'
  readonly message: string
}

/** Without an answer for this long the hub is silent. Milliseconds. */
const silentMs = 15_000
/** Clocks that differ by more are not corrected. Milliseconds. */
const mostSkewMs = 60_000
/** The header has whole seconds, and an answer takes a while. Milliseconds. */
const toleratedMs = 2_000
/** So many changes wake every client at once; then one in this time does, in milliseconds. A hub may come and go all the time. */
const changesAtOnce = 4
const changeEveryMs = 30_000

/** What the hub said of itself. Its clock is the one that ends secrets, so it is the one that counts here. */
export class HubState {
  readonly #clock: Clock
  #heardAt: number | undefined
  #offsetMs = 0
  #isRefused = false
  #noCredential: string | undefined
  #holder: Holder = { kind: 'unknown' }
  #seen: HubFault['reason'] | 'Waiting' | 'Usable' = 'Waiting'
  #changes: Damper | undefined
  #onUsable = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The clock of this process, set by the hub's. */
  get clock(): Clock {
    const clock = this.#clock
    return {
      now: () => clock.now() + (this.#isSkewed() ? 0 : this.#offsetMs),
      monotonic: () => clock.monotonic(),
      after: (milliseconds, callback) => clock.after(milliseconds, callback),
    }
  }

  recordAnswer({ status, date }: HeardAnswer): void {
    this.#isRefused = status === 401
    if (status < 500 && !this.#isRefused) {
      this.#heardAt = this.#clock.monotonic()
      if (date !== undefined) this.#recordDate(date)
    }
    this.look()
  }

  recordHolder(holder: Holder): void {
    this.#holder = holder
    this.look()
  }

  /** @param why there is no usable credential; undefined: there is one */
  recordCredential(why: string | undefined): void {
    this.#noCredential = why
    this.look()
  }

  /** @param onUsable told each time when the hub becomes usable, however often
   *  @returns how to hear no more */
  listenUsable(onUsable: () => void): () => void {
    this.#onUsable = onUsable
    return () => {
      this.#onUsable = () => {}
    }
  }

  /** @param onChange told when the hub becomes usable or has another fault, however shortly, since work waits for that: at once, but a
   *  hub that comes and goes makes it wait, then for a moment when the hub is usable if there is one
   *  @returns how to hear no more */
  listen(onChange: () => void): () => void {
    this.#seen = 'Waiting'
    const changes = new Damper(this.#clock, {
      atOnce: changesAtOnce,
      everyMs: changeEveryMs,
      suits: () => this.mayWrite,
      tell: onChange,
    })
    this.#changes = changes
    return () => changes.stop()
  }

  /** Finds out about silence, which comes without an answer. */
  look(): void {
    const now = this.fault?.reason ?? (this.mayWrite ? 'Usable' : 'Waiting')
    if (now === this.#seen) return
    this.#seen = now
    if (now === 'Usable') this.#onUsable()
    this.#changes?.hear()
  }

  /** Why the hub can be neither believed nor told anything now; undefined: it can. */
  get fault(): HubFault | undefined {
    if (this.#noCredential !== undefined) return { reason: 'CredentialRefused', message: this.#noCredential }
    if (this.#isRefused)
      return {
        reason: 'CredentialRefused',
        message: 'the hub takes its token no more; run kubectl nauthera cluster join there, and replace the Secret',
      }
    if (this.#isSilent()) return { reason: 'HubUnreachable', message: `the hub does not answer; ${this.#lastHeard()}` }
    if (this.#holder.kind === 'none')
      return {
        reason: 'NotJoined',
        message: 'the hub has no place for this cluster; run kubectl nauthera cluster join there',
      }
    if (this.#holder.kind === 'refused')
      return {
        reason: 'NotJoined',
        message: 'the hub gives this cluster no rights in its namespace; run kubectl nauthera cluster join there',
      }
    if (this.#holder.kind === 'other')
      return {
        reason: 'ClusterTaken',
        message: `the hub knows another cluster by this name, with the uid ${this.#holder.uid}: nothing is written; if this one takes its place, run kubectl nauthera cluster join --take-over there`,
      }
    if (this.#holder.kind === 'other-release')
      return {
        reason: 'ClusterTaken',
        message: `release ${this.#holder.release} of this cluster writes by this name: nothing is written; join this release by a name of its own, or uninstall that one and run kubectl nauthera cluster join --take-over there`,
      }
    if (this.#isSkewed())
      return {
        reason: 'ClockSkew',
        message: `the clocks here and in the hub differ by ${Math.round(Math.abs(this.#offsetMs) / 1000)}s: nothing is written; set them right`,
      }
    return undefined
  }

  /** Whether the hub may be written to: it answers, and the namespace there is ours. */
  get mayWrite(): boolean {
    return this.#holder.kind === 'ours' && this.fault === undefined
  }

  #recordDate(date: number): void {
    const offsetMs = date + 500 - this.#clock.now()
    if (Math.abs(offsetMs - this.#offsetMs) > toleratedMs)
      this.#offsetMs = Math.abs(offsetMs) > toleratedMs ? offsetMs : 0
  }

  #isSilent(): boolean {
    return this.#heardAt === undefined || this.#clock.monotonic() - this.#heardAt > silentMs
  }

  #isSkewed(): boolean {
    return Math.abs(this.#offsetMs) > mostSkewMs
  }

  #lastHeard(): string {
    if (this.#heardAt === undefined) return 'it was not heard since this process began'
    const at = this.#clock.now() - (this.#clock.monotonic() - this.#heardAt)
    return `it was last heard at ${timeText(Math.round(at / 1000) * 1000)}`
  }
}
