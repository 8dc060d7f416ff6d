// Decides when a rotation is due, and when it is late.
import { lastRotatedOf, observedOf } from './rotation-terms.ts'
import type { RotationInput, RotationPlan, StoredVerifier } from './rotation-terms.ts'
import { windowAt } from '../client/schedule.ts'

/** A longer propagation is reported. Nothing is published meanwhile. */
export const laggingAfterMs = 5 * 60_000

/** How long a first secret waits without any replica: one may be starting. */
export const noReplicaWaitMs = 60_000

/** How much older than its interval a secret may be while it waits for its turn, and how much younger one may be that is replaced when a
 *  window opens: this share of the interval. */
const tolerance = 0.1

export interface Scheduled {
  /** When the interval is over. */
  readonly dueAt: number
  /** When it may begin at the earliest, turns aside: a window may open a little before `dueAt`. */
  readonly allowedAt: number
  /** When the rotation may begin: in this window or the next one, and when its turn has come. */
  readonly beginsAt: number
  readonly isOpen: boolean
  /** When the first window ends in which it could begin; undefined without windows. */
  readonly closesAt: number | undefined
}

export function scheduleOf(input: RotationInput): Scheduled | undefined {
  const { rotation, now, notBefore = 0 } = input
  const last = lastRotatedOf(input)
  const isDated = input.source.kind === 'minted' || input.source.kind === 'listed'
  if (rotation.intervalMs === undefined || last === undefined || !isDated) return undefined
  const dueAt = last + rotation.intervalMs
  const first = rotation.window && windowAt(rotation.window, dueAt)
  const allowedAt = first ? beginsIn(first, dueAt, rotation.intervalMs) : dueAt
  const earliest = Math.max(allowedAt, notBefore)
  const next = first && rotation.window && windowAt(rotation.window, Math.max(now, earliest))
  const beginsAt = Math.max(next?.opens ?? earliest, earliest)
  return { dueAt, allowedAt, beginsAt, isOpen: now >= beginsAt, closesAt: first?.closes }
}

/** A secret is dated by its publication, some time after its window opened. If each rotation waited for the whole interval, it would begin
 *  a little later each time, and at last miss its window. */
function beginsIn(window: { readonly opens: number }, dueAt: number, intervalMs: number): number {
  const isSoon = dueAt - window.opens <= intervalMs * tolerance
  return isSoon ? window.opens : dueAt
}

/** @returns whether people ask for a rotation that is not done yet */
export function isAsked(input: RotationInput): boolean {
  const observed = observedOf(input)
  const { trigger, annotation } = input.rotation
  return (
    (trigger !== undefined && trigger !== observed.trigger) ||
    (annotation !== undefined && annotation !== observed.annotation)
  )
}

/** @param hasBegun its secret is minted: then it waits neither for a window nor for its turn
 *  @returns whether the next secret is wanted now */
export function isRotationDue(
  input: RotationInput,
  published: StoredVerifier,
  schedule: Scheduled | undefined,
  hasBegun: boolean,
): boolean {
  if (input.source.kind === 'existing')
    return input.source.secret !== undefined && input.source.secret.id !== published.id
  if (isAsked(input)) return true
  return schedule !== undefined && (hasBegun ? input.now >= schedule.allowedAt : schedule.isOpen)
}

/** From when on the secret is too old, epoch milliseconds: its age and the windows decide, not what is planned. */
function lateTimes(
  { rotation }: RotationInput,
  { dueAt, allowedAt }: Scheduled,
): {
  readonly usual: number
  readonly inTurn: number
} {
  const usual = Math.max(dueAt, allowedAt) + laggingAfterMs
  return { usual, inTurn: Math.max(usual, dueAt + (rotation.intervalMs ?? 0) * tolerance) }
}

/** @returns the times at which `overdue` may say something else */
export function timesOfAge(input: RotationInput, schedule: Scheduled | undefined): readonly number[] {
  if (!schedule) return []
  const { usual, inTurn } = lateTimes(input, schedule)
  return [usual, ...(isInTurn(input) ? [inTurn] : []), ...(schedule.closesAt === undefined ? [] : [schedule.closesAt])]
}

const isInTurn = ({ notBefore = 0, now }: RotationInput): boolean => notBefore > now

/** @param why what holds it up
 *  @returns what there is to say of a secret that is older than it should be */
export function overdue(
  input: RotationInput,
  schedule: Scheduled | undefined,
  why: string,
): RotationPlan['health'] | undefined {
  if (!schedule) return undefined
  const { now } = input
  const { usual, inTurn } = lateTimes(input, schedule)
  if (now < (isInTurn(input) ? inTurn : usual)) return undefined
  const due = `due since ${text(schedule.dueAt)}`
  if (schedule.closesAt !== undefined && now >= schedule.closesAt && !schedule.isOpen) {
    const message = `${due}; begins in the window at ${text(schedule.beginsAt)}`
    return { ok: false, reason: 'WindowMissed', message }
  }
  return { ok: false, reason: 'Overdue', message: `${due}; ${why}` }
}

/** @returns what a rotation by schedule waits for while others have their turn */
export const waitsForTurn = (input: RotationInput): string | undefined =>
  isInTurn(input)
    ? `clients take turns (rotation.minSpacing of a policy); this one rotates at about ${text(input.notBefore ?? 0)}`
    : undefined

const text = (time: number): string => new Date(time).toISOString()
