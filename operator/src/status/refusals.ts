// Sums the refusals that replicas report, and publishes them to statuses in turns: five statuses a second, namespaces alternate.
import type { ClientRefusals, Refusal } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { keepDetails, textsOf } from '@nauthera/rules/refusal-details'
import { isRefusalCode, refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { OIDCClientStatus } from '../api/client-status.ts'
import { crampedCodes, tellsRefusal, toldBefore } from '../decide/status/refusals.ts'
import type { KnownRefusal, PublishedRefusals } from '../decide/status/observations.ts'
import { FairKeys } from '../intake/fair-keys.ts'
import type { Clock } from '../time/clock.ts'

/** Between two statuses that are written for a refusal, of whichever clients. Milliseconds. */
const turnMs = 200
/** Between two of the same client: with the time in which a server tells it is less than ten seconds. Milliseconds. */
const ownTurnMs = 4_000
/** Events of a release about refusals, within an hour. */
const eventsAnHour = 60
/** Clients whose counts are remembered. Of the others the status alone says what was refused. */
const mostClients = 1_000
/** Codes and details that all statuses have beyond the few of a cramped one: about 6 MB. */
const mostExtras = 20_000

interface Counted extends Omit<KnownRefusal, 'count' | 'details' | 'lastSeen'> {
  details: KnownRefusal['details']
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

/** Anybody can cause refusals, so without turns a stranger could flood the API server, and without bounds fill the operator. */
export class Refusals {
  readonly #needs: Needs
  /** The client that was refused longest ago comes first. */
  readonly #said = new Map<string, Map<string, Counted>>()
  readonly #published = new Map<string, PublishedRefusals>()
  /** By client: how much its status has beyond a cramped one, and until when, epoch milliseconds. */
  readonly #extras = new Map<string, { readonly count: number; readonly until: number }>()
  /** Those with a code or a detail that their status does not have. */
  readonly #fresh = new FairKeys()
  /** Those of them whose last turn was a moment ago: when they may have the next one, monotonic milliseconds. */
  readonly #resting = new Map<string, number>()
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
      const told = this.#needs.told(key)
      const known = this.#roomOf(key)
      const seen = refusals.flatMap((one) => believed(one) ?? [])
      const isFresh = seen
        .filter((one) => add(known, one, { uid, told }))
        .some(({ code, by }) => !tellsRefusal(told, known.get(`${code} ${by}`)!))
      if (isFresh) this.#resting.set(key, (this.#publishedAt.get(key) ?? -Infinity) + ownTurnMs)
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
    this.#forget(key)
    this.#extras.delete(key)
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

  #forget(key: string): void {
    this.#said.delete(key)
    this.#published.delete(key)
    this.#publishedAt.delete(key)
    this.#resting.delete(key)
    this.#renewals.delete(key)
  }

  /** @returns what is counted of the client, which is the last one to be forgotten now */
  #roomOf(key: string): Map<string, Counted> {
    const known = this.#said.get(key) ?? new Map<string, Counted>()
    this.#said.delete(key)
    this.#said.set(key, known)
    const [oldest] = this.#said.keys()
    if (this.#said.size > mostClients && oldest !== undefined) this.#forget(oldest)
    return known
  }

  #plan(): void {
    const { clock } = this.#needs
    const now = clock.monotonic()
    for (const [key, at] of this.#resting)
      if (at <= now) {
        this.#resting.delete(key)
        this.#fresh.add(key)
      }
    const dueAt = this.#fresh.size > 0 ? 0 : Math.min(...this.#resting.values(), ...this.#renewals.values())
    this.#cancel?.()
    if (dueAt === Infinity) return
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
    const all = [...known.values()].map(({ code, by, details, lastSeen, before, counts }) => ({
      code,
      by,
      details,
      lastSeen,
      count: Math.min(before + [...counts.values()].reduce((sum, one) => sum + one, 0), Number.MAX_SAFE_INTEGER),
    }))
    const isNews = ({ code, by }: KnownRefusal) => by === 'Client' && !tellsRefusal(told(key), { code, by })
    const announced = this.#allowEvents(all.filter(isNews).map(({ code }) => code))
    this.#published.set(key, { known: all, announced, isCramped: this.#isCramped(key, all) })
    return true
  }

  /** @returns whether all statuses together have no room for all of this */
  #isCramped(key: string, all: readonly KnownRefusal[]): boolean {
    const now = this.#needs.clock.now()
    for (const [one, { until }] of this.#extras) if (one === key || until <= now) this.#extras.delete(one)
    const others = [...this.#extras.values()].reduce((sum, { count }) => sum + count, 0)
    const details = all.reduce((sum, one) => sum + Math.max(0, one.details.length - 1), 0)
    const count = Math.max(0, all.length - crampedCodes) + details
    const until = Math.max(...all.map(({ lastSeen }) => lastSeen)) + refusalLimits.keptMs
    if (count === 0) return false
    if (others + count > mostExtras) return true
    this.#extras.set(key, { count, until })
    return false
  }

  #removeEnded(known: Map<string, Counted>): void {
    const now = this.#needs.clock.now()
    for (const [key, entry] of known) {
      if (now >= entry.lastSeen + refusalLimits.keptMs) known.delete(key)
      else entry.details = withoutOld(entry.details, now)
    }
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

/** @returns the refusal in the bounds that hold for a server that says the truth */
function believed({ code, byClient, details, count, lastSeen }: Refusal): KnownRefusal | undefined {
  // a later server may know codes that this operator does not
  if (!isRefusalCode(code)) return undefined
  return {
    code,
    count: Math.max(1, Number(count)),
    by: byClient ? 'Client' : 'Anyone',
    lastSeen: lastSeen ? timestampMs(lastSeen) : 0,
    details: details.slice(0, 2 * refusalLimits.places.Anyone).map(({ text, isOwn, sender, lastSeen: at }) => ({
      text: text.slice(0, refusalLimits.detail),
      isOwn,
      sender,
      lastSeen: at ? timestampMs(at) : 0,
    })),
  }
}

/** @returns whether the code or a detail of it was not known, or was over */
function add(
  known: Map<string, Counted>,
  seen: KnownRefusal,
  { uid, told }: { readonly uid: string; readonly told: OIDCClientStatus['refusals'] },
): boolean {
  const key = `${seen.code} ${seen.by}`
  const entry = known.get(key)
  if (entry === undefined || seen.lastSeen >= entry.lastSeen + refusalLimits.keptMs) {
    // another operator may have led before
    const before = toldBefore(told).find(({ code, by }) => code === seen.code && by === seen.by)
    const details = mergeDetails(before?.details ?? [], seen)
    const { count, ...rest } = seen
    known.set(key, { ...rest, details, before: 0, counts: new Map([[uid, count]]) })
    return true
  }
  const earlier = entry.counts.get(uid) ?? 0
  // the server of this pod has started again
  if (seen.count < earlier) entry.before += earlier
  entry.counts.set(uid, seen.count)
  const { details } = entry
  entry.details = mergeDetails(details, seen)
  entry.lastSeen = Math.max(entry.lastSeen, seen.lastSeen)
  return textsOf(entry.details).some((text) => !textsOf(details).includes(text))
}

/** @param before those of a status have no sender: the one who sent it may say it again */
function mergeDetails(before: KnownRefusal['details'], seen: KnownRefusal): KnownRefusal['details'] {
  const texts = textsOf(seen.details)
  const isSaidAgain = ({ sender, text }: KnownRefusal['details'][number]) => sender < 0 && texts.includes(text)
  const lasting = withoutOld(before, seen.lastSeen).filter((one) => !isSaidAgain(one))
  return keepDetails([...lasting, ...seen.details], refusalLimits.places[seen.by])
}

const withoutOld = (details: KnownRefusal['details'], now: number): KnownRefusal['details'] =>
  details.filter(({ lastSeen }) => now < lastSeen + refusalLimits.keptMs)
