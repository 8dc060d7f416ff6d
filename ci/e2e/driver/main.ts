// The applications of the end-to-end run, in a pod of their own: they call the product through its Service. On port 8080:
//   POST   /load?thinkMs=NUMBER   begins the mixed load (sign-in, code, refresh, introspection, revocation, machine)
//   DELETE /load       ends it and checks that everything that was acknowledged still holds
//   POST   /callers?clients=PREFIX[&mounted=DIRECTORY]   machines that use what their Secrets hold
//   DELETE /callers
//   POST   /keep-alive?clients=NUMBER&of=CLIENT   clients that each keep one connection
//   DELETE /keep-alive   ends them, and says how their requests went
//   POST   /ask        one token request with {clientId, clientSecret}: its status and error
//   GET    /tally      counts of good and failed requests since the start of the pod
//   CONNECT host:port  a way into the network and the names of the cluster, for a browser outside of it
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { text } from 'node:stream/consumers'
import { basic, send } from '@nauthera/harness/browser'
import { Journal } from '../../faults/support/journal.ts'
import { startKeepAliveLoad } from '../../faults/support/keep-alive-load.ts'
import type { KeepAliveReport } from '../../faults/support/keep-alive-load.ts'
import { startLoad } from '../../faults/support/load.ts'
import type { Load } from '../../faults/support/load.ts'
import { replay } from '../../faults/support/replay.ts'
import { startCallers } from './callers.ts'
import type { Callers, Count, Failure } from './callers.ts'
import { watchSecrets } from './secrets.ts'

/** What was asked, and how it ended. */
interface Asks {
  readonly counts: Readonly<Record<string, Count>>
  readonly failures: readonly Failure[]
}

/** Answer of /tally. */
export interface Tally extends Asks {
  /** Of this process: another one knows nothing of what was asked before it. */
  readonly process: string
}

const [issuer, namespace] = [process.env['ISSUER']!, process.env['NAMESPACE']!]
const front = { issuer, origin: () => new URL(issuer).origin }
const secrets = watchSecrets(namespace)
const loaded = { front, planted: new Set<string>(), credentials: secrets.current }
let load: Load | undefined
let callers: Callers | undefined
let kept: ReturnType<typeof startKeepAliveLoad> | undefined
let past: Asks = { counts: {}, failures: [] }
let loads = 0
const id = randomUUID()

const startedAt = Date.now() - performance.now()
const tallyOfLoad = ({ outcomes }: Load): Asks => {
  const counts: Record<string, Count> = {}
  for (const { flow, good } of outcomes) (counts[flow] ??= { good: 0, bad: 0 })[good ? 'good' : 'bad']++
  const failures = outcomes
    .filter(({ good }) => !good)
    .map(({ flow, ended, status, detail }) => ({ flow, at: startedAt + ended, status, detail }))
  return { counts, failures }
}
const add = (left: Asks, right: Asks | undefined): Asks => {
  const counts: Record<string, Count> = structuredClone(left.counts) as Record<string, Count>
  for (const [flow, { good, bad }] of Object.entries(right?.counts ?? {})) {
    const count = (counts[flow] ??= { good: 0, bad: 0 })
    count.good += good
    count.bad += bad
  }
  return { counts, failures: [...left.failures, ...(right?.failures ?? [])] }
}

/** Answer of /ask. */
export interface DriverAnswer {
  readonly status: number
  readonly error: string | undefined
}

const routes: Readonly<Record<string, (query: URLSearchParams, body: string) => Promise<unknown>>> = {
  'POST /ask': async (_, body): Promise<DriverAnswer> => {
    const { clientId, clientSecret } = JSON.parse(body) as { clientId: string; clientSecret: string }
    const form = { grant_type: 'client_credentials' }
    const answer = await send(front, { path: '/token', headers: basic(clientId, clientSecret), form })
    return { status: answer.status, error: answer.json()['error'] as string | undefined }
  },
  'POST /load': async (query) => {
    const thinkMs = Number(query.get('thinkMs'))
    load ??= await startLoad(loaded, { journal: new Journal(`/tmp/journal-${loads++}`), thinkMs })
  },
  'DELETE /load': async () => {
    const ending = load
    if (!ending) return
    await ending.stop()
    past = add(past, tallyOfLoad(ending))
    load = undefined
    await replay(loaded, ending)
  },
  'POST /callers': async (query) => {
    callers ??= startCallers({
      front,
      secrets,
      clients: query.get('clients')!,
      mounted: query.get('mounted') ?? undefined,
    })
  },
  'DELETE /callers': async () => {
    const ending = callers
    await ending?.stop()
    past = add(past, ending)
    callers = undefined
  },
  'POST /keep-alive': async (query) => {
    const { clientId, clientSecret } = secrets.current(query.get('of')!)
    const { host, hostname, port } = new URL(issuer)
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
    kept ??= startKeepAliveLoad(
      { clients: Number(query.get('clients')), thinkMs: 8_000, host, tokenBody: new URLSearchParams(form).toString() },
      () => connectTls({ host: hostname, port: Number(port || 443), servername: hostname }),
    )
  },
  'DELETE /keep-alive': async (): Promise<KeepAliveReport | undefined> => {
    const ending = kept
    kept = undefined
    return ending?.stop()
  },
  'GET /tally': async (): Promise<Tally> => ({
    process: id,
    ...add(add(past, load && tallyOfLoad(load)), callers),
  }),
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://driver')
  const route = routes[`${request.method} ${pathname}`]
  const answer = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
  if (!route) return void answer(404, { message: `no ${request.method} ${pathname}` })
  text(request)
    .then((body) => route(searchParams, body))
    .then(
      (body) => answer(200, body),
      (error: unknown) => answer(500, { message: error instanceof Error ? error.message : String(error) }),
    )
})
server.on('connect', (request: IncomingMessage, client: Socket) => {
  const [host, port] = request.url!.split(':')
  const upstream = connect(Number(port), host!, () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    upstream.pipe(client).pipe(upstream)
  })
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on('error', () => other.destroy())
    socket.on('close', () => other.destroy())
  }
})
// a replay takes a while, and nothing else calls this server
server.requestTimeout = 0
server.listen(8080, () => process.stdout.write('listening\n'))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0))
