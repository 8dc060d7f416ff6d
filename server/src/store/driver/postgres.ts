// The one door to PostgreSQL: pool, time-outs, transactions, LISTEN. The SQL is in the files of the tables.
import type { EventEmitter } from 'node:events'
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'
import pgPromise from 'pg-promise'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { Log, Secret } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'
import { createBoundedQueue } from './bounded-queue.ts'
import type { BoundedQueue } from './bounded-queue.ts'
import { Listeners } from './listeners.ts'
import type { DialWire, Listening, ListeningWire } from './listeners.ts'
import { PreparedQuery } from './prepared-query.ts'
import { codedOf, hasStalePlan, isBroken, isDeadConnection, sqlState } from './postgres-errors.ts'

/** A prepared statement: PostgreSQL plans it once per connection under its name. Its rows are of the type that it says: PostgreSQL
 *  holds the types of columns, and the statement is where they are chosen. */
export interface Statement<Row = unknown> {
  /** For the compiler alone. */
  readonly row?: Row
  readonly name: string
  readonly text: string
  /** Of its parameters, in the order of `$1`, `$2`; empty when its text has numbers. */
  readonly parameters: readonly string[]
  /** Whether it may change rows: then it is never sent twice, and counts as a commit when it has. */
  readonly writes: boolean
  /** It belongs to no request, or to many at once, so it counts for none of them. */
  readonly batched: boolean
  /** Whether it has changed rows, by what it answered. */
  hasWritten(rows: readonly Row[]): boolean
}

/** Values in the order of `$1`, `$2`, or by the names of the statement. */
export type StatementValues = readonly unknown[] | Readonly<Record<string, unknown>>

/** @param name unique among all statements: a second text under one name would be refused by PostgreSQL
 *  @param text with parameters `$1`, or with names for them such as `$userId`
 *  @param options.hasWritten of a statement that often only reads */
export function statement<Row>(
  name: string,
  text: string,
  {
    batched = false,
    hasWritten = () => true,
  }: { batched?: boolean; hasWritten?: (rows: readonly Row[]) => boolean } = {},
): Statement<Row> {
  const writes = /\b(INSERT|UPDATE|DELETE|NOTIFY|pg_notify)\b/.test(text)
  const parameters = [...new Set(Array.from(text.matchAll(/\$([a-z]\w*)/gi), ([, parameter]) => parameter!))]
  const numbered = text.replace(/\$([a-z]\w*)/gi, (_, parameter: string) => `$${parameters.indexOf(parameter) + 1}`)
  return { name, text: numbered, parameters, batched, writes, hasWritten }
}

export function inOrder({ name, parameters }: Statement, values: StatementValues): readonly unknown[] {
  if (isList(values)) return values
  return parameters.map((parameter) => {
    if (!(parameter in values)) throw new TypeError(`${name}: no value for $${parameter}`)
    return values[parameter]
  })
}

const isList = (values: StatementValues): values is readonly unknown[] => Array.isArray(values)

export interface Connection {
  /** @returns the rows; throws CodedError STORE_UNAVAILABLE when PostgreSQL cannot answer */
  query<Row>(statement: Statement<Row>, values?: StatementValues): Promise<Row[]>
}

export interface Database extends Connection {
  /** Runs the work in one transaction. After a conflict (40001, 40P01), and where a table has got other columns, it runs again, 4 times in all. */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Calls back at each NOTIFY, and after each reconnect: notifications of the meantime are lost. */
  listen(channel: string, onNotification: (payload: string) => void): Promise<Listening>
  /** Monotonic; a test takes the difference. BEGIN and COMMIT count as round trips; what is batched counts apart. */
  counters(): { roundTrips: number; commits: number; batches: number }
  stop(): Promise<void>
}

/** How to reach PostgreSQL. `password` is read at each connect, so that a new password in the file is used. */
export interface DatabaseConnection {
  readonly host: string
  readonly port: number
  readonly name: string
  readonly user: string
  readonly password: () => Secret | undefined
  /** false: no TLS; else what node:tls takes. */
  readonly tls: false | { ca?: string; rejectUnauthorized: boolean; checkName: boolean }
  readonly poolMax: number
}

/** Milliseconds. A call ends well within the 10 s of a request, whatever PostgreSQL does. */
const databaseTimeouts = {
  slot: 1000,
  connect: 2000,
  statement: 3000,
  idleInTransaction: 5000,
  answer: 4000,
  idle: 30_000,
}

/** How often a transaction is repeated after a conflict. */
const retries = 3
const pgp = pgPromise({ noWarnings: true })
// bigint columns hold counters and sizes here, far below 2^53
pgp.pg.types.setTypeParser(20, Number)

type Pool = ReturnType<typeof pgp>

/** A connection that was taken from the pool. */
interface Wire {
  query(query: PreparedQuery): unknown
  query(text: string): Promise<unknown>
  /** @param isBroken it is closed then */
  release(isBroken?: boolean): void
}

interface DatabaseOptions {
  readonly connection: DatabaseConnection
  readonly log: Log
  readonly metrics?: Metrics
  readonly applicationName?: string
}

/** Connections without time-outs of statements (bulk.ts). */
export const dialPool = (connection: DatabaseConnection, applicationName: string) =>
  pgp(clientConfig(connection, applicationName)).$pool

export const createDatabase = (options: DatabaseOptions): Database => new PostgresDatabase(options)

class PostgresDatabase implements Database {
  readonly #pool: Pool
  readonly #slots: BoundedQueue
  readonly #listeners: Listeners
  readonly #gauges: ReturnType<typeof createGauges> | undefined
  readonly #report: (error: unknown) => void
  readonly #counts = { roundTrips: 0, commits: 0, batches: 0 }
  #stopped: Promise<void> | undefined

  constructor({ connection, log, metrics, applicationName = 'nauthera' }: DatabaseOptions) {
    this.#pool = pgp(poolConfig(connection, applicationName))
    this.#slots = createBoundedQueue(
      { width: connection.poolMax, waitMs: databaseTimeouts.slot, longest: Infinity },
      () => new CodedError('STORE_UNAVAILABLE', { message: 'all connections to the database are in use' }),
    )
    this.#listeners = new Listeners({ dial: (on) => dialWire(this.#pool, on), log })
    this.#gauges = metrics && createGauges(metrics)
    this.#report = oncePerTenSeconds((error) => log.warn({ error }, 'database unavailable'))
    // without a listener, an idle connection that is cut would end the process; the pool forgets it by itself
    this.#pool.$pool.on('error', (error: Error) => this.#report(error))
    // the same of one in use: its statement is told
    this.#pool.$pool.on('connect', (client: EventEmitter) => void client.on('error', () => undefined))
  }

  query<Row>(asked: Statement<Row>, values: StatementValues = []): Promise<Row[]> {
    return this.#guarded(() => this.#alone(asked, values), !asked.writes)
  }

  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#guarded(() => this.#inTransaction(work), false)
  }

  listen(channel: string, onNotification: (payload: string) => void): Promise<Listening> {
    return this.#listeners.listen(channel, onNotification)
  }

  counters(): { roundTrips: number; commits: number; batches: number } {
    return { ...this.#counts }
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#listeners.stop().then(() => this.#pool.$pool.end()))
  }

  /** Only this is safe to repeat: what a conflict rolled back, what could not begin, and a read that met a dead idle connection. */
  async #guarded<T>(work: () => Promise<T>, readOnly: boolean): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        const conflict = sqlState(error) === '40001' || sqlState(error) === '40P01'
        if ((conflict || hasStalePlan(error)) && attempt <= retries) continue
        if (readOnly && attempt === 1 && isDeadConnection(error)) continue
        const coded = codedOf(error)
        this.#gauges?.failures.inc()
        if (coded !== error && hasCode(coded, 'STORE_UNAVAILABLE')) this.#report(error)
        throw coded
      }
    }
  }

  async #alone<Row>(asked: Statement<Row>, values: StatementValues): Promise<Row[]> {
    const rows = await this.#withWire((wire) => this.#run(wire, asked, values))
    if (asked.writes && !asked.batched && asked.hasWritten(rows)) this.#counts.commits++
    return rows
  }

  #inTransaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#withWire(async (wire) => {
      await this.#plain(wire, 'BEGIN')
      try {
        const result = await work({ query: (asked, values = []) => this.#run(wire, asked, values) })
        await this.#plain(wire, 'COMMIT')
        this.#counts.commits++
        return result
      } catch (error) {
        if (!isBroken(error)) await this.#plain(wire, 'ROLLBACK')
        throw error
      }
    })
  }

  #withWire<T>(work: (wire: Wire) => Promise<T>): Promise<T> {
    return this.#slots.waitForTurn(async () => {
      // from the driver's own pool: what pg-promise makes of each connection that it hands out, nobody needs here
      const wire: Wire = await this.#pool.$pool.connect()
      try {
        const result = await work(wire)
        wire.release()
        return result
      } catch (error) {
        // not to be used again: after a time-out an answer may still come, a demoted server refuses every write, and a stale plan stays
        wire.release(isBroken(error) || sqlState(error) === '25006' || hasStalePlan(error))
        throw error
      }
    })
  }

  async #run<Row>(wire: Wire, asked: Statement<Row>, values: StatementValues): Promise<Row[]> {
    this.#counts[asked.batched ? 'batches' : 'roundTrips']++
    const began = performance.now()
    try {
      const rows = await runPrepared(wire, asked, inOrder(asked, values))
      this.#gauges?.seconds.observe((performance.now() - began) / 1000)
      return rows as Row[]
    } catch (error) {
      // else its trace leads to the socket that brought it
      if (error instanceof Error) Error.captureStackTrace(error)
      throw error
    }
  }

  async #plain(wire: Wire, text: string): Promise<void> {
    this.#counts.roundTrips++
    await wire.query(text)
  }
}

/** In one write: the driver's own query costs twice as much, and a prepared statement of pg-promise four times. */
function runPrepared(wire: Wire, asked: Statement, values: readonly unknown[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const callback: PreparedQuery['callback'] = (error, rows = []) => {
      if (error) reject(error as Error)
      else resolve(rows)
    }
    wire.query(new PreparedQuery({ asked, values, parsers, callback }))
  })
}

const parsers = (type: number) => pgp.pg.types.getTypeParser(type) as (text: string) => unknown

async function dialWire(pool: Pool, on: Parameters<DialWire>[0]): Promise<ListeningWire> {
  const wire = await pool.connect({ direct: true, onLost: () => on.lost() })
  wire.client.on('notification', ({ channel, payload }) => on.notification(channel, payload ?? ''))
  return {
    listen: async (channel) => void (await wire.none('LISTEN $1:name', [channel])),
    unlisten: async (channel) => void (await wire.none('UNLISTEN $1:name', [channel])),
    close: async () => wire.done(),
  }
}

const createGauges = (metrics: Metrics) => ({
  seconds: metrics.histogram(serverMetrics.databaseSeconds),
  failures: metrics.counter(serverMetrics.databaseFailures),
})

/** What the driver needs to connect. */
export function clientConfig(connection: DatabaseConnection, applicationName: string) {
  const { tls } = connection
  return {
    host: connection.host,
    port: connection.port,
    database: connection.name,
    user: connection.user,
    password: () => connection.password()?.reveal() ?? '',
    ssl:
      tls === false
        ? false
        : {
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            rejectUnauthorized: tls.rejectUnauthorized,
            // for an IP address the driver gives no host name, and node:tls would then check for localhost
            checkServerIdentity: (_: string, certificate: PeerCertificate) =>
              tls.checkName ? checkServerIdentity(connection.host, certificate) : undefined,
          },
    connectionTimeoutMillis: databaseTimeouts.connect,
    keepAlive: true,
    application_name: applicationName,
  }
}

function poolConfig(connection: DatabaseConnection, applicationName: string) {
  return {
    ...clientConfig(connection, applicationName),
    max: connection.poolMax,
    statement_timeout: databaseTimeouts.statement,
    idle_in_transaction_session_timeout: databaseTimeouts.idleInTransaction,
    // a server that hangs does not obey statement_timeout, so the client has a time-out too
    query_timeout: databaseTimeouts.answer,
    idleTimeoutMillis: databaseTimeouts.idle,
    allowExitOnIdle: true,
  }
}

function oncePerTenSeconds(report: (error: unknown) => void): (error: unknown) => void {
  let quietUntil = -Infinity
  return (error) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + 10_000
    report(error)
  }
}
