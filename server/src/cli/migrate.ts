// nauthera migrate: the schema of the database.
import type { Command } from 'commander'
import { createEpoch } from '../store/epoch.ts'
import { migrateUp, migrationStatus } from '../store/migrate.ts'
import { adminEvent, connectionOf, print, say, withDatabase } from './session.ts'
import type { Session } from './session.ts'

/** @param setExitCode of the process, when a command succeeds with something left to do */
export function addMigrateCommands(program: Command, session: Session, setExitCode: (code: number) => void): void {
  const migrate = program.command('migrate').description('the schema of the database')

  migrate
    .command('up')
    .description('apply what is missing; several at once: one applies, the others wait')
    .addHelpText('after', '\nExample:\n  nauthera migrate up --settings /etc/nauthera/server.yaml')
    .action(async () => {
      const applied = await migrateUp(connectionOf(session), { log: () => undefined })
      print(
        session,
        applied.map((name) => ({ migration: name, state: 'applied now' })),
        ['migration', 'state'],
      )
      if (applied.length === 0) say(session, 'the schema is up to date')
    })

  migrate
    .command('status')
    .description('show what is applied; exit code 1 when something is missing')
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
    .description('after a restore from a backup: nothing that was issued before lives again')
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const epoch = await createEpoch({ database, audit }).raise([adminEvent('migrate.restored')])
        print(session, [{ epoch }], ['epoch'])
      }),
    )
}
