import type { ClientRefusals } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { isRefusalCode, refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { OIDCClientStatus } from '../api/client-status.ts'
import { tellsRefusal } from '../decide/status/refusals.ts'
import type { KnownRefusal, PublishedRefusals } from '../decide/status/observations.ts'
import { FairKeys } from '../intake/fair-keys.ts'
import type { Clock } from '../time/clock.ts'

/** Between two statuses that are written for a refusal, of whichever clients. Milliseconds. */
const turnMs = 1_000
/** Events of a release about refusals, within an hour. */
const eventsAnHour = 60

interface Counted extends Omit<KnownRefusal, 'count' | 'detail' | 'lastSeen'> {
  detail: string
  lastSeen: number
  /** Of servers that were there before. */
  before: number
  /** By uid of the pod: what its server has counted. */
  readonly counts: Map<string, number>
}

interface Needs {
  readonly clock: Clock
  /** What the status of a client says now. */
  readonly told: (key: string) => OIDCClientStatus['refusals']
  /** It is the turn of this client: its status may say what is published. */
  readonly wake: (keys: readonly string[]) => void
}

/** Sums the refusals that replicas report, and publishes them to statuses in turns: one status a second, namespaces alternate. Anybody can
 *  cause refusals, so without turns a stranger could flood the API server. */
export class Refusals {
  readonly #needs: Needs
  readonly #said = new Map<string, Map<string, Counted>>()
  readonly #published = new Map<string, PublishedRefusals>()
  /** Those with a code that their status does not have. */
  readonly #fresh = new FairKeys()
  /** By client: when its counts are due, monotonic milliseconds. */
  readonly #renewals = new Map<string, number>()
  /** By client: when its status was last to be written, monotonic milliseconds. */
  readonly #publishedAt = new Map<string, number>()
  #lastTurn = -Infinity
  #events: { left: number; readonly at: number }
  #cancel: (() => void) | undefined

  constructor(needs: Needs) {
    this.#needs = needs
    this.#events = { left: eventsAnHour, at: needs.clock.monotonic() }
  }

  /** @param uid of the pod whose server refused */
  record(uid: string, said: readonly ClientRefusals[]): void {
    for (const { namespace, name, refusals } of said) {
      if (refusals.length === 0) continue
      const key = `${namespace}/${name}`
      const known = this.#said.get(key) ?? new Map<string, Counted>()
      this.#said.set(key, known)
      const told = this.#needs.told(key)
      for (const { code, byClient, detail, count, lastSeen } of refusals) {
        // a later server may know codes that this operator does not
        if (!isRefusalCode(code)) continue
        const by: RefusedBy = byClient ? 'Client' : 'Anyone'
        const seen = { detail: detail.slice(0, refusalLimits.detail), lastSeen: lastSeen ? timestampMs(lastSeen) : 0 }
        if (
          add(known, { code, by, ...seen }, { uid, count: Math.max(1, Number(count)) }) &&
          !tellsRefusal(told, { code, by })
        )
          this.#fresh.add(key)
      }
      const since = this.#publishedAt.get(key) ?? this.#needs.clock.monotonic()
      if (!this.#renewals.has(key)) this.#renewals.set(key, since + refusalLimits.renewMs)
    }
    this.#plan()
  }

  /** @returns what the status may say now */
  published(key: string): PublishedRefusals {
    return this.#published.get(key) ?? { known: [], announced: [] }
  }

  /** The client is gone, or another one has its name. */
  remove(key: string): void {
    this.#said.delete(key)
    this.#published.delete(key)
    this.#publishedAt.delete(key)
    this.#renewals.delete(key)
  }

  /** Removes the clients that are gone, and what was refused more than an hour ago. */
  removeAllBut(isKnown: (key: string) => boolean): void {
    for (const [key, known] of this.#said) {
      this.#removeEnded(known)
      if (known.size === 0 || !isKnown(key)) this.remove(key)
    }
  }

  stop(): void {
    this.#cancel?.()
  }

  #plan(): void {
    const { clock } = this.#needs
    const dueAt = this.#fresh.size > 0 ? 0 : Math.min(...this.#renewals.values())
    this.#cancel?.()
    if (dueAt === Infinity) return
    const now = clock.monotonic()
    this.#cancel = clock.after(Math.max(0, dueAt - now, this.#lastTurn + turnMs - now), () => this.#takeTurn())
  }

  #takeTurn(): void {
    const now = this.#needs.clock.monotonic()
    const key = this.#fresh.next() ?? [...this.#renewals].find(([, at]) => at <= now)?.[0]
    if (key !== undefined) {
      this.#renewals.delete(key)
      if (this.#publish(key)) {
        this.#lastTurn = now
        this.#publishedAt.set(key, now)
        this.#needs.wake([key])
      }
    }
    this.#plan()
  }

  /** @returns false when nothing is to be told */
  #publish(key: string): boolean {
    const known = this.#said.get(key)
    if (known === undefined) return false
    const { told } = this.#needs
    this.#removeEnded(known)
    if (known.size === 0) return false
    const all = [...known.values()].map(({ code, by, detail, lastSeen, before, counts }) => ({
      code,
      by,
      detail,
      lastSeen,
      count: Math.min(before + [...counts.values()].reduce((sum, one) => sum + one, 0), Number.MAX_SAFE_INTEGER),
    }))
    const isNews = ({ code, by }: KnownRefusal) => by === 'Client' && !tellsRefusal(told(key), { code, by })
    this.#published.set(key, { known: all, announced: this.#allowEvents(all.filter(isNews).map(({ code }) => code)) })
    return true
  }

  #removeEnded(known: Map<string, Counted>): void {
    const now = this.#needs.clock.now()
    for (const [entry, { lastSeen }] of known) if (now >= lastSeen + refusalLimits.keptMs) known.delete(entry)
  }

  /** @returns those of which an Event may tell */
  #allowEvents(codes: readonly RefusalCode[]): readonly RefusalCode[] {
    const now = this.#needs.clock.monotonic()
    const { left, at } = this.#events
    const may = Math.min(eventsAnHour, left + ((now - at) / 3_600_000) * eventsAnHour)
    const allowed = codes.slice(0, Math.floor(may))
    this.#events = { left: may - allowed.length, at: now }
    return allowed
  }
}

/** @returns whether the code was not known, or was over */
function add(
  known: Map<string, Counted>,
  seen: Omit<KnownRefusal, 'count'>,
  { uid, count }: { readonly uid: string; readonly count: number },
): boolean {
  const key = `${seen.code} ${seen.by}`
  const entry = known.get(key)
  if (entry === undefined || seen.lastSeen >= entry.lastSeen + refusalLimits.keptMs) {
    known.set(key, { ...seen, before: 0, counts: new Map([[uid, count]]) })
    return true
  }
  const earlier = entry.counts.get(uid) ?? 0
  // the server of this pod has started again
  if (count < earlier) entry.before += earlier
  entry.counts.set(uid, count)
  if (seen.lastSeen >= entry.lastSeen) Object.assign(entry, { detail: seen.detail, lastSeen: seen.lastSeen })
  return false
}
