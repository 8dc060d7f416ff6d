import { listenOnLoopback } from '@nauthera/harness/listen'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'

/** A TCP proxy on 127.0.0.1 that can be cut, as by a policy between two machines. */
export interface TcpProxy {
  readonly port: number
  /** Breaks what is open; new connections are taken, and nothing passes on them. */
  cut(): void
  /** Breaks what was open while it was cut, and carries again. */
  restore(): void
  stop(): Promise<void>
}

/** @param target a port; or a function that says it for each new connection, as an endpoint of a Service that moves */
export async function startTcpProxy(target: number | (() => number)): Promise<TcpProxy> {
  let carrying = true
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    const sockets = [incoming]
    if (carrying) {
      const outgoing = connect({ host: '127.0.0.1', port: typeof target === 'number' ? target : target() })
      sockets.push(outgoing)
      const pass = (from: Socket, to: Socket) => from.on('data', (bytes) => void to.write(bytes))
      pass(incoming, outgoing)
      pass(outgoing, incoming)
    }
    for (const socket of sockets) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        open.delete(socket)
        for (const other of sockets) other.destroy()
      })
    }
  })
  const port = await listenOnLoopback(server)
  const breakAll = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    port,
    cut: () => {
      carrying = false
      breakAll()
    },
    restore: () => {
      carrying = true
      breakAll()
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      breakAll()
      await closed
    },
  }
}
