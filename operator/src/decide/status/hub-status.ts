// What the status of a client says in a cluster that has joined another: most of it is the hub's answer.
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { findCondition } from '../../api/conditions.ts'
import type { RotationStep } from '../secret/rotation-terms.ts'
import { present } from '../client/present.ts'
import type { ConditionFinding } from './finding.ts'

/** What the hub of this cluster says of a client. */
export interface HubReport {
  /** The status of its mirror; undefined before there is one. */
  readonly status: OIDCClientStatus | undefined
  /** The mirror is of this generation, and the hub's status is about it. */
  readonly isPresent: boolean
  /** The generation of the client that the hub's `verifiers` are about; undefined before it has said any. */
  readonly verifiersGeneration: number | undefined
  /** Why the hub takes no mirror of it. */
  readonly refusal: { readonly reason: string; readonly message: string } | undefined
  /** Why the hub can be neither believed nor told anything now. */
  readonly fault: { readonly reason: string; readonly message: string } | undefined
  /** The client lists its secrets: nothing is minted here. */
  readonly isListed: boolean
}

/** Here, where the Secret is, these are found out. */
const foundHere: readonly string[] = ['SecretReady', 'RotationHealthy']

/** @returns what the hub says of this condition; `here`: it is found out in this cluster */
export function findingOfHub(
  type: string,
  { status, isPresent, refusal, fault, isListed }: HubReport,
  isNeeded: boolean,
): { readonly kind: 'said'; readonly finding: ConditionFinding | undefined } | { readonly kind: 'here' } {
  const said = (finding: ConditionFinding | undefined) => ({ kind: 'said', finding }) as const
  if (type === 'RedirectsFollowed' || (foundHere.includes(type) && !isListed)) return { kind: 'here' }
  if (refusal && type === 'Accepted') return said({ status: 'False', reason: refusal.reason, message: refusal.message })
  if (refusal) return { kind: 'here' }
  const found = findCondition(status, type)
  if (isPresent && found) return said({ status: found.status, reason: found.reason, message: found.message })
  if (!isNeeded) return said(undefined)
  const message = fault
    ? `the hub has not judged this version: ${fault.message}`
    : 'the hub has not judged this version yet'
  return said({ status: 'Unknown', reason: 'WaitingForHub', message })
}

/** @returns the condition about the hub itself */
export const hubReachable = ({ fault }: Pick<HubReport, 'fault'>): ConditionFinding =>
  fault
    ? { status: 'False', reason: fault.reason, message: fault.message }
    : { status: 'True', reason: 'HubReachable', message: 'the hub answers' }

/** @returns what a rotation waits for while the hub is away; undefined when it waits for nothing */
export function waitsForHub({ kind }: RotationStep, why: string): string | undefined {
  const isWaiting = kind === 'mint' || kind === 'write-shard' || kind === 'await-replicas'
  return isWaiting
    ? `secrets begin and end in the hub: nothing is published or revoked until it answers; ${why}`
    : undefined
}

/** @returns the status with what the hub alone knows */
export function withHub(own: OIDCClientStatus, { status, isListed, verifiersGeneration }: HubReport): OIDCClientStatus {
  // the list is in the mirror: whether servers have it, the hub says
  const { verifiersGeneration: _sent, ...rest } = own
  const rotation = own.effective?.rotation
  const { verifiers, endedVerifiers, rotationLimits } = status ?? {}
  return {
    ...rest,
    ...present({
      revision: status?.revision,
      replicas: status?.replicas,
      breaches: status?.breaches,
      policySummary: status?.policySummary,
      effective: status?.effective && { ...status.effective, ...present({ rotation }) },
      identity: status?.identity,
      refusals: status?.refusals,
    }),
    ...(isListed ? present({ verifiers, verifiersGeneration, endedVerifiers, rotationLimits }) : {}),
  }
}
