// nauthera users invite, users verify-email: send a link by mail, or print it without mail.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createMailLinks } from '../../store/people/mail-links.ts'
import { ownSource } from '../../store/people/user.ts'
import { createUsers } from '../../store/people/users.ts'
import { createLinkMails } from '../../users/links/link-mails.ts'
import type { LinkMails } from '../../users/links/link-mails.ts'
import { adminEvent, print, printHint, settingsOf, withDatabase } from '../terminal/session.ts'
import type { Opened, CommandSession } from '../terminal/session.ts'

const printHelp = 'print the link and send no mail; anybody who has the link can use it'

export function addInvite(users: Command, session: CommandSession): void {
  users
    .command('invite')
    .description('invite somebody, who then chooses a password; the account is made when they do')
    .argument('<email>', 'their e-mail address; they sign in with it')
    .option('--name <name>', 'full name; they can change it')
    .option('--locale <tag>', 'language, such as de')
    .option('--group <name...>', 'groups to add the person to; new groups are created')
    .option('--print-link', printHelp)
    .addHelpText(
      'after',
      `
The link works once, and for 7 days; another invitation to the same address ends it. Where the settings have no \`mail\`, the link is printed.

Examples:
  nauthera users invite ada@example.com --group admins
  nauthera users invite ada@example.com --print-link`,
    )
    .action(async (email: string, options: InviteOptions) => invite(session, email, options))
}

export function addVerifyEmail(users: Command, session: CommandSession): void {
  users
    .command('verify-email')
    .description('send a person a link that confirms their e-mail address')
    .argument('<user>', 'user name or e-mail address')
    .option('--print-link', printHelp)
    .addHelpText('after', '\nExample:\n  nauthera users verify-email alice')
    .action(async (login: string, options: PrintOptions) => verifyEmail(session, login, options))
}

interface PrintOptions {
  readonly printLink?: boolean
}

interface InviteOptions extends PrintOptions {
  readonly name?: string
  readonly locale?: string
  readonly group?: string[]
}

async function invite(session: CommandSession, email: string, options: InviteOptions): Promise<void> {
  const { name, locale, group: groups } = options
  await withDatabase(session, async (opened) => {
    const event = adminEvent('users.invite', { detail: { email } })
    const { path } = await linkMailsOf(opened, options).invite({ email, groups, name, locale }, { audit: [event] })
    show(session, opened, options, { email, path })
  })
}

async function verifyEmail(session: CommandSession, login: string, options: PrintOptions): Promise<void> {
  await withDatabase(session, async (opened) => {
    const user = await createUsers(opened).findByLogin(login)
    if (user === undefined) throw unknown(login)
    const audit = [adminEvent('users.verify-email', { userId: user.id })]
    const sent = await linkMailsOf(opened, options).sendVerify(user, { audit })
    if (sent.kind === 'refused') throw refused(user.username, sent.reason)
    show(session, opened, options, { email: user.email ?? '', path: sent.path })
  })
}

const unknown = (login: string) =>
  new CodedError('USER_UNKNOWN', { message: `no account has the name or e-mail address ${login}` })

const refused = (username: string, reason: string) => {
  const message = reason === 'disabled' ? `${username} is disabled` : `${username} has no e-mail address`
  return new CodedError('USAGE_INVALID', { faults: [{ path: 'user', message }] })
}

function linkMailsOf(opened: Opened, { printLink }: PrintOptions): LinkMails {
  const outbox = printLink === true ? { ...opened.outbox, rows: () => '[]' } : opened.outbox
  return createLinkMails({
    mailLinks: createMailLinks({ ...opened, outbox }),
    canChangePassword: (user) => user.source === ownSource,
  })
}

function show(
  session: CommandSession,
  { outbox }: Opened,
  { printLink }: PrintOptions,
  to: { email: string; path: string },
) {
  if (outbox.sendsMail && printLink !== true) return printHint(session, `a mail to ${to.email} is on its way`)
  const link = `${settingsOf(session).issuer}${to.path}`
  print(session, [{ email: to.email, link }], ['email', 'link'])
}
