// /livez and /readyz, from named checks.
import { createServer } from 'node:http'
import type { Server } from 'node:http'
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

/** Serves /livez, /readyz and /metrics on a port of their own. An answer from /livez shows that the event loop runs.
 *  @returns the port that it got, and stop */
export async function serveManagement(options: {
  listen: { host: string; port: number }
  health: Health
  metrics: Metrics
}): Promise<{ port: number; stop(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
    }
    const path = (request.url ?? '').split('?')[0]
    if (path === '/livez') return answer(200, 'text/plain', 'ok\n')
    if (path === '/readyz') {
      const missing = Object.entries(options.health.missing())
      const body = missing.map(([name, reason]) => `${name}: ${reason}\n`).join('')
      return answer(missing.length === 0 ? 200 : 503, 'text/plain', missing.length === 0 ? 'ok\n' : body)
    }
    if (path === '/metrics') {
      void options.metrics.render().then(
        (text) => answer(200, options.metrics.contentType, text),
        () => answer(500, 'text/plain', 'metrics could not be rendered\n'),
      )
      return
    }
    return answer(404, 'text/plain', 'this port serves only /livez, /readyz and /metrics\n')
  })
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
