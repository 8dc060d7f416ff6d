// Deletes expired rows in small batches. Every replica does; none waits for another.
import { hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { DatabaseClock } from './clock.ts'
import { statement } from './driver/database.ts'
import type { Connection, Statement } from './driver/database.ts'
import { isLongOver } from './tokens/one-time.ts'

export interface Reaper {
  /** One round over all tables.
   *  @param sectors the documents that clients name; undefined while this replica does not know all clients
   *  @returns how many rows were removed
   *  @throws CodedError CLOCKS_DIFFER, STORE_UNAVAILABLE */
  reap(sectors?: readonly string[]): Promise<number>
  /** Begins the rounds; once they go on, it does nothing more. */
  start(sectors: () => readonly string[] | undefined): void
  stop(): void
}

/** Rows in one statement, few enough for short locks, and milliseconds between two rounds. */
const batchRows = 1000
const everyMs = 60_000
/** Rows stay this much longer, in case the clocks of the replicas differ. */
const slack = "interval '10 minutes'"

/** @param condition SQL; `$2` is the retention of the audit log in milliseconds */
const reaping = (table: string, key: string, condition: string): Statement =>
  statement(
    `reap-${table}`,
    `WITH old AS (SELECT ${key} FROM ${table} WHERE ${condition} LIMIT $1 FOR UPDATE SKIP LOCKED)
     DELETE FROM ${table} t USING old WHERE ${key
       .split(', ')
       .map((column) => `t.${column} = old.${column}`)
       .join(' AND ')} RETURNING 1`,
    { batched: true },
  )

/** The last one of a person stays: without a known browser nobody is told of a new one. Its time is that of no clock, so that no round looks at it again. */
const oldBrowsers = statement(
  'reap-known_browsers',
  `WITH old AS (SELECT k.user_id, k.browser, EXISTS (SELECT FROM known_browsers o WHERE o.user_id = k.user_id
       AND (o.last_seen, o.browser) > (k.last_seen, k.browser)) AS has_newer
     FROM known_browsers k WHERE k.last_seen < now() - interval '400 days' LIMIT $1 FOR UPDATE SKIP LOCKED),
   kept AS (UPDATE known_browsers t SET last_seen = 'infinity' FROM old
     WHERE t.user_id = old.user_id AND t.browser = old.browser AND NOT old.has_newer RETURNING 1)
   DELETE FROM known_browsers t USING old WHERE t.user_id = old.user_id AND t.browser = old.browser AND old.has_newer RETURNING 1`,
  { batched: true },
)

const rounds: readonly Statement[] = [
  reaping('one_time', 'kind, id', isLongOver('expires_at')),
  reaping('pushed_requests', 'id', 'expires_at < now()'),
  // a device that is late is told that its code has expired
  reaping('device_codes', 'id', `expires_at < now() - ${slack}`),
  reaping('attempts', 'key', 'until < now()'),
  // a revoked grant stays until its tokens have expired: its row is what refuses them
  reaping('grants', 'id', `expires_at < now() - ${slack}`),
  reaping('devices', 'session_uid, client_uid', `expires_at < now() - ${slack}`),
  // what was done stays as a mark, so that nobody queues it again
  reaping('outbox', 'id', "done_at < now() - interval '2 days'"),
  reaping('mail_links', 'token_hash', `expires_at < now() - ${slack}`),
  reaping('desk_requests', 'id', `expires_at < now() - ${slack}`),
  oldBrowsers,
]
/** Each replica marks once a day the documents that its clients name, so that a replica with fewer clients deletes none of the others'. */
const unnamedSectors = reaping('sector_documents', 'uri', "named_at < now() - interval '30 days'")
const nameSectors = statement(
  'reap-name-sectors',
  "UPDATE sector_documents SET named_at = now() WHERE uri = ANY($1) AND named_at < now() - interval '1 day'",
  { batched: true },
)
const audit = reaping('audit', 'id', "at < now() - $2::float8 * interval '1 millisecond'")

interface Needs {
  readonly database: Connection
  /** Asked before each round: a database that wakes up days ahead would delete all that lives. */
  readonly clock: Pick<DatabaseClock, 'check'>
  readonly log: Log
  /** Older rows of the audit log are removed. */
  readonly auditRetentionMs: number
}

export function createReaper(needs: Needs): Reaper {
  let timer: NodeJS.Timeout | undefined
  async function clear(round: Statement, values: readonly unknown[]): Promise<number> {
    let total = 0
    for (let gone = batchRows; gone === batchRows; total += gone)
      gone = (await needs.database.query(round, values)).length
    return total
  }
  /** A table that cannot be cleared keeps no other one full. */
  const clearAlone = (round: Statement, values: readonly unknown[]): Promise<number> =>
    clear(round, values).catch((error: unknown) => {
      if (hasCode(error, 'STORE_UNAVAILABLE')) throw error
      needs.log.error({ round: round.name, error }, 'expired rows were not removed')
      return 0
    })
  async function reap(sectors?: readonly string[]): Promise<number> {
    await needs.clock.check()
    let total = 0
    if (sectors !== undefined) {
      await needs.database.query(nameSectors, [sectors])
      total += await clearAlone(unnamedSectors, [batchRows])
    }
    for (const round of rounds) total += await clearAlone(round, [batchRows])
    return total + (await clearAlone(audit, [batchRows, needs.auditRetentionMs]))
  }
  const next = (sectors: () => readonly string[] | undefined) => {
    timer = setTimeout(
      () => {
        reap(sectors())
          .catch((error: unknown) => needs.log.warn({ error }, 'expired rows were not removed; trying again later'))
          .finally(() => {
            if (timer !== undefined) next(sectors)
          })
      },
      everyMs * (0.5 + Math.random()),
    )
    timer.unref()
  }
  return {
    reap,
    start: (sectors) => {
      if (timer === undefined) next(sectors)
    },
    stop: () => {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
