// Carries out an act, asks a second member, or refuses. It reads groups in the transaction of the act, so that no change comes in between.
import { auditedRequest } from '../oidc/request-context.ts'
import type { PageRequest } from '../reply.ts'
import type { AuditEvent } from '../store/audit/audit-event.ts'
import type { Desk, DeskRequest, DeskWork, LockedPerson } from '../store/desk.ts'
import type { Store } from '../store/store.ts'
import type { User } from '../store/people/user.ts'
import { createLinkMails } from '../users/links/link-mails.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import type { Act } from './acts.ts'
import { teamMails } from './team-mail.ts'
import type { TeamNeeds } from './team-mail.ts'
import type { PersonState } from './person-state.ts'
import { isProtected, judge, judgeConfirmation } from './rank.ts'
import type { Acting, AskedAct, DeskRules, Ranked, DeskVerdict } from './rank.ts'

export interface CarryOutNeeds extends TeamNeeds {
  readonly rules: DeskRules
  readonly limits: DeskLimits
  /** Ids of directory sources: their groups are not in the database. */
  readonly directories: readonly string[]
  readonly store: { readonly desk: Desk; readonly audit: Pick<Store['audit'], 'record'> }
  readonly canChangePassword: UserSources['canChangePassword']
  readonly sendsMail: boolean
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Limits of each member in an hour. */
export interface DeskLimits {
  /** All acts, with severe ones and invitations. */
  readonly actsPerHour: number
  readonly severeActsPerHour: number
}

export interface AskedOfDesk {
  readonly act: Act
  /** What the act is about; '' when there is only one. */
  readonly about: string
  readonly member: User
  readonly state: PersonState
  readonly request: PageRequest
  /** The request of another member that this confirms. */
  readonly confirms?: { readonly request: DeskRequest; readonly askedBy: User } | undefined
}

export type DeskOutcome =
  | { readonly kind: 'done' | 'asked' | 'asked-before' | 'nothing' }
  | { readonly kind: 'refused'; readonly reason: DeskRefusal }
export type DeskRefusal =
  Extract<ReturnType<typeof judgeConfirmation>, { kind: 'refused' }>['reason'] | 'too-often' | 'request-gone'

export async function carryOutAct(needs: CarryOutNeeds, asked: AskedOfDesk): Promise<DeskOutcome> {
  const { member, state, confirms } = asked
  const concerned = [member.id, state.user.id, ...(confirms === undefined ? [] : [confirms.askedBy.id])]
  const outcome = await needs.store.desk.withPeople(concerned, (on) => decideAndAct(needs, asked, on))
  if (outcome.kind === 'refused') needs.store.audit.record(refusalOf(asked, outcome.reason))
  return outcome
}

/** The decision as it would be now, for the page. The act decides again. */
export const foresee = (rules: DeskRules, member: User, state: PersonState, act: Act, about: string): DeskVerdict =>
  judge(
    rules,
    { id: member.id, isDisabled: false, origins: member.groupOrigins },
    rankOf(state),
    actOf(act, about, state),
  )

export const rankOf = ({ user, sourceSays }: PersonState, locked?: LockedPerson): Ranked => ({
  id: user.id,
  groups: [...user.groups, ...(locked?.user.groups ?? []), ...(locked?.saidGroups ?? [])],
  isKnown: sourceSays === 'known',
})

const actOf = ({ capability, about: kind, ...act }: Act, about: string, state: PersonState): AskedAct => ({
  capability,
  group: kind === 'group' ? about : undefined,
  takesTwo: act.takesTwo?.(state) ?? false,
})

async function decideAndAct(needs: CarryOutNeeds, asked: AskedOfDesk, on: DeskWork): Promise<DeskOutcome> {
  const { act, about, member, state, confirms } = asked
  const { rules } = needs
  const locked = on.people.get(state.user.id)
  // two members at once carry it out once
  if (locked === undefined) return { kind: 'nothing' }
  const now = stateNow(state, locked, needs.directories)
  if (!act.isOffered(now, about)) return { kind: 'nothing' }
  const askedAct = actOf(act, about, now)
  const person = rankOf(state, locked)
  const acting = (user: User) => actingAs(user, on.people.get(user.id), needs.directories)
  const verdict = confirms
    ? judgeConfirmation(rules, { asked: acting(confirms.askedBy), confirms: acting(member) }, person, askedAct)
    : judge(rules, acting(member), person, askedAct)
  if (verdict.kind === 'refused') return verdict
  if (!(await on.countAct(member.id, 'any', needs.limits.actsPerHour))) return refused('too-often')
  const isSevere =
    act.isSevere || verdict.kind === 'needs-second' || confirms !== undefined || isProtected(rules, person)
  if (isSevere && !(await on.countAct(member.id, 'severe', needs.limits.severeActsPerHour))) return refused('too-often')
  // last: a refusal also commits, and another member's request stays
  if (confirms !== undefined && !(await on.consume(confirms.request.id))) return refused('request-gone')
  const kind = verdict.kind === 'needs-second' ? await askSecond(asked, on) : await actOn(needs, asked, on)
  if (isSevere && (kind === 'done' || kind === 'asked'))
    await on.queue(await teamMails(needs, on, { kind, act: act.id, by: member, person: state.user }))
  return { kind }
}

const refused = (reason: DeskRefusal): DeskOutcome => ({ kind: 'refused', reason })

async function askSecond(asked: AskedOfDesk, on: DeskWork): Promise<'asked' | 'asked-before'> {
  const { act, about, member, state } = asked
  const event = deskEvent(`ask.${act.id}`, asked)
  const isNew = await on.request({ act: act.id, about, userId: state.user.id, askedBy: member.id }, event)
  return isNew ? 'asked' : 'asked-before'
}

async function actOn(needs: CarryOutNeeds, asked: AskedOfDesk, on: DeskWork): Promise<'done' | 'nothing'> {
  const { act, about, member, state, request, confirms } = asked
  const { canChangePassword, sendsMail, now } = needs
  const linkMails = sendsMail ? createLinkMails({ mailLinks: on.mailLinks, canChangePassword }) : undefined
  const detail = { by: member.id, ...detailOf(asked), ...(confirms && { askedBy: confirms.askedBy.id }) }
  const fields = { outcome: 'success', userId: state.user.id, ...auditedRequest(request), detail } as const
  const done = act.events.map((event): AuditEvent => ({ event, ...fields }))
  const audit = [deskEvent(act.id, asked), ...done]
  return (await act.carryOut({ store: on, now, linkMails }, { state, about, audit, isByTwo: confirms !== undefined }))
    ? 'done'
    : 'nothing'
}

/** Groups of a directory as just read; our own groups from the locked row. */
function actingAs(user: User, locked: LockedPerson | undefined, directories: readonly string[]): Acting {
  const isOfDirectory = directories.includes(user.source)
  return {
    id: user.id,
    isDisabled: locked === undefined || locked.user.disabled || (isOfDirectory && user.disabled),
    origins: isOfDirectory ? user.groupOrigins : (locked?.user.groupOrigins ?? {}),
  }
}

function stateNow(state: PersonState, { user }: LockedPerson, directories: readonly string[]): PersonState {
  const { disabled, groupOrigins, enablingTakesTwo } = user
  const ofRecord = directories.includes(state.user.source) ? {} : { disabled, groupOrigins }
  return { ...state, user: { ...state.user, ...ofRecord, enablingTakesTwo } }
}

type About = Partial<Omit<AskedOfDesk, 'state'>> &
  Pick<AskedOfDesk, 'member' | 'request'> & { state: Pick<PersonState, 'user'> }

/** The audit event of the member; the person is in `detail`. */
export const deskEvent = (name: string, asked: About): AuditEvent => ({
  event: `admin.desk.${name}`,
  outcome: 'success',
  userId: asked.member.id,
  ...auditedRequest(asked.request),
  detail: {
    person: asked.state.user.id,
    username: asked.state.user.username,
    ...detailOf(asked),
    ...(asked.confirms && { askedBy: asked.confirms.askedBy.id }),
  },
})

const detailOf = ({ act, about }: About): Record<string, string> =>
  act?.about === undefined || about === undefined ? {} : { [act.about]: about }

const refusalOf = (asked: AskedOfDesk, reason: DeskRefusal): AuditEvent => ({
  ...deskEvent(asked.act.id, asked),
  outcome: 'failure',
  reason,
})
