// What a pooler such as PgBouncer does to one connection, without its program: it refuses options at the start, and swallows notifications.
import { listenOnLoopback } from '@nauthera/harness/listen'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'

export interface PoolerProxy {
  readonly port: number
  /** How often clients have written, and the parameters that they began with. */
  readonly seen: { writes: number; startups: string[] }
  close(): void
}

const notification = 'A'.charCodeAt(0)

/** @param target PostgreSQL
 *  @param refusesOptions as PgBouncer does, unless `ignore_startup_parameters` names them */
export async function startPoolerProxy(target: URL, { refusesOptions = false } = {}): Promise<PoolerProxy> {
  const sockets = new Set<Socket>()
  const seen = { writes: 0, startups: [] as string[] }
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    let isFirst = true
    client.on('data', (data) => {
      seen.writes++
      const startup = data.toString('latin1')
      if (isFirst) seen.startups.push(startup)
      const option = isFirst ? /statement_timeout|idle_in_transaction_session_timeout/.exec(startup)?.[0] : undefined
      isFirst = false
      if (refusesOptions && option !== undefined) client.end(refusal(`unsupported startup parameter: ${option}`))
      else upstream.write(data)
    })
    let rest = Buffer.alloc(0)
    upstream.on('data', (data) => {
      const messages = splitMessages(Buffer.concat([rest, data]))
      rest = messages.rest
      client.write(Buffer.concat(messages.whole.filter((message) => message[0] !== notification)))
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    seen,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Of PostgreSQL's messages: a letter, and the length of the rest with itself. */
function splitMessages(bytes: Buffer): { whole: Buffer[]; rest: Buffer<ArrayBuffer> } {
  const whole: Buffer[] = []
  let at = 0
  while (at + 5 <= bytes.length && at + 1 + bytes.readInt32BE(at + 1) <= bytes.length) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    whole.push(bytes.subarray(at, end))
    at = end
  }
  return { whole, rest: Buffer.from(bytes.subarray(at)) }
}

function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C08P01\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
