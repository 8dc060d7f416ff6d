// Runs a prepared statement with one write to the socket; its columns are described once per connection. The driver calls these methods as
// answers come in. Its own query takes four writes, and each costs as much as an answer by HTTP.
import { asError } from '@nauthera/runtime/coded-error'
import { ConnectionFault } from './postgres-errors.ts'
import { columnsOf, noColumns, rowOf } from './result-rows.ts'
import type { Columns, FieldParsers } from './result-rows.ts'
import { writeBound, writeDescribe, writePrepare, writeRun } from './wire-messages.ts'

/** What is used of the driver's connection. */
export interface WireConnection {
  readonly stream: { write(bytes: Uint8Array): boolean }
  /** The text of each statement that it has prepared, by name. The driver adds to it. */
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
}

interface Prepared {
  readonly name: string
  readonly text: string
}

/** The columns of what each connection has prepared, by the name of the statement. */
const known = new WeakMap<WireConnection, Map<string, Columns>>()

function columnsKnownTo(connection: WireConnection): Map<string, Columns> {
  const columns = known.get(connection)
  if (columns !== undefined) return columns
  const none = new Map<string, Columns>()
  known.set(connection, none)
  return none
}

const nothing: readonly Buffer[] = []

export class PreparedQuery {
  /** Set by the driver's time-out too. */
  callback: (error: unknown, rows?: unknown[]) => void
  /** The driver keeps that they are prepared. */
  readonly name: string
  readonly text: string
  /** Milliseconds that the driver waits for it, where they are not those of the connection. */
  readonly query_timeout: number | undefined
  readonly #values: readonly unknown[]
  readonly #parsers: FieldParsers
  readonly #rows: unknown[] = []
  readonly #before: string | undefined
  #isBefore: boolean
  #columns: Columns | undefined
  #known: Map<string, Columns> | undefined
  #fault: unknown

  /** @param query.before a statement without parameters that runs first, in the same transaction, and whose answer is dropped: the
   *   connection has prepared it already */
  constructor(query: {
    asked: Prepared
    values: readonly unknown[]
    before?: Prepared | undefined
    timeoutMs?: number
    parsers: FieldParsers
    callback: PreparedQuery['callback']
  }) {
    this.name = query.asked.name
    this.text = query.asked.text
    this.query_timeout = query.timeoutMs
    this.#values = query.values
    this.#before = query.before?.name
    this.#isBefore = this.#before !== undefined
    this.#parsers = query.parsers
    this.callback = query.callback
  }

  /** @returns an error for a value that cannot be sent: then nothing was */
  submit(connection: WireConnection): Error | null {
    const { name, text } = this
    const before = connection.parsedStatements[name]
    if (before !== undefined && before !== text) return new TypeError(`there are two statements of the name ${name}`)
    this.#known = columnsKnownTo(connection)
    this.#columns = this.#known.get(name)
    try {
      const run = writeRun(name, this.#values)
      const ahead = this.#ahead(before !== undefined)
      connection.stream.write(ahead.length === 0 ? run : Buffer.concat([...ahead, run]))
      return null
    } catch (error) {
      return asError(error)
    }
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#describe(columnsOf(fields, this.#parsers))
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (this.#isBefore) return
    try {
      this.#rows.push(rowOf(this.#columns, fields))
    } catch (error) {
      this.#fault ??= new ConnectionFault(error)
    }
  }

  handleCommandComplete(): void {
    if (this.#isBefore) {
      this.#isBefore = false
      return
    }
    // a statement without columns is not described
    if (this.#columns === undefined) this.#describe(noColumns)
  }

  handleReadyForQuery(): void {
    if (this.#fault === undefined) this.callback(null, this.#rows)
    else this.callback(this.#fault)
  }

  handleError(error: unknown): void {
    this.callback(error)
  }

  handleEmptyQuery(): void {
    this.#fault = new ConnectionFault(new TypeError(`the statement ${this.name} is empty`))
  }

  handleCopyInResponse(connection: { sendCopyFail(why: string): void }): void {
    connection.sendCopyFail('a prepared statement copies nothing')
  }

  handleCopyData(): void {
    this.#fault = new ConnectionFault(new TypeError(`${this.name} copies`))
  }

  /** What is written before the statement runs: mostly nothing. @param isPrepared on this connection */
  #ahead(isPrepared: boolean): readonly Buffer[] {
    if (isPrepared && this.#columns !== undefined && this.#before === undefined) return nothing
    const first = this.#before === undefined ? [] : [writeBound(this.#before)]
    // not always the same: it may be cancelled between the two
    const prepare = isPrepared ? [] : [writePrepare(this)]
    return [...first, ...prepare, ...(this.#columns === undefined ? [writeDescribe(this)] : [])]
  }

  #describe(columns: Columns): void {
    this.#columns = columns
    this.#known?.set(this.name, columns)
  }
}
