// What anybody can cause as often as they like must not become a row each time: such events are counted, and each minute leaves one row
// for all that are alike. Pure: no clock, no timer.
import { foreign } from '@nauthera/runtime/log'
import { addressBlock } from './address-block.ts'
import { eventsThat } from './audit-event.ts'
import type { AuditEvent } from './audit-event.ts'

/** Rows of refusals in one minute of one replica; what comes beyond them is counted as `other`, a row for each kind of event. */
const mostRefusals = 1000
/** Of these, rows of one address: with reasons of its own making, nobody hides what others do. */
const mostOfAddress = 100

const refusals = eventsThat('countsFailures')

/** What an event counts under; undefined when it gets a row of its own. */
export type Counting =
  | { readonly kind: 'refusal'; readonly key: string; readonly block: string }
  | { readonly kind: 'client'; readonly key: string }

/** @param machineTokens `each`: a row for each token of a machine, `counted`: one for each minute and client */
export function countingOf(event: AuditEvent, machineTokens: 'counted' | 'each'): Counting | undefined {
  const { event: name, outcome, reason, address = '', clientUid = '', userId = '', detail } = event
  if (outcome === 'failure' && refusals.has(name)) {
    const block = addressBlock(address)
    const key = [name, foreign(reason ?? ''), block, clientUid, userId]
    return { kind: 'refusal', key: JSON.stringify(key), block }
  }
  const isMachine = name === 'token.issued' && detail?.['grant'] === 'client_credentials'
  if (name === 'client.previous_secret_used' || (isMachine && machineTokens === 'counted'))
    return { kind: 'client', key: JSON.stringify([name, clientUid, detail ?? {}]) }
  return undefined
}

interface Counted {
  readonly event: AuditEvent
  readonly at: Date
  readonly lastAt: Date
  readonly count: number
}

/** The events that were counted since the rows were taken the last time. */
export class AuditCounts {
  #byKey = new Map<string, Counted>()
  #refusals = 0
  #byAddress = new Map<string, number>()

  add(event: AuditEvent, counting: Counting, at: Date): void {
    const known = this.#byKey.get(counting.key)
    if (known !== undefined) return this.#keep(counting.key, alike(known, event, at))
    if (counting.kind === 'client') return this.#keep(counting.key, { event, at, lastAt: at, count: 1 })
    const ofAddress = this.#byAddress.get(counting.block) ?? 0
    if (this.#refusals < mostRefusals && ofAddress < mostOfAddress) {
      this.#refusals++
      this.#byAddress.set(counting.block, ofAddress + 1)
      return this.#keep(counting.key, { event, at, lastAt: at, count: 1 })
    }
    // there are at most ten such addresses
    const address = ofAddress < mostOfAddress ? undefined : event.address
    const other: AuditEvent = { event: event.event, outcome: event.outcome, reason: 'other', address }
    const key = `other ${event.event} ${address === undefined ? '' : counting.block}`
    const before = this.#byKey.get(key)
    this.#keep(key, before ? alike(before, other, at) : { event: other, at, lastAt: at, count: 1 })
  }

  /** @returns an event for each row, with the time of the first one that it stands for; counting begins anew */
  take(): { event: AuditEvent; at: Date }[] {
    const taken = [...this.#byKey.values()].map(({ event, at, lastAt, count }) => ({
      event: count === 1 ? event : { ...event, detail: { ...event.detail, count, lastAt: lastAt.toISOString() } },
      at,
    }))
    this.#byKey = new Map()
    this.#refusals = 0
    this.#byAddress = new Map()
    return taken
  }

  #keep(key: string, counted: Counted): void {
    this.#byKey.set(key, counted)
  }
}

/** One more that is alike: what differs between them is left out of the row. */
function alike({ event, at, count }: Counted, next: AuditEvent, now: Date): Counted {
  const address = event.address === undefined ? undefined : addressOfAll(event.address, next.address)
  const merged: AuditEvent = {
    ...event,
    address,
    clientId: same(event.clientId, next.clientId),
    agent: same(event.agent, next.agent),
    correlationId: same(event.correlationId, next.correlationId),
  }
  return { event: merged, at, lastAt: now, count: count + 1 }
}

const same = (one: string | undefined, other: string | undefined): string | undefined =>
  one === other ? one : undefined

/** Machines of one client may have many addresses; those of a refusal are of one block. */
function addressOfAll(one: string, other: string | undefined): string | undefined {
  if (one === other) return one
  const block = one.includes('/') ? one : addressBlock(one)
  return other !== undefined && addressBlock(other) === block ? block : undefined
}
