// Applies numbered SQL files, forward only. One process at a time does; an advisory lock makes the others wait.
import { readdirSync } from 'node:fs'
import { CodedError } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { sqlDirectory } from '../files.ts'
import { clientConfig, directAddress } from './driver/address.ts'
import type { DatabaseConnection } from './driver/address.ts'
import { statement } from './driver/database.ts'
import { createPool, openClient } from './driver/guarded-client.ts'
import type { DriverClient } from './driver/guarded-client.ts'
import { isBroken } from './driver/postgres-errors.ts'
import type { Connection } from './driver/database.ts'

export interface MigrationStatus {
  /** Names of the files, without `.sql`, in order. */
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

const table = 'schema_migrations'

/** The migrations that this release needs. It works with a newer schema too: a migration first adds, a later release removes. */
export const neededMigrations = (): readonly string[] =>
  readdirSync(sqlDirectory)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.slice(0, -'.sql'.length))
    .toSorted()

/** Applies the missing files, each in a transaction of its own.
 *  @returns the names of those that were applied now
 *  @throws CodedError STORE_UNAVAILABLE, STORE_MIGRATION_FAILED (what came before the failed file stays) */
export async function migrateUp(
  connection: DatabaseConnection,
  options: { log: (line: string) => void },
): Promise<string[]> {
  // a server only looks whether it has been done
  const { runner } = await import('node-pg-migrate')
  const quiet = { info: options.log, warn: options.log, error: options.log, debug: () => undefined }
  const pool = createPool(clientConfig(directAddress(connection), 'nauthera-migrate'))
  let client: DriverClient | undefined
  try {
    client = await openClient(pool)
    const applied = await runner({
      // a client of its own would have no guard
      dbClient: client,
      dir: sqlDirectory,
      migrationsTable: table,
      direction: 'up',
      singleTransaction: false,
      advisoryLockMode: 'wait',
      logger: quiet,
    })
    return applied.map((migration) => migration.name)
  } catch (cause) {
    const unreachable = /ECONN|ENOTFOUND|EHOSTUNREACH|timeout|terminated|password authentication|does not exist/i
    const text = describeError(cause)
    const isAway = unreachable.test(`${text} ${String(fieldsOf(cause)['code'])}`) && !/relation|column/.test(text)
    const code = isAway || isBroken(cause) ? 'STORE_UNAVAILABLE' : 'STORE_MIGRATION_FAILED'
    throw new CodedError(code, { cause, message: text })
  } finally {
    client?.release()
    await pool.end()
  }
}

const hasTable = statement<{ there: boolean }>('migration-table', `SELECT to_regclass('${table}') IS NOT NULL AS there`)
const list = statement<{ name: string }>('migration-list', `SELECT name FROM ${table} ORDER BY id`)

/** Only reads. */
export async function migrationStatus(database: Connection): Promise<MigrationStatus> {
  const [{ there } = { there: false }] = await database.query(hasTable)
  const applied = there ? (await database.query(list)).map((row) => row.name) : []
  return { applied, pending: neededMigrations().filter((name) => !applied.includes(name)) }
}

/** @throws CodedError STORE_SCHEMA_OUTDATED that names what is missing */
export async function checkSchema(database: Connection): Promise<void> {
  const { pending } = await migrationStatus(database)
  if (pending.length === 0) return
  throw new CodedError('STORE_SCHEMA_OUTDATED', {
    message: `the database lacks ${pending.join(', ')}; run "nauthera migrate up"`,
  })
}
