// Drains the public port. HTTP/1.1 cannot announce that an idle connection closes, and a request at that moment would be lost. So no
// connection is closed before the drain time is over.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'

export interface DrainTimes {
  /** How long requests are still answered, on open and on new connections. */
  readonly drainMs: number
  /** How long running requests have after that. */
  readonly answerMs: number
}

/** Quiet time without a new connection, after which proxies know that we end. Milliseconds. */
const quietMs = 500
const lookEveryMs = 50

/** Follows the connections of a server.
 *  @param server has accepted none yet
 *  @returns a function that ends it. From then on answers should have `connection: close`, so that clients leave */
export function createDrain(server: Server): (times: DrainTimes) => Promise<void> {
  let open = 0
  let changedAt = 0
  const count = (change: 1 | -1) => {
    open += change
    changedAt = performance.now()
  }
  server.on('connection', (socket: Socket) => {
    count(1)
    socket.once('close', () => count(-1))
  })
  const haveGone = async () => {
    if (open > 0 || performance.now() - changedAt < quietMs) return false
    // after a blocked event loop the timer runs before waiting connections are accepted
    await nextTurn()
    await nextTurn()
    return open === 0
  }
  return async ({ drainMs, answerMs }) => {
    changedAt = performance.now()
    const over = changedAt + drainMs
    while (performance.now() < over && !(await haveGone())) await wait(lookEveryMs)
    await close(server, answerMs)
  }
}

async function close(server: Server, answerMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), answerMs)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearTimeout(cut)
}
