// Many clients that each keep one connection: a program with a pool, as most have. On an open connection the client sends whenever it has
// something to ask, and nothing is tried again.
import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface KeepAliveAsked {
  readonly clients: number
  /** The longest time between two requests of a client, milliseconds. */
  readonly thinkMs: number
  readonly host: string
  /** Of the token requests, form-encoded; the others ask for the keys. */
  readonly tokenBody: string
}

export interface KeepAliveReport {
  readonly requests: number
  /** How many connections were opened. */
  readonly connections: number
  /** Each failed request: its error code, or its status. */
  readonly failures: readonly string[]
}

const timeoutMs = 15_000

/** @param connect opens a connection
 *  @returns `stop` ends every client after its request */
export function startKeepAliveLoad(
  { clients, thinkMs, host, tokenBody }: KeepAliveAsked,
  connect: () => Socket,
): { stop(): Promise<KeepAliveReport> } {
  let running = true
  let [requests, connections] = [0, 0]
  const failures: string[] = []
  const ask = (agent: Agent, body: string | undefined) =>
    new Promise<string | undefined>((resolve) => {
      const headers = { host, ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}) }
      const [method, path] = body ? ['POST', '/token'] : ['GET', '/jwks']
      const asked = request({ agent, host: '127.0.0.1', method, path, headers, timeout: timeoutMs }, (answer) => {
        answer.once('error', (error) => resolve(error.message)).resume()
        answer.once('end', () => resolve(answer.statusCode === 200 ? undefined : String(answer.statusCode)))
      })
      asked.once('timeout', () => asked.destroy(new Error('time-out')))
      asked.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end(body)
    })
  const ended = Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      agent.createConnection = () => {
        connections++
        return connect()
      }
      while (running) {
        await pause(Math.random() * thinkMs)
        requests++
        const failure = await ask(agent, index % 2 === 0 ? tokenBody : undefined)
        if (failure !== undefined) failures.push(failure)
      }
      agent.destroy()
    }),
  )
  return {
    stop: async () => {
      running = false
      await ended
      return { requests, connections, failures }
    },
  }
}

/** What a failure is to who asked, in the order of a table. */
const kinds: Readonly<Record<string, RegExp>> = {
  reset: /^(ECONNRESET|EPIPE|aborted|socket hang up)$/,
  refused: /^ECONNREFUSED$/,
  'time-out': /^(time-out|ETIMEDOUT)$/,
  '401': /^401$/,
  '5xx': /^5\d\d$/,
}

/** @returns how many failures there are of each kind, those of none by their own name */
export function failuresByKind(failures: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]))
  for (const failure of failures) {
    const kind = Object.keys(kinds).find((one) => kinds[one]!.test(failure)) ?? failure
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}
