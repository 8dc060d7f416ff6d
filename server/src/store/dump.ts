// The rows of our tables, as a script of COPY that psql reads too: one transaction, so all of it is of one moment.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sqlDirectory } from '../files.ts'
import type { BulkConnection } from './driver/bulk.ts'
import { statement } from './driver/database.ts'
import { checkSchema, neededMigrations } from './migrate.ts'

/** What a backup has of a table. */
export interface DumpedTable {
  readonly name: string
  readonly rows: number
  /** Of its rows as they stand in the script, hex. */
  readonly sha256: string
}

/** Our tables in the order in which migrations create them: a row comes after those that it refers to. */
export const dumpTables = (): string[] =>
  neededMigrations().flatMap((name) =>
    [...readFileSync(join(sqlDirectory, `${name}.sql`), 'utf8').matchAll(/^CREATE TABLE (\w+)/gm)].map(
      ([, table]) => table!,
    ),
  )

const columns = statement<{ columns: string[] }>(
  'dump-columns',
  `SELECT array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute
   WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
)

const batchBytes = 65_536

/** @returns fewer and bigger pieces */
export async function* batched(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let bytes = 0
  for await (const piece of pieces) {
    waiting.push(piece)
    bytes += piece.length
    if (bytes < batchBytes) continue
    yield Buffer.concat(waiting)
    waiting = []
    bytes = 0
  }
  if (waiting.length > 0) yield Buffer.concat(waiting)
}

/** @param onTable hears of each table when it is through
 *  @throws CodedError STORE_SCHEMA_OUTDATED */
export async function* dumpRows(bulk: BulkConnection, onTable: (table: DumpedTable) => void): AsyncGenerator<Buffer> {
  await bulk.run('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  await checkSchema(bulk)
  for (const name of dumpTables()) {
    const [row] = await bulk.query(columns, [name])
    const list = `${name} (${row!.columns.join(', ')})`
    yield Buffer.from(`COPY ${list} FROM stdin;\n`)
    const hash = createHash('sha256')
    let rows = 0
    for await (const line of bulk.copyOut(`COPY ${list} TO STDOUT`)) {
      rows++
      hash.update(line)
      yield line
    }
    yield Buffer.from('\\.\n')
    onTable({ name, rows, sha256: hash.digest('hex') })
  }
  await bulk.run('COMMIT')
}
