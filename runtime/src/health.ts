// /livez and /readyz, from named checks.
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { createAddressLimit } from './address-limit.ts'
import type { Metrics } from './metrics.ts'

/** A condition for readiness: undefined when it holds, otherwise what is missing, in a few words. */
type ReadinessCheck = () => string | undefined

export interface Health {
  /** Every check must hold for /readyz to answer 200. */
  require(name: string, check: ReadinessCheck): void
  /** From now on /readyz answers 503: the process is shutting down. */
  drain(): void
  /** @returns what is missing, by name; empty when ready */
  missing(): Readonly<Record<string, string>>
}

export function createHealth(): Health {
  const checks = new Map<string, ReadinessCheck>()
  let draining = false
  return {
    require: (name, check) => void checks.set(name, check),
    drain: () => {
      draining = true
    },
    missing: () => {
      const missing: Record<string, string> = draining ? { shutdown: 'shutting down' } : {}
      for (const [name, check] of checks) {
        const reason = check()
        if (reason !== undefined) missing[name] = reason
      }
      return missing
    },
  }
}

/** Anybody in the cluster may reach this port, and who asks there comes once in a few seconds. Milliseconds. */
const limits = { idleMs: 10_000, betweenRenders: 100 }

/** Serves /livez, /readyz and /metrics on a port of their own. An answer from /livez shows that the event loop runs.
 *  @param options.idleMs how long a connection may neither send nor take anything
 *  @returns the port that it got, and stop */
export async function serveManagement(options: {
  listen: { host: string; port: number }
  health: Health
  metrics: Metrics
  idleMs?: number
}): Promise<{ port: number; stop(): Promise<void> }> {
  const { idleMs = limits.idleMs } = options
  const metricsText = createSharedText(() => options.metrics.render())
  const times = { headersTimeout: idleMs, requestTimeout: idleMs, connectionsCheckingInterval: Math.ceil(idleMs / 4) }
  const server: Server = createServer(times, (request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', connection: 'close' }).end(body)
    }
    const path = (request.url ?? '').split('?')[0]
    if (path === '/livez') return answer(200, 'text/plain', 'ok\n')
    if (path === '/readyz') {
      const missing = Object.entries(options.health.missing())
      const body = missing.map(([name, reason]) => `${name}: ${reason}\n`).join('')
      return answer(missing.length === 0 ? 200 : 503, 'text/plain', missing.length === 0 ? 'ok\n' : body)
    }
    if (path === '/metrics') {
      void metricsText().then(
        (text) => answer(200, options.metrics.contentType, text),
        () => answer(500, 'text/plain', 'metrics could not be rendered\n'),
      )
      return
    }
    return answer(404, 'text/plain', 'this port serves only /livez, /readyz and /metrics\n')
  })
  // whoever sends many requests at once on one connection would have all of them answered before anybody else
  server.maxRequestsPerSocket = 1
  server.timeout = idleMs
  const isFree = createAddressLimit()
  server.on('connection', (socket) => void (isFree(socket) || socket.destroy()))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.listen.port, options.listen.host, resolve)
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('the port for health is not open')
  return {
    port: address.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** @returns the text as it is after it was asked for, made once for all who ask at a time */
function createSharedText(render: () => Promise<string>): () => Promise<string> {
  let next: Promise<string> | undefined
  let endedAt = -Infinity
  const make = async () => {
    await setTimeout(Math.max(0, endedAt + limits.betweenRenders - performance.now()))
    next = undefined
    return render().finally(() => (endedAt = performance.now()))
  }
  return () => (next ??= make())
}
