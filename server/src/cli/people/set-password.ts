// nauthera users set-password, and the check of new passwords in commands.
import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createCredentials } from '../../store/people/credentials.ts'
import { ownSource } from '../../store/people/user.ts'
import type { User } from '../../store/people/user.ts'
import { passwordChangedMail } from '../../users/notices.ts'
import { createPasswords } from '../../users/passwords/passwords.ts'
import { promptPassword } from './ask-password.ts'
import type { PasswordOptions } from './ask-password.ts'
import { adminEvent, print, printHint } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { onePerson, withUser } from './one-user.ts'

interface SetOptions extends PasswordOptions {
  readonly mustChange?: boolean
}

export function addSetPassword(users: Command, session: CommandSession): void {
  const command = onePerson(
    users,
    'set-password',
    'set a password, lift a lock, and end every session of the person',
  ).option('--must-change', 'the person must choose a new password at the next sign-in')
  addPasswordOptions(command)
    .addHelpText('after', '\nExample:\n  nauthera users set-password alice --generate --must-change')
    .action(async (login: string, options: SetOptions) => setPassword(session, login, options))
}

export const addPasswordOptions = (command: Command): Command =>
  command
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'generate a password and print it')

async function setPassword(session: CommandSession, login: string, options: SetOptions): Promise<void> {
  await withUser(session, login, async (user, opened) => {
    if (user.source !== ownSource) throw passwordElsewhere(user)
    const { password, passwordHash, generated } = await newPassword(session, options, user)
    await createCredentials(opened).set(user.id, passwordHash, {
      changeRequired: options.mustChange ?? false,
      mail: passwordChangedMail(user, { key: randomUUID(), at: new Date() }),
      audit: [
        adminEvent('users.set-password', { userId: user.id }),
        { event: 'password.changed', outcome: 'success', userId: user.id },
      ],
    })
    if (generated) print(session, [{ username: user.username, password }], ['username', 'password'])
    else printHint(session, `the password of ${user.username} is set`)
  })
}

const passwordElsewhere = ({ username, source }: User): CodedError =>
  new CodedError('USER_OF_OTHER_SOURCE', {
    message: `${username} signs in with the password of ${source}; set it there`,
  })

/** @throws CodedError PASSWORD_REFUSED with each rule that the password breaks */
export async function newPassword(
  session: CommandSession,
  options: PasswordOptions,
  about: { username: string; email?: string | undefined },
): Promise<{ password: string; passwordHash: string; generated: boolean }> {
  const passwords = createPasswords()
  const { password, generated } = await promptPassword(session.terminal, options)
  const faults = passwords.checkNew(password.reveal(), about)
  if (faults.length > 0) throw new CodedError('PASSWORD_REFUSED', { faults })
  return { password: password.reveal(), passwordHash: await passwords.hash(password.reveal()), generated }
}
