// nauthera login-link: signs a person in once without a password, for support and for the first administrator.
import type { Command } from 'commander'
import { paths } from '@nauthera/rules/endpoints'
import { CodedError } from '@nauthera/runtime/coded-error'
import { mintLinkToken } from '../../store/people/link-token.ts'
import { createLoginLinks } from '../../store/people/login-links.ts'
import { adminEvent, print, printHint, settingsOf, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { findUser } from './one-user.ts'

const lifeMinutes = 10

export function addLoginLinkCommand(program: Command, session: CommandSession): void {
  program
    .command('login-link')
    .description('print a link that signs a person in once, without their password')
    .argument('<user>', 'user name or e-mail address')
    .addHelpText(
      'after',
      `
Anybody who opens the link and presses its button is signed in as that person. Hand it over as you would a password. It works
once, for ${lifeMinutes} minutes; another link for the same person ends it, and so does whatever ends their sessions. The page
still asks for a second factor. The audit log says who got a link, and when it was used.

Example, for the first administrator, who then sets up a passkey or an authenticator app:
  nauthera users add root --group admins --no-password && nauthera login-link root`,
    )
    .action(async (login: string) => printLink(session, login))
}

async function printLink(session: CommandSession, login: string): Promise<void> {
  await withDatabase(session, async (opened) => {
    const { id: userId, username } = await findUser(opened, login)
    const token = mintLinkToken()
    const about = { token, lifeMs: lifeMinutes * 60_000, audit: [adminEvent('login-link', { userId })] }
    if (!(await createLoginLinks(opened).create(userId, about))) {
      const message = `${username} is disabled; "nauthera users enable" comes first`
      throw new CodedError('USAGE_INVALID', { faults: [{ path: 'user', message }] })
    }
    const link = `${settingsOf(session).issuer}${paths.loginLink}/${token.plain}`
    print(session, [{ username, link }], ['username', 'link'])
    printHint(session, `It signs in as ${username}, once, within ${lifeMinutes} minutes.`)
  })
}
