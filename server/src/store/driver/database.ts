// What the tables use of PostgreSQL: prepared statements, a connection, a database. postgres.ts is the real one.

/** A prepared statement: PostgreSQL plans it once per connection under its name. The statement says the type of its rows:
 *  its text chooses the columns, and PostgreSQL holds their types. */
export interface Statement<Row = unknown> {
  /** For the compiler alone. */
  readonly row?: Row
  readonly name: string
  readonly text: string
  /** Of its parameters, in their order; numbers have none. */
  readonly parameters: readonly string[]
  /** Whether it may change rows: then it is never sent twice, and counts as a commit when it has. */
  readonly writes: boolean
  /** It serves no single request, so the counters of requests leave it out. */
  readonly batched: boolean
  /** Whether it has changed rows, by what it answered. */
  hasWritten(rows: readonly Row[]): boolean
}

/** Values in the order of `$1`, `$2`, or by the names of the statement. */
export type StatementValues = readonly unknown[] | Readonly<Record<string, unknown>>

/** @param name unique among all statements: a second text under one name would be refused by PostgreSQL
 *  @param text with parameters `$1`, or with names for them such as `$userId`; names beside numbers come after them, in their order
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
  const numbers = Math.max(0, ...Array.from(text.matchAll(/\$(\d+)/g), ([, number]) => Number(number)))
  const numberOf = (parameter: string) => numbers + parameters.indexOf(parameter) + 1
  const numbered = text.replace(/\$([a-z]\w*)/gi, (_, parameter: string) => `$${numberOf(parameter)}`)
  return { name, text: numbered, parameters, batched, writes, hasWritten }
}

export function inOrder({ name, parameters }: Statement, values: StatementValues): readonly unknown[] {
  if (isList(values)) return values
  return parameters.map((parameter) => {
    if (!(parameter in values)) throw new TypeError(`${name}: no value for $${parameter}`)
    return values[parameter]
  })
}

/** SQL: a moment by the clock of the database, which all replicas share. @param milliseconds a parameter */
export const fromNow = (milliseconds: string): string => `now() + ${milliseconds}::float8 * interval '1 millisecond'`

const isList = (values: StatementValues): values is readonly unknown[] => Array.isArray(values)

export interface Listening {
  stop(): Promise<void>
}

export interface Connection {
  /** @returns the rows; throws CodedError STORE_UNAVAILABLE when PostgreSQL cannot answer */
  query<Row>(statement: Statement<Row>, values?: StatementValues): Promise<Row[]>
}

export interface Database extends Connection {
  /** Runs the work in one transaction. After a conflict (40001, 40P01), and where a table has got other columns, it runs again, 4 times in all. */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Calls back at each NOTIFY, and after each reconnect, since notifications in between are lost. */
  listen(channel: string, onNotification: (payload: string) => void): Promise<Listening>
  /** @throws CodedError STORE_BEHIND_POOLER where notifications do not arrive, STORE_UNAVAILABLE */
  checkListening(): Promise<void>
  /** Monotonic; a test takes the difference. BEGIN and COMMIT count as round trips; what is batched counts apart. */
  counters(): { roundTrips: number; commits: number; batches: number }
  stop(): Promise<void>
}
