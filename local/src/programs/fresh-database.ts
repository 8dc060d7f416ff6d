// One server for all tests of a process, and a database of its own for each.
import pgPromise from 'pg-promise'
import type { Postgres } from './postgres.ts'
import { startPostgres } from './postgres.ts'

let sharedServer: Promise<Postgres> | undefined
let databases = 0

/** The PostgreSQL server of this process, started once; it ends with the process. */
export function sharedPostgres(): Promise<Postgres> {
  return (sharedServer ??= startPostgres())
}

export interface FreshDatabase {
  readonly url: string
  readonly name: string
  /** Drops it and ends its connections. It may be left out: the server ends with the process. */
  drop(): Promise<void>
}

/** A new, empty database for one test or one file of tests, on the one server of this process.
 *  @param options.template a database to start from, for instance one that is migrated already; nobody may be connected to it */
export async function freshDatabase(options: { template?: string } = {}): Promise<FreshDatabase> {
  const server = await sharedPostgres()
  const name = `test_${++databases}`
  await execute(server.url, `CREATE DATABASE ${name} TEMPLATE ${options.template ?? 'template0'} STRATEGY file_copy`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return { url: url.href, name, drop: () => execute(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

const connect = pgPromise({ noWarnings: true })

/** Runs one statement that gives no rows, without the time limits of our servers. */
export async function execute(url: string, statement: string, values: readonly unknown[] = []): Promise<void> {
  const database = connect({ connectionString: url, connectionTimeoutMillis: 10_000, max: 1 })
  // after the pool has ended, a socket that the server cuts is no fault
  database.$pool.on('error', () => undefined)
  try {
    await database.none(statement, [...values])
  } finally {
    await database.$pool.end()
  }
}
