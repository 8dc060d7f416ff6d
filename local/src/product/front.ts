// What a Service is in the cluster: one address for several backends.
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** What a Service is in the cluster: one address, each new connection goes to the next backend that is ready. */
export async function startFront(options: {
  port: number
  /** Ports on 127.0.0.1 that take traffic now. */
  backends: () => readonly number[]
}): Promise<{ port: number; stop(): Promise<void> }> {
  let turn = 0
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    const ports = options.backends()
    const port = ports[turn++ % Math.max(1, ports.length)]
    incoming.on('error', () => undefined)
    if (port === undefined) return void incoming.destroy()
    const outgoing = connect({ host: '127.0.0.1', port })
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.once('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
