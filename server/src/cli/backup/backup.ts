// nauthera backup: all rows and the keys that open them, in one file for the holders of some keys.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, pipeline as pipe } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { parseRecipients, sealTo } from '../../oidc/keys/recipients.ts'
import { openBulk } from '../../store/driver/bulk.ts'
import type { BulkConnection } from '../../store/driver/bulk.ts'
import { batched, dumpRows } from '../../store/dump.ts'
import type { DumpedTable } from '../../store/dump.ts'
import { neededKeys } from '../../store/load.ts'
import { neededMigrations } from '../../store/migrate.ts'
import { adminEvent, connectionOf, print, printHint, settingsOf, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { nameBackup, tidy, writeWhole } from './backup-directory.ts'
import { mintContentKey, writeBackup } from './backup-file.ts'
import type { BackupManifest, SealedKeys } from './backup-file.ts'
import { addSecretsCommand, addVerifyCommand } from './look.ts'
import { readRing, readSecrets } from './secret-files.ts'

interface CreateOptions {
  readonly to: string
  readonly recipient: string
  readonly secrets?: string
  readonly keep?: number
}

/** @param version of this program */
export function addBackupCommands(program: Command, session: CommandSession, version: string): void {
  const backup = program.command('backup').description('back up database and keys')
  backup
    .command('create', { isDefault: true })
    .description(
      'write all rows, and sealed with them the key-encryption ring; "nauthera backup" without a command does this too',
    )
    .requiredOption('--to <place>', 'directory for the file; - writes to standard output')
    .requiredOption('--recipient <file>', 'certificates or public keys (PEM) of those who may open it')
    .option('--secrets <directory>', 'further Secrets to seal with it: a folder each, named as the Secret')
    .option(
      '--keep <files>',
      'with a directory: delete all but so many of the newest backups of this issuer, by what each file says of itself; never the one just written',
      parseKeep,
    )
    .addHelpText(
      'after',
      `
Everything in the file is encrypted. Servers keep running; all rows are of one moment.
Keep the digest that it prints in another place: somebody who can write to the backups can put another file there.

Examples:
  nauthera backup --to /backup --recipient recipient.crt --keep 14
  kubectl -n auth exec deploy/nauthera-server -c server -i -- nauthera backup --to - --recipient /dev/stdin < recipient.crt > auth.backup`,
    )
    .action(async (options: CreateOptions) => create(session, options, version))
  addVerifyCommand(backup, session)
  addSecretsCommand(backup, session)
}

async function create(session: CommandSession, options: CreateOptions, release: string): Promise<void> {
  const { stdout } = session.terminal
  if (options.to === '-' && stdout.isTTY === true) throw usage('--to', 'a backup is no text: send it to a file')
  const recipients = parseRecipients(readFileSync(options.recipient, 'utf8'))
  const { issuer, keysDirectory } = settingsOf(session)
  const contentKey = mintContentKey()
  const keys: SealedKeys = {
    contentKey: contentKey.toString('base64'),
    ring: readRing(keysDirectory),
    secrets: options.secrets === undefined ? {} : readSecrets(options.secrets),
  }
  const createdAt = new Date().toISOString()
  const head = {
    nauthera: 'backup' as const,
    format: 1 as const,
    createdAt,
    release,
    issuer,
    schema: neededMigrations(),
    sealed: await sealTo(recipients, Buffer.from(JSON.stringify(keys))),
  }
  const name = nameBackup(head)
  const path = options.to === '-' ? undefined : join(options.to, name)
  await withDatabase(session, async ({ audit }) => {
    const bulk = await openBulk(connectionOf(session), 'nauthera-backup')
    const tables: DumpedTable[] = []
    let manifest: BackupManifest | undefined
    try {
      await checkRing(bulk, keys)
      const content = createGzip()
      const rows = batched(dumpRows(bulk, (table) => void tables.push(table)))
      // whoever reads the content hears of a fault
      pipe(Readable.from(rows), content, () => undefined)
      const onManifest = (written: BackupManifest) => (manifest = written)
      const file = writeBackup({ head, contentKey, content, tables: () => tables, onManifest })
      if (path === undefined) await pipeline(Readable.from(file), stdout, { end: false })
      else await writeWhole(path, file)
    } finally {
      await bulk.stop()
    }
    const { sha256 } = manifest!
    const row = { createdAt, rows: tables.reduce((sum, { rows }) => sum + rows, 0), sha256 }
    audit.record(adminEvent('backup.create', { detail: { ...row, recipients: recipients.length } }))
    if (path === undefined) return printHint(session, `${row.rows} rows, sha256 ${sha256}`)
    const { deleted, later } = await tidy(options.to, { name, issuer, createdAt }, options.keep)
    for (const one of later) printHint(session, `${one} is left: it says that it is of later than this one`)
    print(session, [{ ...row, file: path, deleted }], ['createdAt', 'rows', 'sha256', 'file', 'deleted'])
  })
}

/** Without a key that some row needs the backup would be of no use. */
async function checkRing(bulk: BulkConnection, { ring }: SealedKeys): Promise<void> {
  const missing = (await neededKeys(bulk)).filter((id) => !(id in ring))
  if (missing.length > 0)
    throw new CodedError('KEY_RING_LACKS_KEY', { message: `the key-encryption ring has no key ${missing.join(', ')}` })
}

function parseKeep(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1 on.')
}

const usage = (path: string, message: string) => new CodedError('USAGE_INVALID', { faults: [{ path, message }] })
