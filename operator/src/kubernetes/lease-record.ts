// What the record of a Lease says to one candidate, and what it should do about it. Times are milliseconds of the candidate's
// own monotonic clock: the clocks of two machines are never compared.
import { annotations } from '@nauthera/proto/names'
import type { KubernetesObject } from './objects.ts'

export interface LeaseObject extends KubernetesObject {
  spec: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

/** What a candidate knows. */
export interface LeaseView {
  /** As last read or written; undefined: there is none, or it was never read. */
  readonly record: LeaseObject | undefined
  /** It may be another one by now: it must be read before anything is written. */
  readonly isDoubtful: boolean
  /** When the record was first seen as it is now. */
  readonly changedAt: number
  /** When the last renewal that was taken was begun. */
  readonly renewedAt: number
  readonly isLeading: boolean
}

export const nothingKnown: LeaseView = {
  record: undefined,
  isDoubtful: true,
  changedAt: -Infinity,
  renewedAt: -Infinity,
  isLeading: false,
}

/** @param record as read now; undefined when there is none */
export function afterRead(view: LeaseView, record: LeaseObject | undefined, at: number): LeaseView {
  const isSame = record !== undefined && view.record?.metadata.resourceVersion === record.metadata.resourceVersion
  return { ...view, record, isDoubtful: false, changedAt: isSame ? view.changedAt : at }
}

/** @param begunAt when the write was sent: it may have been taken at once, and the answer may have been late */
export function afterWrite(view: LeaseView, record: LeaseObject, begunAt: number, at: number): LeaseView {
  return { ...afterRead(view, record, at), renewedAt: begunAt }
}

/** What is known may be old: somebody else was faster, or nobody knows whether a call took effect. Since when it is as it was seen last
 *  stays known: the next read says whether it still is. */
export const afterDoubt = (view: LeaseView): LeaseView => ({ ...view, isDoubtful: true })

/** A leader knows its record; everybody else looks before each attempt. */
export const mustRead = (view: LeaseView): boolean => !view.isLeading || view.isDoubtful

export type LeaseMove =
  | { readonly kind: 'create'; readonly spec: LeaseObject['spec'] }
  /** A renewal, or a takeover: then its annotation says how often it was lost before. */
  | { readonly kind: 'replace'; readonly record: LeaseObject }
  /** Somebody else holds it. */
  | { readonly kind: 'wait' }

/** A leader that had it for so long has not lost it at the first strain. Milliseconds. */
const steadyMs = 600_000
const backOffMs = 1_000
/** Longer, and the process would be ended while it waits. */
const longestBackOffMs = 15_000

/** How often in a row it was lost before the present holder took it. */
const lossesOf = ({ metadata }: LeaseObject): number => Number(metadata.annotations?.[annotations.losses] ?? 0) || 0

/** @param leader the record of a leader that loses it at `now` (epoch milliseconds by the clock that wrote it)
 *  @returns how long that process waits before it ends, so that whoever starts in its place is not one more load at once: it doubles with
 *    each loss soon after the one before, and nobody waits as long as another */
export function waitAfterLoss(leader: LeaseObject | undefined, now: number, random: () => number): number {
  const { acquireTime } = leader?.spec ?? {}
  const isSteady = acquireTime !== undefined && now - Date.parse(acquireTime) >= steadyMs
  const before = leader === undefined || isSteady ? 0 : lossesOf(leader)
  return Math.min(longestBackOffMs, backOffMs * 2 ** Math.min(before, 10)) * (1 + random() * 0.25)
}

/** @returns how often it was lost in a row, once somebody takes it who finds it like this */
function lossesAfter(found: LeaseObject): number {
  const { holderIdentity, acquireTime = '', renewTime = '' } = found.spec
  if (!holderIdentity) return 0
  return Date.parse(renewTime) - Date.parse(acquireTime) >= steadyMs ? 1 : lossesOf(found) + 1
}

const taken = (found: LeaseObject, spec: LeaseObject['spec']): LeaseObject => ({
  ...found,
  metadata: {
    ...found.metadata,
    annotations: { ...found.metadata.annotations, [annotations.losses]: String(lossesAfter(found)) },
  },
  spec,
})

/** @param time.now epoch milliseconds, for people who read the record */
export function nextMove(
  { record, changedAt, isLeading }: LeaseView,
  identity: string,
  durationMs: number,
  time: { readonly now: number; readonly monotonic: number },
): LeaseMove {
  const renewTime = microTime(time.now)
  const held = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(durationMs / 1000), renewTime }
  if (record === undefined) return { kind: 'create', spec: { ...held, acquireTime: renewTime, leaseTransitions: 0 } }
  const {
    holderIdentity: holder,
    leaseDurationSeconds = 0,
    acquireTime = renewTime,
    leaseTransitions = 0,
  } = record.spec
  if (holder === identity && isLeading)
    return { kind: 'replace', record: { ...record, spec: { ...held, acquireTime, leaseTransitions } } }
  // an earlier process of ours, which has ended without giving it back
  if (holder === identity)
    return { kind: 'replace', record: taken(record, { ...held, acquireTime: renewTime, leaseTransitions }) }
  const isOver = !holder || time.monotonic - changedAt >= leaseDurationSeconds * 1000
  if (!isOver) return { kind: 'wait' }
  const spec = { ...held, acquireTime: renewTime, leaseTransitions: leaseTransitions + 1 }
  return { kind: 'replace', record: taken(record, spec) }
}

/** Asked when a renewal has failed.
 *  @returns why this process no longer leads; undefined while it may try again */
export function lossOf(
  { record, renewedAt }: LeaseView,
  identity: string,
  renewWithinMs: number,
  at: number,
): string | undefined {
  const holder = record?.spec.holderIdentity
  if (holder && holder !== identity) return `held by ${holder}`
  return at - renewedAt >= renewWithinMs ? `not renewed for ${renewWithinMs} ms` : undefined
}

/** @returns the record of a Lease that its holder gives back */
export const givenBack = (record: LeaseObject): LeaseObject => ({
  ...record,
  spec: { ...record.spec, holderIdentity: '', leaseDurationSeconds: 1 },
})

/** MicroTime of the API: six digits. */
const microTime = (epochMs: number): string => new Date(epochMs).toISOString().replace('Z', '000Z')
