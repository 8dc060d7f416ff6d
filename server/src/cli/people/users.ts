// nauthera users: people and their passwords.
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { createAttempts } from '../../store/people/attempts.ts'
import { factorsOf, resetFactors } from '../../store/factors/factors.ts'
import { createPeople } from '../../store/people/people.ts'
import type { People } from '../../store/people/people.ts'
import { createUpstreamLinks } from '../../store/factors/upstream-links.ts'
import { createUsers } from '../../store/people/users.ts'
import type { User } from '../../store/people/user.ts'
import type { Users } from '../../store/people/users.ts'
import { factorNotice } from '../../users/factors/notice.ts'
import { codeLimits } from '../../users/factors/second-factors.ts'
import { defaultLimits } from '../../users/passwords/lockout.ts'
import { addInvite, addVerifyEmail } from './link-commands.ts'
import { confirm } from '../terminal/confirm.ts'
import { addImport } from './import.ts'
import { adminEvent, printOne, printPages, printHint, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { addAdd, addEdit } from './add-user.ts'
import { columns, onePerson, withUser, rowOf } from './one-user.ts'
import { addSetPassword } from './set-password.ts'

const shown = [
  ...columns.slice(0, -1),
  'failedSignIns',
  'lockedUntil',
  'wrongCodes',
  'codesLockedUntil',
  'factors',
  'links',
  'profile',
  'id',
]
const pageSize = 500

export function addUserCommands(program: Command, session: CommandSession, setExitCode: (code: number) => void): void {
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

function addList(users: Command, session: CommandSession): void {
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

function addShow(users: Command, session: CommandSession): void {
  onePerson(
    users,
    'show',
    'show one person, whether the account is locked, the second factors, and who can sign in at another provider',
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
      const factors = await factorsOf(opened, user.id)
      printOne(session, { ...rowOf(user), ...lock, factors, links, profile: user.profile }, shown)
    }),
  )
}

function addUnlock(users: Command, session: CommandSession): void {
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
        printHint(
          session,
          wereThere ? `${user.username} can sign in again; the failed sign-ins are forgotten` : nothing,
        )
      }),
    )
}

function addDisable(users: Command, session: CommandSession): void {
  const work = (store: Users, { id: userId }: User) =>
    store.setDisabled(userId, true, [
      adminEvent('users.disable', { userId }),
      { event: 'account.disabled', outcome: 'success', userId },
    ])
  onePerson(users, 'disable', 'refuse every sign-in, and end every session and token of the person').action(
    async (login: string) => change(session, login, (name) => `${name} is disabled`, work),
  )
}

function addEnable(users: Command, session: CommandSession): void {
  const work = (store: Users, { id: userId }: User) =>
    store.setDisabled(userId, false, [
      adminEvent('users.enable', { userId }),
      { event: 'account.enabled', outcome: 'success', userId },
    ])
  onePerson(users, 'enable', 'let the person sign in again').action(async (login: string) =>
    change(session, login, (name) => `${name} is enabled`, work),
  )
}

function addDelete(users: Command, session: CommandSession): void {
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
        printHint(session, `${username} is deleted`)
      }),
    )
}

function addRevokeSessions(users: Command, session: CommandSession): void {
  const work = (store: Users, { id: userId }: User) =>
    store.revokeSessions(userId, [
      adminEvent('users.revoke-sessions', { userId }),
      { event: 'session.revoked_all', outcome: 'success', userId },
    ])
  onePerson(users, 'revoke-sessions', 'end every session and token of the person').action(async (login: string) =>
    change(session, login, (name) => `every session and token of ${name} has ended`, work),
  )
}

function addResetFactors(users: Command, session: CommandSession): void {
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
        printHint(session, removed ? `${username} has no second factor any more; every session has ended` : nothing)
      }),
    )
}

function addUnlink(users: Command, session: CommandSession): void {
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
        printHint(
          session,
          removed > 0 ? `${username} has no link to ${upstream} any more; every session has ended` : nothing,
        )
      }),
    )
}

async function change(
  session: CommandSession,
  login: string,
  done: (username: string) => string,
  work: (users: Users, user: User) => Promise<unknown>,
): Promise<void> {
  await withUser(session, login, async (user, opened) => {
    await work(createUsers(opened), user)
    printHint(session, done(user.username))
  })
}
