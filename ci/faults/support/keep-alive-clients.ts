import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

// Many clients that each keep one connection, in a thread of their own: a program with a pool, as most have. A new connection goes to a
// server that takes traffic, as through a Service; on an open one the client sends whenever it has something to ask.

interface Asked {
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

/** @returns `follow` takes the backends, ports on 127.0.0.1 that take new connections now; until then no client begins. `stop` ends every
 *  client after its request */
export function startKeepAliveClients(asked: Asked): {
  follow(backends: readonly number[]): void
  stop(): Promise<KeepAliveReport>
} {
  const worker = new Worker(new URL(import.meta.url), { workerData: asked })
  const report = new Promise<KeepAliveReport>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return {
    follow: (backends) => worker.postMessage(backends),
    stop: async () => {
      worker.postMessage('stop')
      return report
    },
  }
}

if (!isMainThread) await runClients(workerData as Asked)

async function runClients({ clients, thinkMs, host, tokenBody }: Asked): Promise<void> {
  let backends: readonly number[] = []
  let running = true
  let [requests, connections] = [0, 0]
  const failures: string[] = []
  const known = Promise.withResolvers<void>()
  parentPort!.on('message', (message: readonly number[] | 'stop') => {
    if (message === 'stop') running = false
    else backends = message
    known.resolve()
  })
  await known.promise
  const ask = (agent: Agent, body: string | undefined) =>
    new Promise<string | undefined>((resolve) => {
      const headers = { host, ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}) }
      const [method, path] = body ? ['POST', '/token'] : ['GET', '/jwks']
      request({ agent, host: '127.0.0.1', method, path, headers }, (answer) => {
        answer.once('error', (error) => resolve(error.message)).resume()
        answer.once('end', () => resolve(answer.statusCode === 200 ? undefined : String(answer.statusCode)))
      })
        .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        .end(body)
    })
  await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      agent.createConnection = () => {
        connections++
        return connect({ host: '127.0.0.1', port: backends[connections % backends.length]! })
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
  parentPort!.postMessage({ requests, connections, failures } satisfies KeepAliveReport)
  parentPort!.close()
}
