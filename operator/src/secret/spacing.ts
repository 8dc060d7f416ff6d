// Spreads rotations by schedule: under each policy with `rotation.minSpacing` one begins at a time, and tenants take turns.
import type { Clock } from '../time/clock.ts'
import type { PolicySpacing } from '../decide/client/apply-defaults.ts'

/** A client whose next secret would be minted now, because its schedule says so. */
export interface TurnRequest {
  /** `namespace/name`. */
  readonly key: string
  readonly tenant: string
  /** Of all policies that bind it. */
  readonly spacings: readonly PolicySpacing[]
  /** Since when it is due; epoch milliseconds. Within a tenant the one that is due for longest is first. */
  readonly dueAt: number
}

interface Waiting extends TurnRequest {
  ticket: number
  /** It looks again by then; by the clock that never jumps. */
  comesBy: number
}

/** Whoever does not come for its turn has lost it: it was deleted, or its schedule changed. Milliseconds. */
const patienceMs = 60_000

/** A lane is one policy with one spacing. A client takes part in the lane of each policy that binds it. */
const laneOf = ({ policy, ms }: PolicySpacing): string => `${policy} ${ms}`

/** Who may rotate next. Only a client that would mint takes part: whoever has minted waits for nobody, and whoever is held up by
 *  something else takes nobody's turn. Nothing is stored: a new leader begins with free lanes.
 *
 *  A ticket is a place in one line of all lanes. A tenant that asks gets a ticket right behind the rotation that began last, and each
 *  further client of it one place later: however many clients a tenant has, each round begins one of them. */
export class Spacing {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #again: (key: string, milliseconds: number) => void
  /** When the next rotation of a lane may begin. */
  readonly #freeAt = new Map<string, number>()
  readonly #waiting = new Map<string, Waiting>()
  /** The last ticket of each tenant. */
  readonly #lastTickets = new Map<string, number>()
  /** The highest ticket of those that have begun. */
  #begun = 0

  /** @param needs.again looks at the client again after this many milliseconds */
  constructor(needs: { clock: Pick<Clock, 'monotonic'>; again: (key: string, milliseconds: number) => void }) {
    this.#clock = needs.clock
    this.#again = needs.again
  }

  /** @returns for how long it waits for its turn, milliseconds; undefined: it may mint now */
  waitMs(request: TurnRequest): number | undefined {
    if (request.spacings.length === 0) return undefined
    const now = this.#clock.monotonic()
    this.#forgetAbsent(now)
    const own = this.#enter(request)
    own.comesBy = now
    const line = this.#line()
    const earlier = line.slice(0, line.indexOf(own))
    if (this.#readyAt(own) <= now && !earlier.some((one) => this.#wouldDelay(one, own, now))) return undefined
    const slots = own.spacings.map((spacing) => {
      const before = earlier.filter((one) => hasLane(one, spacing)).length
      return Math.max(now, this.#freeAtOf(spacing)) + before * spacing.ms
    })
    own.comesBy = Math.max(now + 1, ...slots)
    return own.comesBy - now
  }

  /** Its secret is minted. */
  begin({ key, spacings }: Pick<TurnRequest, 'key' | 'spacings'>): void {
    const now = this.#clock.monotonic()
    for (const spacing of spacings) this.#freeAt.set(laneOf(spacing), now + spacing.ms)
    this.#begun = Math.max(this.#begun, this.#waiting.get(key)?.ticket ?? 0)
    this.#waiting.delete(key)
    for (const [tenant, ticket] of this.#lastTickets) if (ticket < this.#begun) this.#lastTickets.delete(tenant)
    this.#callNext(spacings, now)
  }

  /** It waits for no turn, or no longer. */
  leave(key: string): void {
    const left = this.#waiting.get(key)
    if (!left) return
    this.#waiting.delete(key)
    this.#callNext(left.spacings, this.#clock.monotonic())
  }

  /** A client keeps its ticket as long as it waits in the same lanes. */
  #enter(request: TurnRequest): Waiting {
    const known = this.#waiting.get(request.key)
    if (known && isSameLine(known, request)) return known
    const ticket = Math.max(this.#begun, (this.#lastTickets.get(request.tenant) ?? -1) + 1)
    this.#lastTickets.set(request.tenant, ticket)
    const own: Waiting = { ...request, ticket, comesBy: 0 }
    this.#waiting.set(request.key, own)
    // within its tenant the tickets go to those that are due for longest
    const line = [...this.#waiting.values()].filter((one) => isSameLine(one, own))
    const tickets = line.map((one) => one.ticket).sort((one, other) => one - other)
    line.sort((one, other) => one.dueAt - other.dueAt).forEach((one, at) => (one.ticket = tickets[at]!))
    return own
  }

  /** All that wait, in the order of their tickets; of equal ones whoever asked first comes first. */
  #line(): Waiting[] {
    return [...this.#waiting.values()].sort((one, other) => one.ticket - other.ticket)
  }

  #freeAtOf(spacing: PolicySpacing): number {
    return this.#freeAt.get(laneOf(spacing)) ?? -Infinity
  }

  /** When all its lanes are free. */
  #readyAt({ spacings }: Pick<TurnRequest, 'spacings'>): number {
    return Math.max(...spacings.map((spacing) => this.#freeAtOf(spacing)))
  }

  /** Whether `earlier` would begin later if `own` began now. One that waits for another lane for longer lets others pass. */
  #wouldDelay(earlier: Waiting, own: Waiting, now: number): boolean {
    const readyAt = this.#readyAt(earlier)
    return own.spacings.some((spacing) => hasLane(earlier, spacing) && readyAt < now + spacing.ms)
  }

  /** Calls for each lane the first one that waits for no other lane for longer. */
  #callNext(spacings: readonly PolicySpacing[], now: number): void {
    for (const spacing of spacings) {
      const line = this.#line().filter((one) => hasLane(one, spacing))
      const soonest = Math.min(...line.map((one) => this.#readyAt(one)))
      const next = line.find((one) => this.#readyAt(one) < Math.max(now, soonest) + spacing.ms)
      if (!next) continue
      next.comesBy = Math.max(now, Math.min(next.comesBy, this.#readyAt(next)))
      this.#again(next.key, Math.max(0, next.comesBy - now))
    }
  }

  #forgetAbsent(now: number): void {
    for (const [key, { comesBy }] of this.#waiting) if (comesBy + patienceMs < now) this.#waiting.delete(key)
  }
}

const hasLane = ({ spacings }: Waiting, spacing: PolicySpacing): boolean =>
  spacings.some((one) => laneOf(one) === laneOf(spacing))

const isSameLine = (one: TurnRequest, other: TurnRequest): boolean =>
  one.tenant === other.tenant && linesOf(one) === linesOf(other)

const linesOf = ({ spacings }: TurnRequest): string => spacings.map(laneOf).join(', ')
