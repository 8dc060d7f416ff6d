// A connection of its own, for work that takes as long as it takes: no time-out of a statement holds here. Rows come and go by COPY, as text.
import { Readable } from 'node:stream'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { clientConfig, directAddress } from './address.ts'
import type { DatabaseConnection } from './address.ts'
import { inOrder } from './database.ts'
import type { Connection, Statement, StatementValues } from './database.ts'
import { createPool, openClient } from './guarded-client.ts'
import { codedOf } from './postgres-errors.ts'

export interface BulkConnection extends Connection {
  /** Runs statements without parameters. */
  run(sql: string): Promise<void>
  /** @param sql `COPY ... TO STDOUT` @returns a row a chunk, each with its line end */
  copyOut(sql: string): AsyncIterable<Buffer>
  /** @param sql `COPY ... FROM STDIN` */
  copyIn(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<void>
  stop(): Promise<void>
}

/** What is used of the driver's connection while it copies. */
interface CopyWire {
  readonly stream: Socket
  query(sql: string): void
  sendCopyFromChunk(chunk: Uint8Array): void
  endCopyFrom(): void
  sendCopyFail(why: string): void
}

/** @throws CodedError STORE_UNAVAILABLE */
export async function openBulk(connection: DatabaseConnection, applicationName: string): Promise<BulkConnection> {
  const pool = createPool(clientConfig(directAddress(connection), applicationName))
  try {
    const client = await openClient(pool)
    return {
      run: async (sql) => void (await coded(client.query(sql))),
      async query<Row>(asked: Statement<Row>, values: StatementValues = []) {
        const result = await coded(client.query<Row>({ text: asked.text, values: [...inOrder(asked, values)] }))
        return result.rows
      },
      copyOut: (sql) => copyOut((query) => void client.query(query), sql),
      copyIn: (sql, chunks) => copyIn((query) => void client.query(query), sql, chunks),
      async stop() {
        client.release()
        await pool.end()
      },
    }
  } catch (error) {
    await pool.end()
    throw codedOf(error)
  }
}

type Submit = (query: object) => void

const coded = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw codedOf(error)
  })

/** A slow reader stops the connection, so that nothing piles up in memory. */
function copyOut(submit: Submit, sql: string): Readable {
  let wire: CopyWire | undefined
  const rows = new Readable({ objectMode: true, highWaterMark: 1000, read: () => wire?.stream.resume() })
  submit({
    submit(connection: CopyWire) {
      wire = connection
      connection.query(sql)
    },
    callback: (error: unknown) => rows.destroy(codedOf(error)),
    handleCopyData({ chunk }: { chunk: Buffer }) {
      // the driver's buffer is used again
      if (!rows.push(Buffer.from(chunk))) wire!.stream.pause()
    },
    handleError: (error: unknown) => void rows.destroy(codedOf(error)),
    handleCommandComplete: () => undefined,
    handleReadyForQuery() {
      wire!.stream.resume()
      rows.push(null)
    },
  })
  return rows
}

function copyIn(submit: Submit, sql: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = new AbortController()
    const fail = (error: unknown) => {
      // the first one says why: what follows comes of it
      if (!ended.signal.aborted) reject(codedOf(error))
      ended.abort()
    }
    const send = async (wire: CopyWire) => {
      try {
        for await (const chunk of chunks) {
          wire.sendCopyFromChunk(chunk)
          if (wire.stream.writableNeedDrain) await once(wire.stream, 'drain', ended)
          if (ended.signal.aborted) return
        }
        wire.endCopyFrom()
      } catch (error) {
        fail(error)
        wire.sendCopyFail('the rows could not be read')
      }
    }
    submit({
      submit: (connection: CopyWire) => connection.query(sql),
      callback: fail,
      handleCopyInResponse: (connection: CopyWire) => void send(connection),
      handleError: fail,
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
    })
  })
}
