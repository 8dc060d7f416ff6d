// Decides when a rotation is due.
import { lastRotatedOf, observedOf } from './rotation-terms.ts'
import type { RotationInput, RotationPlan, StoredVerifier } from './rotation-terms.ts'
import { windowAt } from '../client/schedule.ts'

/** A longer propagation is reported. Nothing is published meanwhile. */
export const laggingAfterMs = 5 * 60_000

/** How long a first secret waits without any replica: one may be starting. */
export const noReplicaWaitMs = 60_000

export interface Scheduled {
  /** When the interval is over. */
  readonly dueAt: number
  /** When the rotation may begin: in the next window, or after minSpacing. */
  readonly beginsAt: number
  readonly isOpen: boolean
  /** A window has passed since dueAt. */
  readonly missed: boolean
}

export function scheduleOf(input: RotationInput): Scheduled | undefined {
  const { rotation, now } = input
  const last = lastRotatedOf(input)
  const isDated = input.source.kind === 'minted' || input.source.kind === 'listed'
  if (rotation.intervalMs === undefined || last === undefined || !isDated) return undefined
  const dueAt = last + rotation.intervalMs
  const earliest = Math.max(dueAt, input.notBefore ?? 0)
  if (!rotation.window) return { dueAt, beginsAt: earliest, isOpen: now >= earliest, missed: false }
  const first = windowAt(rotation.window, earliest)
  const next = windowAt(rotation.window, Math.max(now, earliest))
  if (!first || !next) return { dueAt, beginsAt: earliest, isOpen: now >= earliest, missed: false }
  const beginsAt = Math.max(next.opens, earliest)
  return { dueAt, beginsAt, isOpen: now >= beginsAt, missed: now >= first.closes }
}

/** @param inFlight whether its secret is already in the shard: then a closed window does not stop it
 *  @returns whether the next secret is wanted now */
export function isRotationDue(
  input: RotationInput,
  published: StoredVerifier,
  schedule: Scheduled | undefined,
  inFlight: boolean,
): boolean {
  if (input.source.kind === 'existing')
    return input.source.secret !== undefined && input.source.secret.id !== published.id
  const observed = observedOf(input)
  const { trigger, annotation } = input.rotation
  if (trigger !== undefined && trigger !== observed.trigger) return true
  if (annotation !== undefined && annotation !== observed.annotation) return true
  // a window limits when a rotation begins, not when it continues
  return schedule !== undefined && (inFlight ? input.now >= schedule.dueAt : schedule.isOpen)
}

export function overdue(
  input: RotationInput,
  schedule: Scheduled | undefined,
  why: string,
): RotationPlan['health'] | undefined {
  if (!schedule || input.now < schedule.beginsAt + laggingAfterMs) return undefined
  if (schedule.missed && !schedule.isOpen) {
    return {
      ok: false,
      reason: 'WindowMissed',
      message: `due since ${text(schedule.dueAt)}; begins in the window at ${text(schedule.beginsAt)}`,
    }
  }
  return { ok: false, reason: 'Overdue', message: `due since ${text(schedule.dueAt)}; ${why}` }
}

const text = (time: number): string => new Date(time).toISOString()
