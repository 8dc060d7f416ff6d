import { auditedRequest } from '../oidc/request-context.ts'
import type { PageRequest } from '../reply.ts'
import type { AuditEvent } from '../store/audit/audit.ts'
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
import type { Acting, DeskRules, Ranked, DeskVerdict } from './rank.ts'

// Carries an act out, asks a second member for it, or refuses it. What decides is read in the transaction that acts: nobody becomes an
// administrator, and no member leaves, in between.

export interface CarryOutNeeds extends TeamNeeds {
  readonly rules: DeskRules
  readonly limits: DeskLimits
  /** Ids of the sources that are directories: the database does not know their groups. */
  readonly directories: readonly string[]
  readonly store: { readonly desk: Desk; readonly audit: Pick<Store['audit'], 'record'> }
  readonly canChangePassword: UserSources['canChangePassword']
  readonly sendsMail: boolean
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Of each member, in an hour. */
export interface DeskLimits {
  /** Severe ones and invitations among them. */
  readonly actsPerHour: number
  readonly severeActsPerHour: number
}

export interface AskedOfDesk {
  readonly act: Act
  /** Which one of the person's; '' where there is only one. */
  readonly about: string
  readonly member: User
  readonly state: PersonState
  readonly request: PageRequest
  /** What another member has asked for. */
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

/** As it would be decided now, to show it; what counts is decided with the act. */
export const foresee = (rules: DeskRules, member: User, state: PersonState, act: Act, about: string): DeskVerdict =>
  judge(rules, { id: member.id, isDisabled: false, origins: member.groupOrigins }, rankOf(state), actOf(act, about))

export const rankOf = ({ user, sourceSays }: PersonState, locked?: LockedPerson): Ranked => ({
  id: user.id,
  groups: [...user.groups, ...(locked?.user.groups ?? []), ...(locked?.saidGroups ?? [])],
  isKnown: sourceSays === 'known',
})

const actOf = ({ capability, about: kind }: Act, about: string) => ({
  capability,
  group: kind === 'group' ? about : undefined,
})

async function decideAndAct(needs: CarryOutNeeds, asked: AskedOfDesk, on: DeskWork): Promise<DeskOutcome> {
  const { act, about, member, state, confirms } = asked
  const { rules } = needs
  const locked = on.people.get(state.user.id)
  // two members who press at once do it once
  if (locked === undefined || !act.isOffered(stateNow(state, locked, needs.directories), about))
    return { kind: 'nothing' }
  const person = rankOf(state, locked)
  const acting = (user: User) => actingAs(user, on.people.get(user.id), needs.directories)
  const verdict = confirms
    ? judgeConfirmation(rules, { asked: acting(confirms.askedBy), confirms: acting(member) }, person, actOf(act, about))
    : judge(rules, acting(member), person, actOf(act, about))
  if (verdict.kind === 'refused') return verdict
  if (!(await on.countAct(member.id, 'any', needs.limits.actsPerHour))) return refused('too-often')
  const isSevere =
    act.isSevere || verdict.kind === 'needs-second' || confirms !== undefined || isProtected(rules, person)
  if (isSevere && !(await on.countAct(member.id, 'severe', needs.limits.severeActsPerHour))) return refused('too-often')
  // last: a refusal commits too, and the request of another member stays
  if (confirms !== undefined && !(await on.consume(confirms.request.id))) return refused('request-gone')
  const kind = verdict.kind === 'needs-second' ? await askSecond(asked, on) : await actOn(needs, asked, on)
  if (isSevere && (kind === 'done' || kind === 'asked')) await on.queue(await teamMails(needs, on, { ...asked, kind }))
  return { kind }
}

const refused = (reason: DeskRefusal): DeskOutcome => ({ kind: 'refused', reason })

async function askSecond(asked: AskedOfDesk, on: DeskWork): Promise<'asked' | 'asked-before'> {
  const { act, about, member, state } = asked
  const event = deskEvent(`ask.${act.id}`, asked)
  const isNew = await on.ask({ act: act.id, about, userId: state.user.id, askedBy: member.id }, event)
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
  return (await act.carryOut({ store: on, now, linkMails }, { state, about, audit })) ? 'done' : 'nothing'
}

/** In a directory's words as they were just read; in ours as they are now. */
function actingAs(user: User, locked: LockedPerson | undefined, directories: readonly string[]): Acting {
  const isOfDirectory = directories.includes(user.source)
  return {
    id: user.id,
    isDisabled: locked === undefined || locked.user.disabled || (isOfDirectory && user.disabled),
    origins: isOfDirectory ? user.groupOrigins : (locked?.user.groupOrigins ?? {}),
  }
}

const stateNow = (state: PersonState, { user }: LockedPerson, directories: readonly string[]): PersonState =>
  directories.includes(state.user.source)
    ? state
    : { ...state, user: { ...state.user, disabled: user.disabled, groupOrigins: user.groupOrigins } }

type About = Partial<Omit<AskedOfDesk, 'state'>> &
  Pick<AskedOfDesk, 'member' | 'request'> & { state: Pick<PersonState, 'user'> }

/** The event of the member; the person stands in the detail. */
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
