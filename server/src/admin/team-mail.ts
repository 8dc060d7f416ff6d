// The mail to the team about a severe act, queued in the same commit.
import { randomUUID } from 'node:crypto'
import { paths } from '@nauthera/rules/endpoints'
import type { Mail } from '../mails.ts'
import type { DeskWork } from '../store/desk.ts'
import type { User } from '../store/people/user.ts'
import { faultsOfOwnName } from '../store/people/user-names.ts'
import { languagesFor } from '../users/notices.ts'
import type { DeskRules } from './rank.ts'

export interface TeamNeeds {
  readonly rules: DeskRules
  /** `members`, or an e-mail address. */
  readonly notify: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

interface ToldAct {
  readonly kind: 'done' | 'asked'
  /** `id` of the act. */
  readonly act: string
  readonly by: User
  readonly person: User
}

/** The user name in the mail, if it is a valid local user name. Otherwise the id: a name from a provider can be any text. */
const nameInMail = ({ id, username }: Pick<User, 'id' | 'username'>): string =>
  faultsOfOwnName(username).length === 0 && /^\S{1,100}$/.test(username) ? username : id

export async function teamMails(
  { rules, notify, now }: TeamNeeds,
  on: Pick<DeskWork, 'membersWithMail'>,
  { kind, act, by, person }: ToldAct,
): Promise<Mail[]> {
  const data = {
    person: nameInMail(person),
    by: nameInMail(by),
    act,
    outcome: kind,
    at: new Date(now()).toISOString(),
    path: `${paths.admin}/people/${person.id}`,
  } as const
  const id = randomUUID()
  const mailTo = (to: string, key: string, languages: readonly string[]): Mail => ({
    template: 'desk-act',
    onceKey: `desk-act:${id}:${key}`,
    to,
    languages,
    data,
  })
  if (notify !== 'members') return [mailTo(notify, 'team', [])]
  const members = await on.membersWithMail([...rules.may.keys()], rules.groupFrom)
  return members.flatMap((one) => (one.email === undefined ? [] : [mailTo(one.email, one.id, languagesFor(one, []))]))
}
