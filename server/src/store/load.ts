// Loads the script of a dump into an empty database: all of it, or nothing.
import { createHash } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { BulkConnection } from './driver/bulk.ts'
import { statement } from './driver/database.ts'
import { beginReadCommitted } from './driver/isolation.ts'
import { batched, dumpTables } from './dump.ts'
import type { DumpedTable } from './dump.ts'

/** What an empty database has too. */
const madeByMigrations = ['epoch']

const identity = statement(
  'load-identity',
  `SELECT setval(pg_get_serial_sequence('audit', 'id'), coalesce((SELECT max(id) FROM audit), 0) + 1, false)`,
)
const keyIds = statement<{ id: string }>(
  'load-key-ids',
  `SELECT encrypted_by AS id FROM keys WHERE use <> 'file' OR retire_at IS NULL UNION SELECT encrypted_by FROM factors WHERE encrypted_by IS NOT NULL
   UNION SELECT encrypted_by FROM outbox WHERE done_at IS NULL AND encrypted_by <> ''`,
)

/** Runs the work in a transaction in which nobody else writes to our tables.
 *  @throws CodedError DATABASE_NOT_EMPTY that names the tables with rows */
export async function loadInto<T>(bulk: BulkConnection, work: () => Promise<T>): Promise<T> {
  const tables = dumpTables()
  await bulk.run(beginReadCommitted)
  try {
    await bulk.run(`LOCK TABLE ${tables.join(', ')} IN SHARE ROW EXCLUSIVE MODE`)
    const full: string[] = []
    for (const name of tables.filter((table) => !madeByMigrations.includes(table)))
      if ((await bulk.query(statement(`load-look-${name}`, `SELECT 1 FROM ${name} LIMIT 1`))).length > 0)
        full.push(name)
    if (full.length > 0)
      throw new CodedError('DATABASE_NOT_EMPTY', { message: `the database has rows already, in ${full.join(', ')}` })
    for (const name of madeByMigrations) await bulk.run(`DELETE FROM ${name}`)
    const result = await work()
    await bulk.query(identity)
    await bulk.run('COMMIT')
    return result
  } catch (error) {
    // a connection that is gone has rolled back by itself
    await bulk.run('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** @returns the ids of the key-encryption keys that some row needs */
export const neededKeys = async (bulk: BulkConnection): Promise<string[]> =>
  (await bulk.query(keyIds)).map(({ id }) => id)

/** Follows a script, without a database too.
 *  @param load takes the rows of a table; without it they are counted alone
 *  @returns what was in it
 *  @throws CodedError BACKUP_INVALID */
export async function readScript(
  script: AsyncIterable<Uint8Array>,
  load?: (copy: string, rows: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<DumpedTable[]> {
  const lines = linesOf(script)
  const found: DumpedTable[] = []
  try {
    for (const name of dumpTables()) {
      const head = (await lines.next()).value?.toString() ?? ''
      const [, columns] = new RegExp(String.raw`^COPY ${name} \(([a-z0-9_, ]+)\) FROM stdin;\n$`).exec(head) ?? []
      if (columns === undefined) throw invalid(`the rows of ${name} are not where they must be`)
      const counted = { rows: 0, hash: createHash('sha256') }
      const rows = batched(rowsOf(lines, name, counted))
      if (load === undefined) for await (const _ of rows);
      else await load(`COPY ${name} (${columns}) FROM STDIN`, rows)
      found.push({ name, rows: counted.rows, sha256: counted.hash.digest('hex') })
    }
    if ((await lines.next()).done !== true) throw invalid('there is more behind the last table')
    return found
  } finally {
    await lines.return(undefined)
  }
}

async function* rowsOf(
  lines: AsyncGenerator<Buffer>,
  table: string,
  counted: { rows: number; readonly hash: ReturnType<typeof createHash> },
): AsyncGenerator<Buffer> {
  for (;;) {
    const { value, done } = await lines.next()
    if (done === true) throw invalid(`the rows of ${table} have no end`)
    if (value.length === 3 && value.toString() === '\\.\n') return
    counted.rows++
    counted.hash.update(value)
    yield value
  }
}

/** Bytes. No row of ours comes near it; a small file can unpack to one without an end. */
const longestLine = 16 * 1024 * 1024

/** @returns each line with its end
 *  @throws CodedError BACKUP_INVALID for one that is too long */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    let from = 0
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
      yield rest.subarray(from, end + 1)
      from = end + 1
    }
    rest = rest.subarray(from)
    if (rest.length > longestLine) throw invalid(`it has a row of more than ${longestLine} bytes`)
  }
  if (rest.length > 0) yield rest
}

const invalid = (message: string) => new CodedError('BACKUP_INVALID', { message })
