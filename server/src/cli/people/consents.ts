// nauthera consents: lists and revokes what people have allowed applications.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createAuthorizations } from '../../store/tokens/authorizations.ts'
import type { Authorization, Authorizations } from '../../store/tokens/authorizations.ts'
import { createConsents } from '../../store/people/consents.ts'
import { adminEvent, print, printHint, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { findUser } from './one-user.ts'

export function addConsentCommands(program: Command, session: CommandSession): void {
  const consents = program.command('consents').description('manage what people have allowed applications')

  consents
    .command('list')
    .description('list what a person has allowed applications, as their own page shows it')
    .argument('<user>', 'user name or e-mail address')
    .addHelpText('after', '\nExample:\n  nauthera consents list alice')
    .action(async (login: string) =>
      withDatabase(session, async (opened) => {
        const user = await findUser(opened, login)
        const rows = (await listAll(createAuthorizations(opened), user.id)).map(
          ({ clientId, clientUid, scopes, resources, details, since }) => ({
            clientId,
            scopes,
            resources: isEmpty(resources) ? undefined : resources,
            details: isEmpty(details) ? undefined : details,
            since,
            clientUid,
          }),
        )
        print(session, rows, ['clientId', 'scopes', 'resources', 'since', 'clientUid'])
      }),
    )

  consents
    .command('revoke')
    .description('forget what a person has allowed an application, and end every token that it has of this person')
    .argument('<user>', 'user name or e-mail address')
    .argument('<client>', 'client id of the application, or the CLIENT-UID of the list')
    .addHelpText('after', '\nExample:\n  nauthera consents revoke alice team-a.web')
    .action(async (login: string, client: string) =>
      withDatabase(session, async (opened) => {
        const { id: userId, username } = await findUser(opened, login)
        const store = createConsents(opened)
        // a client that was deleted and created again has the same id and another UID
        const known = await createAuthorizations(opened).clientsOfUser(userId)
        const found = known.filter((one) => one.clientId === client || one.clientUid === client)
        if (found.length === 0) {
          const message = `${username} has allowed ${client} nothing; "nauthera consents list" shows what there is`
          throw new CodedError('CONSENT_UNKNOWN', { message })
        }
        for (const { clientUid, clientId } of found) {
          const about = { userId, clientUid, clientId }
          const revoked = { event: 'consent.revoked', outcome: 'success', ...about } as const
          await store.revoke(userId, clientUid, [adminEvent('consents.revoke', about), revoked])
        }
        printHint(session, `${client} has no consent and no token of ${username} any more`)
      }),
    )
}

const isEmpty = (byApi: object): boolean => Object.keys(byApi).length === 0

async function listAll(authorizations: Authorizations, userId: string): Promise<Authorization[]> {
  const limit = 100
  const all: Authorization[] = []
  for (let got = limit; got === limit;) {
    const part = await authorizations.listOfUser(userId, { skip: all.length, limit })
    all.push(...part)
    got = part.length
  }
  return all
}
