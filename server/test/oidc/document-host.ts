import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'

export interface DocumentHost {
  /** `localhost:<port>`. */
  readonly host: string
  /** `https://localhost:<port>`. */
  readonly origin: string
  /** Paths that were asked for, in order. */
  readonly asked: string[]
  /** What it answers at a path from now on; a JSON value, or a function. Default: 404. */
  at(path: string, answer: object | ((request: IncomingMessage, response: ServerResponse) => void)): void
  stop(): Promise<void>
}

/** A host of metadata documents on loopback, whose certificate this process trusts until it stops. */
export async function startDocumentHost(): Promise<DocumentHost> {
  const authority = await createAuthority({ name: 'test', lifetimeMs: 3_600_000 })
  const { cert, key } = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, authority.cert])
  const answers = new Map<string, Parameters<DocumentHost['at']>[1]>()
  const asked: string[] = []
  const server = createServer({ cert, key }, (request, response) => {
    asked.push(request.url!)
    const answer = answers.get(request.url!)
    if (typeof answer === 'function') return answer(request, response)
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify(answer ?? {}))
  })
  const host = `localhost:${await listenOnLoopback(server)}`
  return {
    host,
    origin: `https://${host}`,
    asked,
    at: (path, answer) => void answers.set(path, answer),
    async stop() {
      setDefaultCACertificates(before)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
