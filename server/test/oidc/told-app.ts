// An application that is told when a session ends: what it gets, and how it answers.
import { createServer } from 'node:https'
import type { ServerResponse } from 'node:http'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'

export interface ToldApp {
  readonly uri: string
  /** The logout tokens that came, in order. */
  readonly tokens: string[]
  /** What it answers from now on; default: 200. */
  answer(by: (response: ServerResponse) => void): void
  /** Resolves once so many tokens have come. */
  got(count: number): Promise<void>
  stop(): Promise<void>
}

/** An authority that this process trusts until `stop`, and applications with its certificates on loopback. */
export async function toldApps() {
  const authority = await createAuthority({ name: 'test', lifetimeMs: 3_600_000 })
  const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, authority.cert])
  const apps: ToldApp[] = []
  return {
    /** PEM, for other processes. */
    authority: authority.cert,
    async start(): Promise<ToldApp> {
      const app = await startApp(leaf)
      apps.push(app)
      return app
    },
    async stop() {
      setDefaultCACertificates(before)
      await Promise.all(apps.map((app) => app.stop()))
    },
  }
}

async function startApp({ cert, key }: { cert: string; key: string }): Promise<ToldApp> {
  const tokens: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  let by: (response: ServerResponse) => void = (response) => void response.writeHead(200).end()
  const server = createServer({ cert, key }, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      tokens.push(new URLSearchParams(body).get('logout_token') ?? '')
      by(response)
      for (const { count, resolve } of waiting) if (tokens.length >= count) resolve()
    })
  })
  const port = await listenOnLoopback(server)
  return {
    uri: `https://localhost:${port}/logout`,
    tokens,
    answer: (next) => void (by = next),
    got: (count) =>
      new Promise((resolve) => {
        if (tokens.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
