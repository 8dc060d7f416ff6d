// The one door to PostgreSQL: pool, time-outs, transactions, LISTEN. The SQL stands beside the table that it is about.
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'
import pgPromise from 'pg-promise'
import { CodedError } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { Log, Secret } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { createBoundedQueue } from './bounded-queue.ts'

/** A prepared statement: PostgreSQL plans it once per connection under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
  /** Whether it changes rows, so that it commits and is never sent twice. */
  readonly writes: boolean
}

/** @param name unique among all statements: a second text under one name would be refused by PostgreSQL */
export function statement(name: string, text: string): Statement {
  return { name, text, writes: /\b(INSERT|UPDATE|DELETE|NOTIFY|pg_notify)\b/.test(text) }
}

export interface Connection {
  /** @returns the rows; throws CodedError STORE_UNAVAILABLE when PostgreSQL cannot answer */
  query<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
}

export interface Database extends Connection {
  /** Runs the work in one transaction; again (4 times in all) when PostgreSQL found a conflict (40001, 40P01). */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Calls back at each NOTIFY, and after each reconnect, since what came meanwhile was missed. */
  listen(channel: string, onNotification: (payload: string) => void): Promise<Listening>
  /** Monotonic; a test takes the difference. BEGIN and COMMIT count as round trips. */
  counters(): { roundTrips: number; commits: number }
  /** Answers when PostgreSQL does. */
  ping(): Promise<void>
  stop(): Promise<void>
}

export interface Listening {
  stop(): Promise<void>
}

/** How to reach PostgreSQL. `password` is asked at each connect, so that a rotated file is picked up. */
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

const retries = 3
const redial = { firstMs: 250, maxMs: 5000 }
const pgp = pgPromise({ noWarnings: true })
// bigint columns hold counters and sizes here, far below 2^53
pgp.pg.types.setTypeParser(20, Number)

type Pool = ReturnType<typeof pgp>
type Wire = Awaited<ReturnType<Pool['connect']>>

export function createDatabase(options: {
  connection: DatabaseConnection
  log: Log
  metrics?: Metrics
  applicationName?: string
}): Database {
  const { log } = options
  const counts = { roundTrips: 0, commits: 0 }
  const gauges = options.metrics && createGauges(options.metrics)
  const pool = pgp(poolConfig(options.connection, options.applicationName ?? 'nauthera'))
  const report = oncePerTenSeconds((error) => log.warn({ error }, 'database unavailable'))
  // an idle connection that the server cuts must not end the process; the pool forgets it by itself
  pool.$pool.on('error', (error: Error) => report(error))

  const slots = createBoundedQueue(
    { width: options.connection.poolMax, waitMs: databaseTimeouts.slot, longest: Infinity },
    () => new CodedError('STORE_UNAVAILABLE', { message: 'every connection is busy' }),
  )
  const withWire = <T>(work: (wire: Wire) => Promise<T>): Promise<T> => slots.take(() => onWire(work))

  async function onWire<T>(work: (wire: Wire) => Promise<T>): Promise<T> {
    const wire = await pool.connect()
    try {
      const result = await work(wire)
      await wire.done()
      return result
    } catch (error) {
      // a connection that timed out is in the middle of an answer; one to a demoted server would refuse for ever
      await wire.done(isBroken(error) || sqlState(error) === '25006')
      throw error
    }
  }

  async function run<Row>(wire: Wire, asked: Statement, values: readonly unknown[]): Promise<Row[]> {
    counts.roundTrips++
    const ended = gauges?.seconds.startTimer()
    // the driver itself: pg-promise's own way to a prepared statement costs as much again
    const { rows } = await wire.client.query<Row>({ name: asked.name, text: asked.text, values: [...values] })
    ended?.()
    return rows
  }

  async function alone<Row>(asked: Statement, values: readonly unknown[]): Promise<Row[]> {
    const rows = await withWire((wire) => run<Row>(wire, asked, values))
    if (asked.writes) counts.commits++
    return rows
  }

  async function plain(wire: Wire, text: string): Promise<void> {
    counts.roundTrips++
    await wire.none(text)
  }

  async function inTransaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return withWire(async (wire) => {
      await plain(wire, 'BEGIN')
      try {
        const result = await work({ query: (asked, values = []) => run(wire, asked, values) })
        await plain(wire, 'COMMIT')
        counts.commits++
        return result
      } catch (error) {
        if (!isBroken(error)) await plain(wire, 'ROLLBACK')
        throw error
      }
    })
  }

  /** A conflict was rolled back, so it is safe to repeat; a read over a dead idle connection too. Nothing else is. */
  async function guarded<T>(work: () => Promise<T>, readOnly: boolean): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        const conflict = sqlState(error) === '40001' || sqlState(error) === '40P01'
        if (conflict && attempt <= retries) continue
        if (readOnly && attempt === 1 && isDeadConnection(error)) continue
        const coded = toCoded(error)
        gauges?.failures.inc()
        if (coded.code === 'STORE_UNAVAILABLE') report(error)
        throw coded.code === undefined ? error : coded.error
      }
    }
  }

  const listeners = createListeners({ pool, log })
  let stopped: Promise<void> | undefined
  return {
    query: (asked, values = []) => guarded(() => alone(asked, values), !asked.writes),
    transaction: (work) => guarded(() => inTransaction(work), false),
    listen: (channel, onNotification) => listeners.listen(channel, onNotification),
    counters: () => ({ ...counts }),
    ping: async () => {
      await guarded(() => alone(pingStatement, []), true)
    },
    stop: () => (stopped ??= listeners.stop().then(() => pool.$pool.end())),
  }
}

function createGauges(metrics: Metrics) {
  const buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 3]
  return {
    seconds: metrics.histogram(
      'nauthera_server_database_seconds',
      'Time of a statement that was answered.',
      [],
      buckets,
    ),
    failures: metrics.counter('nauthera_server_database_failures_total', 'Statements and transactions that failed.'),
  }
}

const pingStatement = statement('ping', 'SELECT 1')

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
            // for an address the driver names no host, and node:tls would then check for the name localhost
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
    // a hung server answers no statement time-out, so the client has one too
    query_timeout: databaseTimeouts.answer,
    idleTimeoutMillis: databaseTimeouts.idle,
    allowExitOnIdle: true,
  }
}

/** One connection listens to all channels and is dialled again for ever. */
function createListeners(options: { pool: Pool; log: Log }) {
  const channels = new Map<string, Set<(payload: string) => void>>()
  let wire: Wire | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let dialling: Promise<void> | undefined

  const dial = (): Promise<void> => (dialling ??= open().finally(() => (dialling = undefined)))

  async function open(): Promise<void> {
    const next = await options.pool.connect({ direct: true, onLost: lost })
    if (stopped) {
      await next.done()
      return
    }
    next.client.on('notification', (message: { channel: string; payload?: string }) => {
      for (const callback of channels.get(message.channel) ?? []) callback(message.payload ?? '')
    })
    wire = next
    for (const channel of channels.keys()) await next.none('LISTEN $1:name', [channel])
  }

  function lost(): void {
    wire = undefined
    redialAfter(redial.firstMs)
  }

  function redialAfter(delayMs: number): void {
    if (stopped || timer !== undefined) return
    timer = setTimeout(
      () => {
        timer = undefined
        dial().then(
          () => {
            // what was told meanwhile was missed
            for (const tell of [...channels.values()].flatMap((callbacks) => [...callbacks])) tell('')
          },
          () => redialAfter(Math.min(delayMs * 2, redial.maxMs)),
        )
      },
      delayMs * (0.5 + Math.random() / 2),
    )
    timer.unref()
  }

  return {
    async listen(channel: string, onNotification: (payload: string) => void): Promise<Listening> {
      const callbacks = channels.get(channel) ?? new Set()
      const isNew = callbacks.size === 0
      channels.set(channel, callbacks.add(onNotification))
      try {
        if (wire === undefined) await dial()
        else if (isNew) await wire.none('LISTEN $1:name', [channel])
      } catch (error) {
        options.log.warn({ error, channel }, 'database channel not open yet')
        redialAfter(redial.firstMs)
      }
      return {
        stop: async () => {
          callbacks.delete(onNotification)
          if (callbacks.size > 0) return
          channels.delete(channel)
          await wire?.none('UNLISTEN $1:name', [channel])
        },
      }
    },
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      const open = wire
      wire = undefined
      await open?.done()
    },
  }
}

const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])
const networkMessages = [
  'Query read timeout',
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Client has encountered a connection error',
  'Cannot use a pool after calling end',
  'Connection pool of the database object has been destroyed',
  'The server does not support SSL connections',
]

/** The connection is gone or in an unknown state. */
function isBroken(error: unknown): boolean {
  const state = sqlState(error) ?? ''
  if (networkCodes.has(state) || /^(08|57P)/.test(state)) return true
  const message = error instanceof Error ? error.message : ''
  return networkMessages.some((known) => message.includes(known))
}

/** Cut while it was idle: found out only when it is used. */
const isDeadConnection = (error: unknown): boolean =>
  isBroken(error) && !/timeout|ECONNREFUSED|ENOTFOUND/i.test(`${sqlState(error)} ${String(error)}`)

/** Insufficient resources (53), operator intervention (57), system error (58), a standby (25006), conflicts that lasted (40),
 *  a refused sign-in (28), a database that is not there (3D). */
const unavailableStates = /^(53|57|58|40|28|3D|25006|XX)/

function toCoded(error: unknown): { code?: string; error: unknown } {
  if (error instanceof CodedError) return { error }
  const state = sqlState(error) ?? ''
  const text = describeError(error)
  if (isBroken(error) || unavailableStates.test(state) || isTlsFault(error)) {
    return { code: 'STORE_UNAVAILABLE', error: new CodedError('STORE_UNAVAILABLE', { cause: error, message: text }) }
  }
  // a table or column that this release needs is not there
  if (state === '42P01' || state === '42703') {
    return {
      code: 'STORE_SCHEMA_OUTDATED',
      error: new CodedError('STORE_SCHEMA_OUTDATED', { cause: error, message: `${text}; run "nauthera migrate up"` }),
    }
  }
  return { error }
}

const isTlsFault = (error: unknown): boolean =>
  /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(sqlState(error) ?? '')

/** @returns whether the error is the violation of that constraint */
export function violates(error: unknown, constraint: string): boolean {
  return sqlState(error)?.startsWith('23') === true && (error as { constraint?: string }).constraint === constraint
}

function oncePerTenSeconds(report: (error: unknown) => void): (error: unknown) => void {
  let quietUntil = -Infinity
  return (error) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + 10_000
    report(error)
  }
}
