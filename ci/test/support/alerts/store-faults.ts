// Faults of PostgreSQL that answers: locks, too little processor, a rule that refuses rows.
import { basic, password, send } from '@nauthera/harness/browser'
import { openBulk } from '@nauthera/server/store/driver/bulk'
import { processesOf, signalAll } from '../../../faults/support/families.ts'
import { person } from '../../../faults/support/load/visits.ts'
import { connectionOf } from '../../../../server/test/store/fresh-store.ts'
import type { AlertFault } from './fault.ts'
import { lasting, startCallers, startThrottle } from './lasting.ts'
import { signIn } from './site.ts'
import type { AlertSite } from './site.ts'

export const storeFaults: readonly AlertFault[] = [
  {
    fault: 'PostgreSQL stands still for three quarters of the time',
    alerts: ['NautheraDatabaseSlow'],
    ...lasting(({ database }) =>
      startThrottle((name) => signalAll(processesOf(database.pid), name), { still: 300, running: 100 }),
    ),
  },
  {
    fault: 'the table of people is locked while many of them sign in',
    alerts: ['NautheraDatabaseBusy', 'NautheraSignInsSlow'],
    ...lasting(async ({ chain, database }) => {
      const unlock = await lock(database.url, 'users')
      const stopCallers = startCallers(60, () => signIn(chain, { name: person, password }))
      return async () => {
        await unlock()
        await stopCallers()
      }
    }),
  },
  {
    fault: 'the audit log is locked while programs get tokens',
    alerts: ['NautheraAuditGrows'],
    ...lasting(async ({ chain, database }) => {
      const unlock = await lock(database.url, 'audit')
      const stopCallers = startCallers(16, () => askForToken(chain))
      return async () => {
        await stopCallers()
        await unlock()
      }
    }),
  },
  {
    fault: 'a rule that somebody put on the audit log refuses rows',
    alerts: ['NautheraAuditLost'],
    begin: ({ write }) => write(`ALTER TABLE audit ADD CONSTRAINT no_tokens CHECK (event <> 'token.issued') NOT VALID`),
    end: ({ write }) => write('ALTER TABLE audit DROP CONSTRAINT no_tokens'),
  },
]

/** Nobody else reads or writes the table. @returns what unlocks it */
async function lock(url: string, table: string): Promise<() => Promise<void>> {
  const connection = await openBulk(connectionOf(url), 'test-lock')
  await connection.run('BEGIN')
  await connection.run(`LOCK TABLE ${table}`)
  return async () => {
    await connection.run('ROLLBACK')
    await connection.stop()
  }
}

/** Of the first replica, as a machine. */
async function askForToken(chain: AlertSite['chain']): Promise<void> {
  const { clientId, clientSecret } = chain.credentials('machine')
  const target = { issuer: chain.stack.issuer, origin: () => `http://127.0.0.1:${chain.stack.pods[0]!.port}` }
  const form = { grant_type: 'client_credentials' }
  await send(target, { path: '/token', headers: basic(clientId, clientSecret), form })
}
