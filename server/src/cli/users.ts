// nauthera users: people and their passwords.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createCredentials } from '../store/credentials.ts'
import { createUsers } from '../store/users.ts'
import type { User, Users } from '../store/users.ts'
import { createPasswords } from '../users/passwords.ts'
import { askPassword } from './ask-password.ts'
import type { PasswordOptions } from './ask-password.ts'
import { adminEvent, print, say, withDatabase } from './session.ts'
import type { Opened, Session } from './session.ts'

const columns = ['username', 'email', 'name', 'groups', 'disabled', 'id']
const pageSize = 500

export function addUserCommands(program: Command, session: Session): void {
  const users = program.command('users').description('people and their passwords')

  users
    .command('add')
    .description('add a person')
    .argument('<username>', 'user name, also in any other spelling of case')
    .option('--email <address>', 'e-mail address; people may sign in with it too')
    .option('--email-verified', 'the address is known to be theirs')
    .option('--name <name>', 'name as people write it')
    .option('--locale <tag>', 'language, such as de')
    .option('--group <name...>', 'group to be in; made when it is new; may be repeated')
    .option('--must-change', 'ask for another password at the first sign-in')
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make a password and print it')
    .addHelpText(
      'after',
      `
Examples:
  nauthera users add alice --email alice@example.com --group admins --generate
  printf %s "$PASSWORD" | nauthera users add bob --password-stdin -o json`,
    )
    .action(async (username: string, options: AddOptions) => addUser(session, username, options))

  users
    .command('list')
    .description('list everybody')
    .addHelpText('after', '\nExample:\n  nauthera users list -o json')
    .action(async () =>
      withDatabase(session, async (opened) => {
        print(session, (await listAll(createUsers(opened))).map(rowOf), columns)
      }),
    )

  users
    .command('show')
    .description('show one person')
    .argument('<user>', 'user name or e-mail address')
    .action(async (login: string) => withUser(session, login, async (user) => print(session, [rowOf(user)], columns)))

  users
    .command('set-password')
    .description('set a password; ends every session of the person')
    .argument('<user>', 'user name or e-mail address')
    .option('--must-change', 'ask for another password at the next sign-in')
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make a password and print it')
    .addHelpText('after', '\nExample:\n  nauthera users set-password alice --generate --must-change')
    .action(async (login: string, options: PasswordOptions & { mustChange?: boolean }) =>
      setPassword(session, login, options),
    )

  users
    .command('disable')
    .description('refuse every sign-in; ends sessions and tokens')
    .argument('<user>', 'user name or e-mail address')
    .action(async (login: string) =>
      change(session, login, 'disable', (store, user) =>
        store.setDisabled(user.id, true, [
          adminEvent('users.disable', { userId: user.id }),
          { event: 'account.disabled', outcome: 'success', userId: user.id },
        ]),
      ),
    )

  users
    .command('enable')
    .description('let the person sign in again')
    .argument('<user>', 'user name or e-mail address')
    .action(async (login: string) =>
      change(session, login, 'enable', (store, user) =>
        store.setDisabled(user.id, false, [
          adminEvent('users.enable', { userId: user.id }),
          { event: 'account.enabled', outcome: 'success', userId: user.id },
        ]),
      ),
    )

  users
    .command('revoke-sessions')
    .description('end every session and token of the person')
    .argument('<user>', 'user name or e-mail address')
    .action(async (login: string) =>
      change(session, login, 'revoke-sessions', (store, user) =>
        store.revokeSessions(user.id, [
          adminEvent('users.revoke-sessions', { userId: user.id }),
          { event: 'session.revoked_all', outcome: 'success', userId: user.id },
        ]),
      ),
    )
}

interface AddOptions extends PasswordOptions {
  readonly email?: string
  readonly emailVerified?: boolean
  readonly name?: string
  readonly locale?: string
  readonly group?: string[]
  readonly mustChange?: boolean
}

async function addUser(session: Session, username: string, options: AddOptions): Promise<void> {
  const { password, passwordHash, generated } = await newPassword(session, options, { username, email: options.email })
  const user = await withDatabase(session, (opened) =>
    createUsers(opened).insert(
      {
        username,
        email: options.email,
        emailVerified: options.emailVerified ?? false,
        name: options.name,
        locale: options.locale,
        passwordChangeRequired: options.mustChange ?? false,
        passwordHash,
        groups: options.group ?? [],
      },
      [adminEvent('users.add'), { event: 'account.created', outcome: 'success' }],
    ),
  )
  print(
    session,
    [{ ...rowOf(user), ...(generated ? { password } : {}) }],
    generated ? [...columns, 'password'] : columns,
  )
}

async function setPassword(
  session: Session,
  login: string,
  options: PasswordOptions & { mustChange?: boolean },
): Promise<void> {
  await withUser(session, login, async (user, opened) => {
    const { password, passwordHash, generated } = await newPassword(session, options, user)
    await createCredentials(opened).set(user.id, passwordHash, {
      changeRequired: options.mustChange ?? false,
      audit: [
        adminEvent('users.set-password', { userId: user.id }),
        { event: 'password.changed', outcome: 'success', userId: user.id },
      ],
    })
    if (generated) print(session, [{ username: user.username, password }], ['username', 'password'])
    else say(session, `password of ${user.username} set`)
  })
}

/** @throws CodedError PASSWORD_REFUSED with every rule that it breaks */
async function newPassword(
  session: Session,
  options: PasswordOptions,
  about: { username: string; email?: string | undefined },
): Promise<{ password: string; passwordHash: string; generated: boolean }> {
  const passwords = createPasswords()
  const { password, generated } = await askPassword(session.terminal, options)
  const faults = passwords.checkNew(password.reveal(), about)
  if (faults.length > 0) throw new CodedError('PASSWORD_REFUSED', { faults })
  return { password: password.reveal(), passwordHash: await passwords.hash(password.reveal()), generated }
}

async function change(
  session: Session,
  login: string,
  command: string,
  work: (users: Users, user: User) => Promise<boolean>,
): Promise<void> {
  await withUser(session, login, async (user, opened) => {
    await work(createUsers(opened), user)
    say(session, `${command}: ${user.username}`)
  })
}

/** @throws CodedError USER_UNKNOWN */
async function withUser(
  session: Session,
  login: string,
  work: (user: User, opened: Opened) => Promise<void>,
): Promise<void> {
  await withDatabase(session, async (opened) => work(await findUser(opened, login), opened))
}

/** @throws CodedError USER_UNKNOWN */
export async function findUser(opened: Opened, login: string): Promise<User> {
  const user = await createUsers(opened).findByLogin(login)
  if (user === undefined) throw new CodedError('USER_UNKNOWN', { message: `nobody is called ${login}` })
  return user
}

async function listAll(users: Users): Promise<User[]> {
  const all: User[] = []
  for (;;) {
    const page = await users.list({ afterUsername: all.at(-1)?.username, limit: pageSize })
    all.push(...page)
    if (page.length < pageSize) return all
  }
}

const rowOf = (user: User) => ({
  username: user.username,
  email: user.email,
  emailVerified: user.emailVerified,
  name: user.name,
  groups: user.groups,
  disabled: user.disabled,
  createdAt: user.createdAt,
  id: user.id,
})
