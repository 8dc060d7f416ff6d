// The one door to PostgreSQL: pool, time-outs, transactions, LISTEN. The SQL is in the files of the tables.
import type { EventEmitter } from 'node:events'
import { asError, CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { inSpan } from '@nauthera/runtime/traces'
import { databaseTimeouts, listenConfig, poolConfig, timeoutsOf } from './address.ts'
import type { DatabaseConnection } from './address.ts'
import { createBoundedQueue } from './bounded-queue.ts'
import type { BoundedQueue } from './bounded-queue.ts'
import { createPool, quoteName, openClient, valueTypes } from './guarded-client.ts'
import type { DriverPool } from './guarded-client.ts'
import { createGauges } from './gauges.ts'
import { inOrder, statement } from './database.ts'
import type { Connection, Database, Listening, Statement, StatementValues } from './database.ts'
import { beginReadCommitted } from './isolation.ts'
import { Listeners } from './listeners.ts'
import type { DialWire, ListeningWire } from './listeners.ts'
import { PreparedQuery } from './prepared-query.ts'
import type { FieldParsers } from './result-rows.ts'
import {
  ConnectionFault,
  codedOf,
  connectFault,
  hasStalePlan,
  isBroken,
  isDeadConnection,
  isUnfit,
  sqlState,
  standbyFault,
} from './postgres-errors.ts'

/** The limits of one transaction. Behind a pooler a session's own limits would hold for others too. */
const limits = statement(
  'transaction-limits',
  `SELECT set_config('statement_timeout', '${databaseTimeouts.statement}', true)`,
)
const beginWithLimits = `${beginReadCommitted}; SET LOCAL statement_timeout = ${databaseTimeouts.statement}; SET LOCAL idle_in_transaction_session_timeout = ${databaseTimeouts.idleInTransaction}`
const isStandby = statement<{ standby: boolean }>('is-standby', 'SELECT pg_is_in_recovery() AS standby')
const notify = statement('listen-proof', 'SELECT pg_notify($1, $2)', { batched: true })

/** How often a transaction is repeated after a conflict. */
const retries = 3
const timestamptz = 1184
// bigint columns hold counters and sizes here, far below 2^53
valueTypes.setTypeParser(20, Number)
const readTime: (text: string) => unknown = valueTypes.getTypeParser(timestamptz)
// twice as fast as the driver's own, which is left what is no time of JavaScript, such as infinity, and early years: the year 1 would be 2001
valueTypes.setTypeParser(timestamptz, (text) => {
  const time = text.startsWith('0') ? undefined : new Date(text)
  return time === undefined || Number.isNaN(time.getTime()) ? readTime(text) : time
})

/** A connection. */
interface BareWire {
  query(query: PreparedQuery): unknown
  query(text: string): Promise<unknown>
}

/** One that was taken from the pool. */
interface Wire extends BareWire {
  /** @param isBroken it is closed then */
  release(isBroken?: boolean): void
}

interface DatabaseOptions {
  readonly connection: DatabaseConnection
  readonly log: Log
  readonly metrics?: Metrics
  readonly applicationName?: string
  /** For tests: milliseconds in which the connection that listens has to prove itself. */
  readonly listenPatience?: number
}

export const createDatabase = (options: DatabaseOptions): Database => new PostgresDatabase(options)

class PostgresDatabase implements Database {
  readonly #pool: DriverPool
  /** To PostgreSQL itself, for LISTEN. */
  readonly #direct: DriverPool
  readonly #isPooled: boolean
  readonly #timeouts: ReturnType<typeof timeoutsOf>
  readonly #slots: BoundedQueue
  readonly #listeners: Listeners
  readonly #gauges: ReturnType<typeof createGauges> | undefined
  readonly #report: (error: unknown) => void
  readonly #counts = { roundTrips: 0, commits: 0, batches: 0 }
  readonly #greeted = new WeakSet<Wire>()
  /** Behind a pooler: part of the text of all statements. It rises when tables got new columns, so that all are prepared anew. */
  #edition = 0
  /** Whether the last statement was answered. */
  #isUp = false
  #stopped: Promise<void> | undefined

  constructor({ connection, log, metrics, applicationName = 'nauthera', listenPatience }: DatabaseOptions) {
    this.#timeouts = timeoutsOf(connection)
    this.#isPooled = connection.direct !== undefined
    this.#pool = createPool(poolConfig(connection, applicationName))
    this.#direct = createPool(listenConfig(connection, applicationName))
    this.#slots = createBoundedQueue(
      { width: connection.poolMax, waitMs: this.#timeouts.slot, longest: Infinity },
      () => {
        this.#gauges?.refused.inc()
        return new CodedError('STORE_UNAVAILABLE', { message: 'all connections to the database are in use' })
      },
    )
    this.#listeners = new Listeners({
      dial: (on) => dialWire(this.#direct, on),
      notify: async (channel, payload) => void (await this.query(notify, [channel, payload])),
      isDirect: this.#isPooled,
      log,
      patience: listenPatience,
    })
    this.#gauges = metrics && createGauges(metrics, this.#slots, () => this.#isUp)
    this.#report = oncePerTenSeconds((error) => log.warn({ error }, 'database unavailable'))
    // without a listener, an idle connection that is cut would end the process; the pool forgets it by itself
    this.#pool.on('error', (error: Error) => this.#report(error))
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

  async checkListening(): Promise<void> {
    await this.#listeners.check().catch((error: unknown) => {
      throw codedOf(error)
    })
  }

  counters(): { roundTrips: number; commits: number; batches: number } {
    return { ...this.#counts }
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#end())
  }

  async #end(): Promise<void> {
    await this.#listeners.stop()
    await this.#pool.end()
    await this.#direct.end()
  }

  /** Checks a new connection: it has to lead to the primary. */
  async #greet(wire: Wire): Promise<void> {
    const [answer] = await runPrepared<{ standby: boolean }>(wire, isStandby, [], {
      timeoutMs: this.#timeouts.greeting,
    })
    if (answer?.standby === true) throw standbyFault()
    if (this.#isPooled) await runPrepared(wire, limits, [], { timeoutMs: this.#timeouts.greeting })
    this.#greeted.add(wire)
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
        if (coded !== error && hasCode(coded, 'STORE_UNAVAILABLE')) {
          this.#isUp = false
          this.#report(error)
        }
        throw coded
      }
    }
  }

  async #alone<Row>(asked: Statement<Row>, values: StatementValues): Promise<Row[]> {
    const rows = await this.#withWire((wire) => this.#run(wire, asked, values, this.#isPooled ? limits : undefined))
    if (asked.writes && !asked.batched && asked.hasWritten(rows)) this.#counts.commits++
    return rows
  }

  #inTransaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#withWire(async (wire) => {
      await this.#plain(wire, 'BEGIN', this.#isPooled ? beginWithLimits : beginReadCommitted)
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
      // from the driver's own pool: nothing here needs what pg-promise adds to each connection
      const wire: Wire = await openClient(this.#pool)
      try {
        if (!this.#greeted.has(wire)) await this.#greet(wire)
        const result = await work(wire)
        wire.release()
        return result
      } catch (error) {
        // not to be used again: after a time-out an answer may still come, a demoted server refuses every write, and a stale plan stays
        wire.release(!this.#greeted.has(wire) || isBroken(error) || isUnfit(error) || hasStalePlan(error))
        throw error
      }
    })
  }

  async #run<Row>(wire: Wire, asked: Statement<Row>, values: StatementValues, before?: Statement): Promise<Row[]> {
    this.#counts[asked.batched ? 'batches' : 'roundTrips']++
    const edition = this.#edition
    const began = performance.now()
    try {
      const ask = () => runPrepared<Row>(wire, inEdition(asked, edition), inOrder(asked, values), { before })
      const rows = await inSpan(asked.name, databaseSpan, ask)
      this.#gauges?.seconds.observe((performance.now() - began) / 1000)
      this.#isUp = true
      return rows
    } catch (error) {
      // the pooler's connections keep what they have prepared, also after ours is closed
      if (this.#isPooled && hasStalePlan(error) && edition === this.#edition) this.#edition++
      // otherwise the stack trace would be that of the socket
      if (error instanceof Error) Error.captureStackTrace(error)
      throw error
    }
  }

  async #plain(wire: Wire, verb: string, text = verb): Promise<void> {
    this.#counts.roundTrips++
    await runPlain(wire, text, verb)
  }
}

const databaseSpan = { 'db.system.name': 'postgresql' }

type RunParameters = [values: readonly unknown[], options?: { before?: Statement | undefined; timeoutMs?: number }]

/** A pooler knows a statement by its text: another one is prepared anew. */
const inEdition = (asked: Statement, edition: number): Pick<Statement, 'name' | 'text'> =>
  edition === 0 ? asked : { name: `${asked.name}~${edition}`, text: `${asked.text}${' '.repeat(edition)}` }

/** In one write: the driver's own query costs twice as much, and a prepared statement of pg-promise four times. PostgreSQL holds the types of
 *  the columns that the text chooses: a check of each row would cost more than the answer. */
function runPrepared<Row>(
  ...asked: [BareWire, Pick<Statement<Row>, 'name' | 'text' | 'row'>, ...values: RunParameters]
): Promise<Row[]>
function runPrepared(
  wire: BareWire,
  asked: Pick<Statement, 'name' | 'text'>,
  ...[values, options]: RunParameters
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const callback: PreparedQuery['callback'] = (error, rows = []) => {
      if (error) reject(asError(error))
      else resolve(rows)
    }
    wire.query(new PreparedQuery({ asked, values, parsers, callback, ...options }))
  })
}

const parsers: FieldParsers = (type) => valueTypes.getTypeParser(type)

async function dialWire(pool: DriverPool, on: Parameters<DialWire>[0]): Promise<ListeningWire> {
  const wire: Wire & EventEmitter = await openClient(pool)
  let isHeld = true
  const close = async () => {
    if (isHeld) wire.release(true)
    isHeld = false
  }
  wire.once('end', () => {
    void close()
    on.lost()
  })
  wire.on('notification', ({ channel, payload }: { channel: string; payload: string }) =>
    on.notification(channel, payload),
  )
  return {
    listen: (channel) => runPlain(wire, `LISTEN ${quoteName(channel)}`, 'LISTEN'),
    unlisten: (channel) => runPlain(wire, `UNLISTEN ${quoteName(channel)}`, 'UNLISTEN'),
    close,
  }
}

/** @param verb what the answer repeats
 *  @throws ConnectionFault where it says another one: COMMIT may roll back */
async function runPlain(wire: BareWire, text: string, verb: string): Promise<void> {
  const answer: unknown = await wire.query(text).catch((error: unknown) => {
    throw connectFault(error)
  })
  const [first]: unknown[] = Array.isArray(answer) ? answer : [answer]
  const said = fieldsOf(first)['command']
  if (said !== verb) throw new ConnectionFault(new Error(`PostgreSQL answers ${verb} by ${String(said)}`))
}

function oncePerTenSeconds(report: (error: unknown) => void): (error: unknown) => void {
  let quietUntil = -Infinity
  return (error) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + 10_000
    report(error)
  }
}
