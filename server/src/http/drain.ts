// The end of a public port. HTTP/1.1 cannot tell a client that its idle connection is about to close, and what the client sends at that
// moment is lost. So no connection is closed under a client before the time to drain is over.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'

export interface DrainTimes {
  /** For at most so long, requests are answered, on open connections and on new ones, until the clients have gone. */
  readonly drainMs: number
  /** Then nothing new is read; requests that are being answered have so long. */
  readonly answerMs: number
}

/** A proxy may send new connections until it knows that we end: none has come for so long. Milliseconds. */
const quietMs = 500
const lookEveryMs = 50

/** Follows the connections of a server.
 *  @param server has accepted none yet
 *  @returns ends it. From then on the caller's answers say `connection: close`, by which their clients leave */
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
    // after a loop that stood still, connections wait to be accepted: the timer comes before them
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
