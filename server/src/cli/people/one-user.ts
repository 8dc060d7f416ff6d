// Finds the person that a command names.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createUsers } from '../../store/people/users.ts'
import type { User } from '../../store/people/user.ts'
import { withDatabase } from '../terminal/session.ts'
import type { Opened, CommandSession } from '../terminal/session.ts'

export const columns = ['username', 'email', 'name', 'groups', 'disabled', 'source', 'id']

export const onePerson = (users: Command, name: string, description: string): Command =>
  users.command(name).description(description).argument('<user>', 'user name or e-mail address')

/** @throws CodedError USER_UNKNOWN */
export async function withUser(
  session: CommandSession,
  login: string,
  work: (user: User, opened: Opened) => Promise<void>,
): Promise<void> {
  await withDatabase(session, async (opened) => work(await findUser(opened, login), opened))
}

/** @throws CodedError USER_UNKNOWN */
export async function findUser(opened: Opened, login: string): Promise<User> {
  const user = await createUsers(opened).findByLogin(login)
  if (user === undefined) throw unknownUser(login)
  return user
}

export const unknownUser = (login: string): CodedError =>
  new CodedError('USER_UNKNOWN', { message: `no account has the name or e-mail address ${login}` })

export const rowOf = (user: User) => ({
  username: user.username,
  email: user.email,
  emailVerified: user.emailVerified,
  name: user.name,
  groups: user.groups,
  disabled: user.disabled,
  source: user.source,
  createdAt: user.createdAt,
  id: user.id,
})
