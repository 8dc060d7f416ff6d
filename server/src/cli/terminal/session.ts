// What every command shares: settings, database and terminal.
import { once } from 'node:events'
import { createLog } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '../../settings.ts'
import type { ServerSettings } from '../../settings.ts'
import { createAudit } from '../../store/audit/audit.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { Cache } from '../../store/cache/cache.ts'
import { cacheConnection } from '../../store/cache/cache-connection.ts'
import { createChanges } from '../../store/cache/changes.ts'
import type { StoreChanges } from '../../store/cache/changes.ts'
import { databaseConnection } from '../../store/driver/connection.ts'
import { loadKeyRing } from '../../store/driver/envelope.ts'
import { createDatabase } from '../../store/driver/postgres.ts'
import type { DatabaseConnection } from '../../store/driver/address.ts'
import type { Database } from '../../store/driver/database.ts'
import { createOutbox } from '../../store/outbox/outbox.ts'
import type { Outbox } from '../../store/outbox/outbox.ts'
import { createRedisCache } from '../../store/cache/redis-cache.ts'
import { createListing, renderOne, renderRows } from './output.ts'
import type { OutputFormat, OutputRow } from './output.ts'
import { createProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'

export interface CommandSession {
  readonly terminal: Terminal
  /** The operating system's name of who runs the command. */
  readonly by: string
  /** Of the option `--reason`. */
  readonly reason: () => string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Of the option `--settings`. */
  readonly settingsFile: () => string
  readonly outputFormat: () => OutputFormat
}

/** @throws CodedError SETTINGS_INVALID */
export function settingsOf(session: CommandSession, file = session.settingsFile()): ServerSettings {
  return loadSettings(settingsSchema, { file, environment: session.environment })
}

/** @throws CodedError SETTINGS_INVALID */
export function connectionOf(session: CommandSession): DatabaseConnection {
  return { ...databaseConnection(settingsOf(session).database), poolMax: 2 }
}

export interface Opened {
  readonly database: Database
  readonly audit: Audit
  readonly changes: StoreChanges
  readonly outbox: Outbox
  readonly log: Log
}

/** Opens database and cache, runs the work, and always closes both. */
export async function withDatabase<T>(session: CommandSession, work: (opened: Opened) => Promise<T>): Promise<T> {
  const { stderr } = session.terminal
  // level warn: audit lines would mix with the output; audit rows are still written
  const log = createLog({
    process: 'nauthera',
    level: 'warn',
    format: 'pretty',
    sink: { write: (line) => void stderr.write(line) },
  })
  const database = createDatabase({ connection: connectionOf(session), log, applicationName: 'nauthera-cli' })
  const settings = settingsOf(session)
  const audit = signed(createAudit({ database, log, replica: 'cli', settings: settings.audit }), session)
  const cache = openCache(settings, log)
  const ring = () => loadKeyRing(settings.keysDirectory)
  const outbox = createOutbox({ database, ring, audit, sendsMail: settings.mail !== undefined })
  try {
    await cache?.settled()
    return await work({ database, audit, changes: createChanges(cache), outbox, log })
  } finally {
    await cache?.stop()
    await audit.stop()
    await database.stop()
  }
}

function openCache({ cache, keysDirectory }: ServerSettings, log: Log): Cache | undefined {
  const connection = cacheConnection(cache)
  if (connection === undefined) return undefined
  return createRedisCache({
    connection,
    keys: loadKeyRing(keysDirectory).derive('cache'),
    timeoutMs: cache.timeout,
    log,
  })
}

/** Adds who ran the command, and why, to each audit event. */
function signed(audit: Audit, { by, reason }: CommandSession): Audit {
  const why = reason()
  const sign = (event: AuditEvent): AuditEvent => ({
    ...event,
    detail: { ...event.detail, by, ...(why === undefined ? {} : { why }) },
  })
  return {
    ...audit,
    rows: (events) => audit.rows(events.map(sign)),
    record: (event) => audit.record(sign(event)),
    recordGranted: (event) => audit.recordGranted(sign(event)),
  }
}

/** The audit event of a command. */
export function adminEvent(command: string, about: Partial<AuditEvent> = {}): AuditEvent {
  return { event: `admin.${command}`, outcome: 'success', ...about }
}

export function print(session: CommandSession, rows: readonly OutputRow[], columns: readonly string[]): void {
  session.terminal.stdout.write(renderRows(session.outputFormat(), rows, columns))
}

/** Prints one object: as a table, a line for each of its fields. */
export function printOne(session: CommandSession, row: OutputRow, columns: readonly string[]): void {
  session.terminal.stdout.write(renderOne(session.outputFormat(), row, columns))
}

/** Prints a long list page by page, with progress when the list does not go to the terminal.
 *  @param options.asLines for an endless list: one JSON object a line */
export async function printPages(
  session: CommandSession,
  pages: AsyncIterable<readonly OutputRow[]>,
  columns: readonly string[],
  options: { asLines?: boolean } = {},
): Promise<void> {
  const { terminal } = session
  const listing = createListing(session.outputFormat(), columns, options)
  const progress = createProgress(terminal)
  let count = 0
  try {
    for await (const rows of pages) {
      await write(terminal, listing.page(rows))
      count += rows.length
      if (terminal.stdout.isTTY !== true) progress.write(`${count} so far`)
    }
    await write(terminal, listing.end())
  } finally {
    progress.end()
  }
}

/** Waits for a slow reader. */
async function write({ stdout }: CommandSession['terminal'], text: string): Promise<void> {
  if (text !== '' && !stdout.write(text)) await once(stdout, 'drain')
}

/** Prints a hint to standard error. */
export function printHint(session: CommandSession, text: string): void {
  session.terminal.stderr.write(`${text}\n`)
}
