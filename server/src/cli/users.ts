// nauthera users: people and their passwords.
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createAttempts } from '../store/attempts.ts'
import { createCredentials } from '../store/credentials.ts'
import { resetFactors } from '../store/factors.ts'
import { createPeople } from '../store/people.ts'
import type { People } from '../store/people.ts'
import { createUpstreamLinks } from '../store/upstream-links.ts'
import { ownSource } from '../store/user.ts'
import { createUsers } from '../store/users.ts'
import type { Profile, User } from '../store/user.ts'
import type { Users } from '../store/users.ts'
import { factorNotice } from '../users/factors/notice.ts'
import { codeLimits } from '../users/factors/second-factors.ts'
import { defaultLimits } from '../users/lockout.ts'
import { createPasswords } from '../users/passwords.ts'
import { profileClaimNames, withProfileClaims } from '../users/profile-claims.ts'
import { addInvite, addVerifyEmail } from './link-commands.ts'
import { askPassword } from './ask-password.ts'
import type { PasswordOptions } from './ask-password.ts'
import { confirm } from './confirm.ts'
import { addImport } from './import.ts'
import { adminEvent, print, printPages, say, withDatabase } from './session.ts'
import type { Opened, Session } from './session.ts'

const columns = ['username', 'email', 'name', 'groups', 'disabled', 'source', 'id']
const shown = [
  ...columns.slice(0, -1),
  'failedSignIns',
  'lockedUntil',
  'wrongCodes',
  'codesLockedUntil',
  'links',
  'profile',
  'id',
]
const pageSize = 500

const claimHelp = 'a further fact about the person, by its standard name, such as given_name=Ada; several after a space'

export function addUserCommands(program: Command, session: Session, setExitCode: (code: number) => void): void {
  const users = program.command('users').description('manage people and their passwords')
  const commands = [
    addAdd,
    addEdit,
    addInvite,
    addVerifyEmail,
    addList,
    addShow,
    addSetPassword,
    addUnlock,
    addDisable,
    addEnable,
    addDelete,
    addRevokeSessions,
    addResetFactors,
    addUnlink,
  ]
  for (const add of commands) add(users, session)
  addImport(users, session, setExitCode)
}

function addAdd(users: Command, session: Session): void {
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

function addEdit(users: Command, session: Session): void {
  onePerson(users, 'edit', 'change what is known of a person; what you leave out stays')
    .option('--email <address>', 'e-mail address; a new one counts as not verified')
    .option('--email-verified', 'the e-mail address has been verified')
    .option('--no-email-verified', 'the e-mail address has not been verified')
    .option('--name <name>', 'full name')
    .option('--locale <tag>', 'language, such as de')
    .option('--claim <name=value...>', `${claimHelp}; an empty value removes it`)
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

function addList(users: Command, session: Session): void {
  users
    .command('list')
    .description('list everybody, or those whose user name, e-mail address, name or family name begins with a text')
    .option('--search <text>', 'the beginning of a name or address, in upper or lower case; or a whole id')
    .option('--limit <people>', 'how many people at most; default: all', parseLimit)
    .addHelpText('after', '\nExamples:\n  nauthera users list -o json\n  nauthera users list --search love --limit 20')
    .action(async ({ search = '', limit = Infinity }: { search?: string; limit?: number }) =>
      withDatabase(session, (opened) =>
        printPages(session, listPages(createPeople(opened), { text: search, most: limit }), columns),
      ),
    )
}

function parseLimit(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

async function* listPages(people: People, { text, most }: { text: string; most: number }) {
  let after: string | undefined
  for (let left = most; left > 0; left -= pageSize) {
    const page = await people.search({ text, after, limit: Math.min(left, pageSize) })
    yield page.people.map(rowOf)
    if (page.next === undefined) return
    after = page.next
  }
}

function addShow(users: Command, session: Session): void {
  onePerson(
    users,
    'show',
    'show one person, whether the account is locked, and who can sign in to it at another provider',
  ).action(async (login: string) =>
    withUser(session, login, async (user, opened) => {
      const { signIns, codes } = await createAttempts(opened).failuresOf(user.id)
      const lock = {
        failedSignIns: signIns?.count ?? 0,
        lockedUntil: signIns !== undefined && signIns.count >= defaultLimits.perAccount ? signIns.until : undefined,
        wrongCodes: codes?.count ?? 0,
        codesLockedUntil: codes !== undefined && codes.count >= codeLimits.perAccount ? codes.until : undefined,
      }
      const links = await createUpstreamLinks(opened).of(user.id)
      print(session, [{ ...rowOf(user), ...lock, links, profile: user.profile }], shown)
    }),
  )
}

function addUnlock(users: Command, session: Session): void {
  onePerson(users, 'unlock', 'let a person whose account is locked by failed sign-ins try again at once')
    .addHelpText('after', '\nExample:\n  nauthera users unlock alice')
    .action(async (login: string) =>
      withUser(session, login, async (user, opened) => {
        const userId = user.id
        const wereThere = await createAttempts(opened).unlock(userId, [
          adminEvent('users.unlock', { userId }),
          { event: 'account.unlocked', outcome: 'success', userId },
        ])
        const nothing = `${user.username} was not locked: no failed sign-in counts`
        say(session, wereThere ? `${user.username} can sign in again; the failed sign-ins are forgotten` : nothing)
      }),
    )
}

function addSetPassword(users: Command, session: Session): void {
  const command = onePerson(
    users,
    'set-password',
    'set a password, lift a lock, and end every session of the person',
  ).option('--must-change', 'the person must choose a new password at the next sign-in')
  addPasswordOptions(command)
    .addHelpText('after', '\nExample:\n  nauthera users set-password alice --generate --must-change')
    .action(async (login: string, options: SetOptions) => setPassword(session, login, options))
}

function addDisable(users: Command, session: Session): void {
  const work = (store: Users, { id: userId }: User) =>
    store.setDisabled(userId, true, [
      adminEvent('users.disable', { userId }),
      { event: 'account.disabled', outcome: 'success', userId },
    ])
  onePerson(users, 'disable', 'refuse every sign-in, and end every session and token of the person').action(
    async (login: string) => change(session, login, (name) => `${name} is disabled`, work),
  )
}

function addEnable(users: Command, session: Session): void {
  const work = (store: Users, { id: userId }: User) =>
    store.setDisabled(userId, false, [
      adminEvent('users.enable', { userId }),
      { event: 'account.enabled', outcome: 'success', userId },
    ])
  onePerson(users, 'enable', 'let the person sign in again').action(async (login: string) =>
    change(session, login, (name) => `${name} is enabled`, work),
  )
}

function addDelete(users: Command, session: Session): void {
  onePerson(users, 'delete', 'delete a person, with password, groups, consents, sessions and tokens')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
To keep what is known, "nauthera users disable" is enough. Rows of the audit log stay until audit.retention.
A person of a directory or of another provider who signs in again gets a new record with a new subject.

Example:
  nauthera users delete alice --yes`,
    )
    .action(async (login: string, options: { yes?: boolean }) =>
      withUser(session, login, async ({ id: userId, username }, opened) => {
        const question = `Everything that is known of ${username} will be gone for good. Go on? [y/N] `
        if (options.yes !== true) await confirm(session.terminal, question)
        await createUsers(opened).remove(userId, [
          adminEvent('users.delete', { userId, detail: { username } }),
          { event: 'account.deleted', outcome: 'success', userId },
        ])
        say(session, `${username} is deleted`)
      }),
    )
}

function addRevokeSessions(users: Command, session: Session): void {
  const work = (store: Users, { id: userId }: User) =>
    store.revokeSessions(userId, [
      adminEvent('users.revoke-sessions', { userId }),
      { event: 'session.revoked_all', outcome: 'success', userId },
    ])
  onePerson(users, 'revoke-sessions', 'end every session and token of the person').action(async (login: string) =>
    change(session, login, (name) => `every session and token of ${name} has ended`, work),
  )
}

function addResetFactors(users: Command, session: Session): void {
  onePerson(users, 'reset-2fa', 'remove the second factors of a person who has lost them, and end every session')
    .addHelpText(
      'after',
      `
Make sure first that it is this person who asks. Until a new one is set up, the password alone is enough,
unless the setting secondFactor wants one.

Example:
  nauthera users reset-2fa alice`,
    )
    .action(async (login: string) =>
      withUser(session, login, async (user, opened) => {
        const { id: userId, username } = user
        const notice = factorNotice(user, { change: 'factors-reset', now: Date.now() })
        const events = [
          adminEvent('users.reset-2fa', { userId }),
          { event: 'factor.removed', outcome: 'success', reason: 'reset', userId },
          { event: 'session.revoked_all', outcome: 'success', userId },
        ] as const
        const removed = await resetFactors(opened, userId, events, notice)
        const nothing = `${username} had no second factor; every session has ended`
        say(session, removed ? `${username} has no second factor any more; every session has ended` : nothing)
      }),
    )
}

function addUnlink(users: Command, session: Session): void {
  onePerson(users, 'unlink', 'remove what a person has linked at another provider, and end every session')
    .argument('<upstream>', 'id of the provider in the settings')
    .addHelpText(
      'after',
      `
"nauthera users show" lists the links. The identity of a person whom the provider brought stays: without it nobody
could sign in to the account.

Example:
  nauthera users unlink alice github`,
    )
    .action(async (login: string, upstream: string) =>
      withUser(session, login, async (user, opened) => {
        const { id: userId, username } = user
        const removed = await createUpstreamLinks(opened).unlink(userId, upstream, {
          audit: [
            adminEvent('users.unlink', { userId, reason: upstream }),
            { event: 'account.unlinked', outcome: 'success', reason: upstream, userId },
            { event: 'session.revoked_all', outcome: 'success', userId },
          ],
          mail: factorNotice(user, { change: 'upstream-unlinked', now: Date.now() }),
        })
        const nothing = `${username} has linked nothing at ${upstream}; nothing was done`
        say(session, removed > 0 ? `${username} has no link to ${upstream} any more; every session has ended` : nothing)
      }),
    )
}

const onePerson = (users: Command, name: string, description: string): Command =>
  users.command(name).description(description).argument('<user>', 'user name or e-mail address')

const addPasswordOptions = (command: Command): Command =>
  command
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'generate a password and print it')

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
}

interface SetOptions extends PasswordOptions {
  readonly mustChange?: boolean
}

async function addUser(session: Session, username: string, options: AddOptions): Promise<void> {
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

async function editUser(session: Session, login: string, options: EditOptions): Promise<void> {
  const { claim = [], ...names } = options
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
    const user = await createUsers(opened).edit(userId, { ...names, profile }, events)
    if (user === undefined) throw unknownUser(login)
    print(session, [{ ...rowOf(user), profile: user.profile }], [...columns.slice(0, -1), 'profile', 'id'])
  })
}

async function setPassword(session: Session, login: string, options: SetOptions): Promise<void> {
  await withUser(session, login, async (user, opened) => {
    if (user.source !== ownSource) throw passwordElsewhere(user)
    const { password, passwordHash, generated } = await newPassword(session, options, user)
    await createCredentials(opened).set(user.id, passwordHash, {
      changeRequired: options.mustChange ?? false,
      audit: [
        adminEvent('users.set-password', { userId: user.id }),
        { event: 'password.changed', outcome: 'success', userId: user.id },
      ],
    })
    if (generated) print(session, [{ username: user.username, password }], ['username', 'password'])
    else say(session, `the password of ${user.username} is set`)
  })
}

const passwordElsewhere = ({ username, source }: User): CodedError =>
  new CodedError('USER_OF_OTHER_SOURCE', {
    message: `${username} signs in with the password of ${source}; set it there`,
  })

/** @throws CodedError PASSWORD_REFUSED with each rule that the password breaks */
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
  done: (username: string) => string,
  work: (users: Users, user: User) => Promise<unknown>,
): Promise<void> {
  await withUser(session, login, async (user, opened) => {
    await work(createUsers(opened), user)
    say(session, done(user.username))
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
  if (user === undefined) throw unknownUser(login)
  return user
}

const unknownUser = (login: string): CodedError =>
  new CodedError('USER_UNKNOWN', { message: `no account has the name or e-mail address ${login}` })

const rowOf = (user: User) => ({
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
