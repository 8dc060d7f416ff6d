// nauthera restore: from a backup into an empty database, in one transaction.
import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { openBulk } from '../../store/driver/bulk.ts'
import type { BulkConnection } from '../../store/driver/bulk.ts'
import { createEpoch } from '../../store/epoch.ts'
import { loadInto, neededKeys } from '../../store/load.ts'
import { migrateUp, migrationStatus, neededMigrations } from '../../store/migrate.ts'
import { adminEvent, connectionOf, print, printHint, settingsOf, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import type { BackupHead, SealedKeys } from './backup-file.ts'
import { openFile, openKeys, parseDigest, readRows, rowsIn } from './opened.ts'
import { readRing } from './secret-files.ts'

interface RestoreOptions {
  readonly from: string
  readonly key: string
  readonly sha256?: string
  readonly move?: boolean
}

export function addRestoreCommand(program: Command, session: CommandSession): void {
  program
    .command('restore')
    .description('restore a backup into an empty database, and end what was issued before')
    .requiredOption('--from <file>', 'the backup; - reads standard input')
    .requiredOption('--key <file>', 'private key (PEM) of a recipient; - reads standard input')
    .option('--sha256 <digest>', 'the digest that was noted when it was made', parseDigest)
    .option('--move', 'nothing was used since the backup, as in a move with stopped servers: people stay signed in')
    .addHelpText(
      'after',
      `
Stop the servers first, and put the ring back ("nauthera backup secrets"). The schema is made when it is missing.
All of it is restored, or nothing. Without --move, everybody signs in again, and links in mails and recovery codes end:
in a backup what was used since looks unused. docs/runbooks/restore.md says what people must do again.

Example:
  nauthera restore --from /backup/nauthera-auth.example.com-20260131T080000Z-3f2a91c0.backup --key - < recipient.key`,
    )
    .action(async (options: RestoreOptions) => restore(session, options))
}

async function restore(session: CommandSession, { from, key, sha256, move }: RestoreOptions): Promise<void> {
  if (from === '-' && key === '-') {
    const message = 'standard input can be the backup or the key, not both'
    throw new CodedError('USAGE_INVALID', { faults: [{ path: '--key', message }] })
  }
  const opened = await openFile(session, from)
  const { head } = opened
  checkRelease(head)
  const keys = await openKeys(session, opened, key)
  const { issuer, keysDirectory } = settingsOf(session)
  const mounted = readRing(keysDirectory)
  await withDatabase(session, async ({ database, audit }) => {
    const { pending } = await migrationStatus(database)
    if (pending.length > 0) await migrateUp(connectionOf(session), { log: () => undefined })
    const bulk = await openBulk(connectionOf(session), 'nauthera-restore')
    try {
      const manifest = await loadInto(bulk, async () => {
        const read = await readRows(opened, keys, { sha256, load: bulk.copyIn })
        await checkRing(bulk, keys, mounted)
        if (move !== true) await createEpoch({ database: bulk, audit }).raise([])
        return read
      })
      const row = { createdAt: head.createdAt, rows: rowsIn(manifest), sha256: manifest.sha256 }
      audit.record(adminEvent('restore', { detail: { ...row, move: move === true } }))
      print(session, [row], ['createdAt', 'rows', 'sha256'])
    } finally {
      await bulk.stop()
    }
  })
  if (issuer !== head.issuer)
    printHint(session, `the backup is of the issuer ${head.issuer}: passkeys and applications know that one`)
}

function checkRelease({ schema, release }: BackupHead): void {
  if (isDeepStrictEqual(schema, neededMigrations())) return
  throw new CodedError('BACKUP_OF_OTHER_RELEASE', {
    message: `it was made by release ${release}, whose schema ends with ${schema.at(-1)}; restore it with that release, then upgrade`,
  })
}

/** The servers open the rows with what is mounted, not with what is in the backup. */
async function checkRing(
  bulk: BulkConnection,
  { ring }: SealedKeys,
  mounted: Readonly<Record<string, string>>,
): Promise<void> {
  const missing = (await neededKeys(bulk)).filter((id) => ring[id] === undefined || ring[id] !== mounted[id])
  if (missing.length === 0) return
  throw new CodedError('KEY_RING_LACKS_KEY', {
    message: `the mounted key-encryption ring does not have the backup's key ${missing.join(', ')}; put it back first: "nauthera backup secrets" prints it`,
  })
}
