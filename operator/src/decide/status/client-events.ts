// Derives the events of a client from two statuses.
import { refusalKinds } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { mostPrevious } from './ending-secrets.ts'
import { tellsRefusal } from './refusals.ts'
import type { Condition, OIDCClientStatus } from '../../api/client-status.ts'
import { findCondition, isTrue } from '../../api/conditions.ts'
import type { Judgement } from '../access/judgement.ts'

export interface ClientEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason:
    | 'ClientAccepted'
    | 'SecretCreated'
    | 'ClientRestored'
    | 'SecretListed'
    | 'SecretRotated'
    | 'PreviousSecretRetired'
    | 'InvalidSpec'
    | 'TooLarge'
    | 'ClientIDConflict'
    | 'ServerRejected'
    | 'PolicyViolation'
    | 'AudiencesGranted'
    | 'RequestRefused'
    /** A condition that has no event of its own is False: the reason of the condition. */
    | (string & {})
  readonly message: string
}

/** Conditions with events of their own, or that only sum up others. */
const toldApart: readonly string[] = ['Accepted', 'PolicyCompliant', 'Propagated', 'Ready']
/** Reasons without an event: they follow from another condition or last a moment. */
const noNews: readonly string[] = ['NotServed', 'WaitingForReplicas']

/** @param judgement its client has the status as it was before
 *  @param status as it is now
 *  @param announced refusals of which an event may tell */
export function eventsOf(
  { client, violations }: Judgement,
  status: OIDCClientStatus,
  announced: readonly RefusalCode[] = [],
): readonly ClientEvent[] {
  const events: ClientEvent[] = []
  const before = client.status
  const turned = (type: string): Condition | undefined => {
    const [was, is] = [before, status].map((one) => findCondition(one, type))
    // the same refusal for another reason is an event too
    return is &&
      (is.status !== was?.status || (is.status === 'False' && (is.reason !== was.reason || is.message !== was.message)))
      ? is
      : undefined
  }
  if (stands(status) && !stands(before))
    events.push({ type: 'Normal', reason: 'ClientAccepted', message: `accepted; its client id is ${status.clientId}` })
  const acceptance = turned('Accepted')
  if (acceptance?.status === 'False') {
    const { reason: why } = acceptance
    const reason = why === 'ClientIDConflict' || why === 'TooLarge' ? why : 'InvalidSpec'
    events.push({ type: 'Warning', reason, message: acceptance.message })
  }
  const policy = turned('PolicyCompliant')
  if (policy?.status === 'False' || (policy?.reason === 'Warning' && violations.length > 0)) {
    events.push({ type: 'Warning', reason: 'PolicyViolation', message: policy.message })
  }
  const access = turned('AudiencesGranted')
  // for a client that was allowed from the start there is ClientAccepted
  if (access?.reason === 'Granted' && findCondition(before, 'AudiencesGranted')?.status === 'False') {
    events.push({ type: 'Normal', reason: 'AudiencesGranted', message: access.message })
  }
  const propagation = turned('Propagated')
  if (propagation?.reason === 'RejectedByServer')
    events.push({ type: 'Warning', reason: 'ServerRejected', message: propagation.message })
  for (const { type } of status.conditions ?? []) {
    const condition = toldApart.includes(type) ? undefined : turned(type)
    if (condition?.status === 'False' && !noNews.includes(condition.reason))
      events.push({ type: 'Warning', reason: condition.reason, message: condition.message })
  }
  events.push(...secretEvents(before, status), ...listedEvents(before, status))
  for (const code of announced)
    if (
      tellsRefusal(status.refusals, { code, by: 'Client' }) &&
      !tellsRefusal(before?.refusals, { code, by: 'Client' })
    )
      events.push({ type: 'Warning', reason: 'RequestRefused', message: `${code}: ${refusalKinds[code].meaning}` })
  return events
}

/** Accepted by its spec and its policies. */
function stands(status: OIDCClientStatus | undefined): boolean {
  return isTrue(status, 'Accepted') && isTrue(status, 'PolicyCompliant')
}

function secretEvents(
  { secret: before, restoredFrom: was }: OIDCClientStatus = {},
  status: OIDCClientStatus,
): readonly ClientEvent[] {
  const { secret: after, restoredFrom, verifiers = [] } = status
  const events: ClientEvent[] = []
  if (restoredFrom !== undefined && restoredFrom !== was) {
    // a hub knows a client of a joined cluster by its uid, and has no proof of what that was before
    const what = findCondition(status, 'HubReachable')
      ? 'its secrets stay; people are asked for consent again'
      : 'its secrets and the consents of people stay'
    const message = `goes on as the OIDCClient with the uid ${restoredFrom}: ${what}`
    events.push({ type: 'Normal', reason: 'ClientRestored', message })
  }
  if (after?.activeId !== undefined && after.activeId !== before?.activeId) {
    events.push(
      before?.activeId === undefined
        ? { type: 'Normal', reason: 'SecretCreated', message: `Secret ${after.name} holds secret ${after.activeId}` }
        : {
            type: 'Normal',
            reason: 'SecretRotated',
            message: `Secret ${after.name} holds secret ${after.activeId} in place of ${before.activeId}`,
          },
    )
  }
  const left = new Set([after?.activeId, ...[...(after?.previous ?? []), ...verifiers].map(({ id }) => id)])
  // one that every server refuses by then never becomes a previous one
  const replaced = before?.activeId === undefined ? [] : [before.activeId]
  for (const id of [...replaced, ...(before?.previous ?? []).map(({ id }) => id)]) {
    if (!left.has(id) && !mayLack(after)) {
      events.push({ type: 'Normal', reason: 'PreviousSecretRetired', message: `secret ${id} is no longer valid` })
    }
  }
  return events
}

/** Whether a secret that the status does not name may be valid: there is no room for all. */
const mayLack = (secret: OIDCClientStatus['secret']): boolean => (secret?.previous ?? []).length >= mostPrevious

/** Of secrets that the client lists; the end of an older one is told above. */
function listedEvents(before: OIDCClientStatus | undefined, after: OIDCClientStatus): readonly ClientEvent[] {
  const known = new Set((before?.verifiers ?? []).map(({ id }) => id))
  const { activeId, previous = [] } = before?.secret ?? {}
  const told = new Set([activeId, ...(before?.endedVerifiers ?? []), ...previous.map(({ id }) => id)])
  // a server may still accept it: its end is told when it leaves these
  const ending = new Set((after.secret?.previous ?? []).map(({ id }) => id))
  const isNew = ({ id }: { readonly id: string }) => !known.has(id)
  return [
    ...(after.verifiers ?? []).filter(isNew).map(({ id }): ClientEvent => {
      return { type: 'Normal', reason: 'SecretListed', message: `spec.secret.verifiers lists secret ${id}` }
    }),
    ...(after.endedVerifiers ?? [])
      .filter((id) => !told.has(id) && !ending.has(id) && !mayLack(after.secret))
      .map((id): ClientEvent => {
        return { type: 'Normal', reason: 'PreviousSecretRetired', message: `secret ${id} is no longer valid` }
      }),
  ]
}
