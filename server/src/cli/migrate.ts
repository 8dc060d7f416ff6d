// nauthera migrate: the schema of the database.
import type { Command } from 'commander'
import { confirm } from './terminal/confirm.ts'
import { openBulk } from '../store/driver/bulk.ts'
import { createEpoch } from '../store/epoch.ts'
import { migrateUp, migrationStatus } from '../store/migrate.ts'
import { createProgress } from './terminal/progress.ts'
import { adminEvent, connectionOf, print, printHint, withDatabase } from './terminal/session.ts'
import type { CommandSession } from './terminal/session.ts'

/** @param setExitCode for a command that succeeds with work left */
export function addMigrateCommands(
  program: Command,
  session: CommandSession,
  setExitCode: (code: number) => void,
): void {
  const migrate = program.command('migrate').description('manage the schema of the database')

  migrate
    .command('up')
    .description('apply the migrations that are missing; of several at once, one applies them and the others wait')
    .addHelpText('after', '\nExample:\n  nauthera migrate up --settings /etc/nauthera/server.yaml')
    .action(async () => {
      const progress = createProgress(session.terminal)
      const applied = await migrateUp(connectionOf(session), { log: progress.write }).finally(progress.end)
      print(
        session,
        applied.map((name) => ({ migration: name, state: 'applied now' })),
        ['migration', 'state'],
      )
      if (applied.length === 0) printHint(session, 'the schema is up to date')
    })

  migrate
    .command('status')
    .description('show which migrations are applied; exit code 1 when one is missing')
    .action(async () =>
      withDatabase(session, async ({ database }) => {
        const { applied, pending } = await migrationStatus(database)
        const rows = [
          ...applied.map((name) => ({ migration: name, state: 'applied' })),
          ...pending.map((name) => ({ migration: name, state: 'pending' })),
        ]
        print(session, rows, ['migration', 'state'])
        if (pending.length > 0) setExitCode(1)
      }),
    )

  migrate
    .command('restored')
    .description(
      'run this after a restore by another tool: what was issued before ends (sessions, tokens, links in mails, recovery codes)',
    )
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  nauthera migrate restored --yes')
    .action(async (options: { yes?: boolean }) => {
      if (options.yes !== true) await confirm(session.terminal, restoredQuestion)
      await withDatabase(session, async ({ audit }) => {
        const database = await openBulk(connectionOf(session), 'nauthera-restored')
        const epoch = createEpoch({ database, audit }).raise([adminEvent('migrate.restored')])
        print(session, [{ epoch: await epoch.finally(() => database.stop()) }], ['epoch'])
      })
    })
}

const restoredQuestion =
  'Everybody has to sign in again and make new recovery codes, and every application needs new opaque tokens. Go on? [y/N] '
