// The driver of PostgreSQL, with a guard on each of its connections: what comes is read in whole messages, and an error that the driver
// throws while it reads one ends the connection, and not the process.
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import pgPromise from 'pg-promise'
import { ConnectionFault, connectFault } from './postgres-errors.ts'
import { WireFrames } from './wire-frames.ts'

const pgp = pgPromise({ noWarnings: true })
const { Client } = pgp.pg

/** How the driver reads values, and writes names. */
export const { types: valueTypes } = pgp.pg
export const { name: quoteName } = pgp.as

export type DriverPool = ReturnType<typeof pgp>['$pool']
export type DriverClient = Awaited<ReturnType<DriverPool['connect']>>
type DriverConfig = Exclude<ConstructorParameters<typeof Client>[0], string>

export const createPool = (config: DriverConfig): DriverPool => pgp({ ...config, Client: GuardedClient }).$pool

/** @throws ConnectionFault, or what PostgreSQL says */
export const openClient = (pool: DriverPool): Promise<DriverClient> =>
  pool.connect().catch((error: unknown) => {
    throw connectFault(error)
  })

/** Milliseconds until a connection that was ended is closed, if the other side does not close it. */
const farewell = 1000

/** What is used of the driver's connection: it calls the first for the socket on which PostgreSQL speaks, after TLS. */
interface GuardedConnection {
  stream: Socket
  attachListeners(reader: EventEmitter): void
  end(): void
}

class GuardedClient extends Client {
  constructor(config: ConstructorParameters<typeof Client>[0]) {
    super(config)
    const connection: object = this.connection
    if (!isGuardable(connection)) throw new TypeError('the connection of the driver has another form')
    guard(connection)
    // its statements hear of it too. Without a listener, it would end the process
    this.on('error', () => connection.stream.destroy())
    this.connection.on('error', () => connection.stream.destroy())
  }
}

const isGuardable = (connection: object): connection is GuardedConnection =>
  'stream' in connection && 'attachListeners' in connection && 'end' in connection

function guard(connection: GuardedConnection): void {
  const attach = connection.attachListeners.bind(connection)
  connection.attachListeners = () => {
    const reader = new EventEmitter()
    attach(reader)
    readInto(reader, connection.stream)
  }
  const end = connection.end.bind(connection)
  connection.end = () => {
    end()
    setTimeout(() => connection.stream.destroy(), farewell).unref()
  }
}

function readInto(reader: EventEmitter, socket: Socket): void {
  const frames = new WireFrames()
  let written = socket.bytesWritten
  socket.on('data', (chunk: Buffer) => {
    try {
      if (written !== socket.bytesWritten) frames.beginAnswer()
      written = socket.bytesWritten
      for (const message of frames.take(chunk)) {
        reader.emit('data', message)
        // what was read may have ended it
        if (frames.isRefused) socket.destroy()
        if (socket.destroyed) return
      }
    } catch (cause) {
      socket.destroy(new ConnectionFault(cause))
    }
  })
}
