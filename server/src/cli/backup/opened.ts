// What the commands share that read a backup: the file, the key, the rows in it.
import { createReadStream, readFileSync } from 'node:fs'
import { Readable, pipeline } from 'node:stream'
import { text } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { createGunzip } from 'node:zlib'
import { InvalidArgumentError } from 'commander'
import { openSealed, parseRecipientKey } from '../../oidc/keys/recipients.ts'
import { CodedError } from '@nauthera/runtime/coded-error'
import { readScript } from '../../store/load.ts'
import type { CommandSession } from '../terminal/session.ts'
import { openBackup, parseSealedKeys } from './backup-file.ts'
import type { BackupManifest, OpenedBackup, SealedKeys } from './backup-file.ts'

/** @param path `-` is standard input */
export const openFile = (session: CommandSession, path: string): Promise<OpenedBackup> =>
  openBackup(path === '-' ? session.terminal.stdin : createReadStream(path))

/** @param path of the private key; `-` is standard input
 *  @throws CodedError RECIPIENT_KEY_INVALID */
export async function openKeys(session: CommandSession, { head }: OpenedBackup, path: string): Promise<SealedKeys> {
  const key = parseRecipientKey(path === '-' ? await text(session.terminal.stdin) : readFileSync(path, 'utf8'))
  const plain = await openSealed(head.sealed, key)
  return parseSealedKeys(Buffer.from(plain).toString())
}

/** Opens the rows and compares them with the manifest.
 *  @param load takes the rows of each table; without it they are looked at alone
 *  @throws CodedError BACKUP_INVALID */
export async function readRows(
  backup: OpenedBackup,
  keys: SealedKeys,
  options: { sha256?: string | undefined; load?: Parameters<typeof readScript>[1] },
): Promise<BackupManifest> {
  const rows = createGunzip()
  pipeline(Readable.from(backup.content(Buffer.from(keys.contentKey, 'base64'))), rows, () => undefined)
  const found = await readScript(rows, options.load)
  const manifest = await backup.manifest(options.sha256)
  if (!isDeepStrictEqual(found, manifest.tables))
    throw new CodedError('BACKUP_INVALID', { message: 'it says that it has other rows than it has' })
  return manifest
}

export const rowsIn = ({ tables }: BackupManifest): number => tables.reduce((sum, { rows }) => sum + rows, 0)

export function parseDigest(value: string): string {
  if (/^[0-9a-f]{64}$/i.test(value)) return value
  throw new InvalidArgumentError('It must be a SHA-256 in 64 hex digits.')
}
