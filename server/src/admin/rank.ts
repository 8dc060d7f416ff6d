// Decides which member may do which act on which person. Pure: the caller reads the groups and acts in one transaction.
import { capabilities, deskGroups } from '../settings/admin.ts'
import type { AdminSettings, Capability } from '../settings/admin.ts'
import type { GroupOrigins } from '../store/people/user.ts'

export interface DeskRules {
  /** Sources whose groups make members. */
  readonly groupFrom: readonly string[]
  /** The capabilities of each group of the desk. */
  readonly may: ReadonlyMap<string, ReadonlySet<Capability>>
  /** Groups of administrators and of the desk itself. */
  readonly protectedGroups: ReadonlySet<string>
  /** Groups that members may assign; never one of the desk. */
  readonly assignableGroups: ReadonlySet<string>
}

export function rulesOf(admin: AdminSettings): DeskRules {
  const groups = deskGroups(admin)
  const may = new Map(groups.map((group) => [group, mayOfGroup(admin, group)]))
  return {
    groupFrom: admin.groupFrom,
    may,
    protectedGroups: new Set([...groups, ...admin.protectedGroups]),
    assignableGroups: new Set(admin.assignableGroups.filter((group) => !may.has(group))),
  }
}

function mayOfGroup({ capabilities: rows }: AdminSettings, group: string): ReadonlySet<Capability> {
  const listed = rows.filter((row) => row.group === group).flatMap((row) => row.may)
  return new Set(listed.length === 0 ? capabilities : ['look', ...listed])
}

/** The capabilities of a person at the help desk; empty for others than members. */
export function mayOf(rules: DeskRules, origins: GroupOrigins): ReadonlySet<Capability> {
  const groups = rules.groupFrom.flatMap((source) => origins[source] ?? [])
  return new Set(groups.flatMap((group) => [...(rules.may.get(group) ?? [])]))
}

/** A person whom the desk acts on. */
export interface Ranked {
  readonly id: string
  /** From every source. */
  readonly groups: readonly string[]
  /** Whether their source has just confirmed these groups. */
  readonly isKnown: boolean
}

export const isProtected = (rules: DeskRules, { groups, isKnown }: Omit<Ranked, 'id'>): boolean =>
  !isKnown || groups.some((group) => rules.protectedGroups.has(group))

export interface AskedAct {
  readonly capability: Capability
  /** The group to add or remove. */
  readonly group?: string | undefined
  /** Whoever the person is. */
  readonly takesTwo?: boolean
}

export type DeskVerdict =
  | { readonly kind: 'allowed' }
  /** Another member has to confirm it. */
  | { readonly kind: 'needs-second' }
  | {
      readonly kind: 'refused'
      readonly reason: 'no-member' | 'own-account' | 'no-capability' | 'group-not-assignable'
    }

export interface Acting {
  readonly id: string
  readonly isDisabled: boolean
  readonly origins: GroupOrigins
}

/** Judges whether a member may act on a person: at once, with a second member, or not at all. */
export function judge(rules: DeskRules, member: Acting, person: Ranked, act: AskedAct): DeskVerdict {
  const may = mayOf(rules, member.origins)
  if (member.isDisabled || may.size === 0) return refused('no-member')
  if (member.id === person.id) return refused('own-account')
  if (!may.has(act.capability)) return refused('no-capability')
  if (act.capability === 'groups' && !rules.assignableGroups.has(act.group ?? ''))
    return refused('group-not-assignable')
  const isOfProtected = act.group !== undefined && rules.protectedGroups.has(act.group)
  const isForTwo = act.takesTwo === true || isOfProtected || isProtected(rules, person)
  return { kind: isForTwo ? 'needs-second' : 'allowed' }
}

/** Judges whether a second member may confirm a request. Both must be allowed to request it now. */
export function judgeConfirmation(
  rules: DeskRules,
  by: { readonly asked: Acting; readonly confirms: Acting },
  person: Ranked,
  act: AskedAct,
): DeskVerdict | { readonly kind: 'refused'; readonly reason: 'own-request' } {
  if (by.asked.id === by.confirms.id) return { kind: 'refused', reason: 'own-request' }
  const verdicts = [judge(rules, by.confirms, person, act), judge(rules, by.asked, person, act)]
  return verdicts.find(({ kind }) => kind === 'refused') ?? { kind: 'allowed' }
}

type Refusal = Extract<DeskVerdict, { kind: 'refused' }>
const refused = (reason: Refusal['reason']): Refusal => ({ kind: 'refused', reason })
