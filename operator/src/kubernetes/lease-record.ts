// Decides what a candidate does with a Lease record. Times are milliseconds of the candidate's monotonic clock: clocks of two machines are
// never compared.
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
  /** The record may have changed: it must be read before a write. */
  readonly isDoubtful: boolean
  /** When the present record was first seen. */
  readonly changedAt: number
  /** When the last successful renewal was sent. */
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

/** @param begunAt when the write was sent: the answer may be late */
export function afterWrite(view: LeaseView, record: LeaseObject, begunAt: number, at: number): LeaseView {
  return { ...afterRead(view, record, at), renewedAt: begunAt }
}

/** The known record may be old: another candidate was faster, or the outcome of a call is unknown. `changedAt` stays until the next read. */
export const afterDoubt = (view: LeaseView): LeaseView => ({ ...view, isDoubtful: true })

/** A leader knows its record; a candidate reads it before each attempt. */
export const mustRead = (view: LeaseView): boolean => !view.isLeading || view.isDoubtful

export type LeaseMove =
  | { readonly kind: 'create'; readonly spec: LeaseObject['spec'] }
  /** A renewal, or a takeover with the count of losses in its annotation. */
  | { readonly kind: 'replace'; readonly record: LeaseObject }
  /** Somebody else holds it. */
  | { readonly kind: 'wait' }

/** After this long as leader, a loss starts a new series. Milliseconds. */
const steadyMs = 600_000
const backOffMs = 1_000
/** A longer wait would be cut short by the kubelet. */
const longestBackOffMs = 15_000

/** How many losses in a row came before the present holder. */
const lossesOf = ({ metadata }: LeaseObject): number => Number(metadata.annotations?.[annotations.losses] ?? 0) || 0

/** @param leader the record of a leader that loses it at `now` (epoch milliseconds by the clock that wrote it)
 *  @returns how long that process waits before it exits, so that its successor is no extra load at once. The wait doubles with each loss
 *  in a row, with jitter */
export function waitAfterLoss(leader: LeaseObject | undefined, now: number, random: () => number): number {
  const { acquireTime } = leader?.spec ?? {}
  const isSteady = acquireTime !== undefined && now - Date.parse(acquireTime) >= steadyMs
  const before = leader === undefined || isSteady ? 0 : lossesOf(leader)
  return Math.min(longestBackOffMs, backOffMs * 2 ** Math.min(before, 10)) * (1 + random() * 0.25)
}

/** @returns the count of losses in a row for the next holder */
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
  // an earlier process with our identity ended without releasing it
  if (holder === identity)
    return { kind: 'replace', record: taken(record, { ...held, acquireTime: renewTime, leaseTransitions }) }
  const isOver = !holder || time.monotonic - changedAt >= leaseDurationSeconds * 1000
  if (!isOver) return { kind: 'wait' }
  const spec = { ...held, acquireTime: renewTime, leaseTransitions: leaseTransitions + 1 }
  return { kind: 'replace', record: taken(record, spec) }
}

/** Called after a failed renewal.
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
export const microTime = (epochMs: number): string => new Date(epochMs).toISOString().replace('Z', '000Z')
