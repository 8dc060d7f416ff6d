// nauthera users add, nauthera users edit.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createUsers } from '../../store/people/users.ts'
import type { Profile } from '../../store/people/user.ts'
import { addressMovedMail } from '../../users/factors/notice.ts'
import { profileClaimNames, withProfileClaims } from '../../users/profile-claims.ts'
import type { PasswordOptions } from './ask-password.ts'
import { adminEvent, print, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { columns, onePerson, withUser, unknownUser, rowOf } from './one-user.ts'
import { addPasswordOptions, newPassword } from './set-password.ts'

const claimHelp = 'a further fact about the person, by its standard name, such as given_name=Ada; several after a space'

interface AddOptions extends PasswordOptions {
  readonly email?: string
  readonly emailVerified?: boolean
  readonly name?: string
  readonly locale?: string
  readonly group?: string[]
  readonly mustChange?: boolean
  /** False with `--no-password`. */
  readonly password?: boolean
  readonly claim?: string[]
}

interface EditOptions {
  readonly email?: string
  readonly emailVerified?: boolean
  readonly name?: string
  readonly locale?: string
  readonly claim?: string[]
  readonly keepSessions?: boolean
}

export function addAdd(users: Command, session: CommandSession): void {
  const command = users
    .command('add')
    .description('add a person')
    .argument('<username>', 'user name; upper and lower case are the same')
    .option('--email <address>', 'e-mail address; the person can sign in with it too')
    .option('--email-verified', 'the e-mail address has been verified')
    .option('--name <name>', 'full name')
    .option('--locale <tag>', 'language, such as de')
    .option('--group <name...>', 'groups to add the person to; new groups are created')
    .option('--must-change', 'the person must choose a new password at the first sign-in')
    .option(
      '--no-password',
      'no password: the person comes in by a link ("nauthera login-link", or by mail), and later by a passkey',
    )
    .option('--claim <name=value...>', claimHelp)
  addPasswordOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  nauthera users add alice --email alice@example.com --group admins --generate
  nauthera users add root --group admins --no-password && nauthera login-link root
  nauthera users add carol --generate --claim given_name=Carol phone_number=+4930123456 address.country=DE
  printf %s "$PASSWORD" | nauthera users add bob --password-stdin -o json`,
    )
    .action(async (username: string, options: AddOptions) => addUser(session, username, options))
}

export function addEdit(users: Command, session: CommandSession): void {
  onePerson(users, 'edit', 'change what is known of a person; what you leave out stays')
    .option('--email <address>', 'e-mail address; a new one counts as not verified')
    .option('--email-verified', 'the e-mail address has been verified')
    .option('--no-email-verified', 'the e-mail address has not been verified')
    .option('--name <name>', 'full name')
    .option('--locale <tag>', 'language, such as de')
    .option('--claim <name=value...>', `${claimHelp}; an empty value removes it`)
    .option('--keep-sessions', 'with --email: the person stays signed in; else a new address ends every session')
    .addHelpText(
      'after',
      `
Claims: ${profileClaimNames.join(', ')}

Examples:
  nauthera users edit alice --claim given_name=Alice family_name=Example zoneinfo=Europe/London
  nauthera users edit alice --claim phone_number=+442071234567 phone_number_verified=true
  nauthera users edit alice --claim website=`,
    )
    .action(async (login: string, options: EditOptions) => editUser(session, login, options))
}

async function addUser(session: CommandSession, username: string, options: AddOptions): Promise<void> {
  const profile = withProfileClaims({}, options.claim ?? [])
  const about = { username, email: options.email }
  const { password, passwordHash, generated } =
    options.password === false ? withoutPassword(options) : await newPassword(session, options, about)
  const user = await withDatabase(session, (opened) =>
    createUsers(opened).insert(
      {
        username,
        email: options.email,
        emailVerified: options.emailVerified ?? false,
        name: options.name,
        locale: options.locale,
        profile,
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

function withoutPassword({ generate, passwordStdin, mustChange }: AddOptions) {
  if (generate === true || passwordStdin === true || mustChange === true) {
    const message = 'goes with none of --generate, --password-stdin and --must-change'
    throw new CodedError('USAGE_INVALID', { faults: [{ path: '--no-password', message }] })
  }
  return { password: undefined, passwordHash: undefined, generated: false } as const
}

async function editUser(session: CommandSession, login: string, options: EditOptions): Promise<void> {
  const { claim = [], keepSessions = false, ...names } = options
  if (claim.length === 0 && Object.keys(names).length === 0) {
    const message = 'says nothing to change; give --email, --name, --locale or --claim'
    throw new CodedError('USAGE_INVALID', { faults: [{ path: 'users edit', message }] })
  }
  withProfileClaims({}, claim)
  await withUser(session, login, async ({ id: userId }, opened) => {
    const profile = (before: Profile) => withProfileClaims(before, claim)
    const events = [
      adminEvent('users.edit', { userId }),
      { event: 'account.changed', outcome: 'success', userId } as const,
    ]
    const options = { keepsOthers: keepSessions, moved: addressMovedMail }
    const user = await createUsers(opened).edit(userId, { ...names, profile }, events, options)
    if (user === undefined) throw unknownUser(login)
    print(session, [{ ...rowOf(user), profile: user.profile }], [...columns.slice(0, -1), 'profile', 'id'])
  })
}
