// Sends calls to the Kubernetes API, with time-outs and a retry on a dead keep-alive socket.
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { answerHead } from '@nauthera/runtime/answer-head'
import { isJsonRecord } from '@nauthera/runtime/json'
import { isRefusal, readAnswer, readLines, refusalOf } from './answer.ts'
import { ApiError } from './api-error.ts'
import type { KubeCredentials } from './credentials.ts'
import { NotConnected, unreachable } from './unreachable.ts'
import type { ReachedThrough } from './unreachable.ts'

/** How long each kind of call may take, in milliseconds. */
export interface ApiTimeouts {
  readonly connectMs: number
  readonly requestMs: number
  readonly leaseMs: number
  readonly pageMs: number
  /** A watch without a byte for this long is dead: a live one gets a bookmark each minute. */
  readonly silenceMs: number
}

export const apiTimeouts: ApiTimeouts = {
  connectMs: 5_000,
  requestMs: 10_000,
  leaseMs: 5_000,
  pageMs: 30_000,
  silenceMs: 100_000,
}

/** Each lane has its own sockets: during a burst of writes the Lease must still be renewed. */
export type Lane = 'work' | 'lease' | 'page'

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** Default application/json. */
  readonly contentType?: string
  /** Default application/json. */
  readonly accept?: string
  readonly lane?: Lane
  readonly signal?: AbortSignal
}

/** The head of an answer. */
export interface HeardAnswer {
  readonly status: number
  /** By the clock of the server, to the second; epoch milliseconds. Undefined: it does not say. */
  readonly date: number | undefined
}

export interface KubeConnection {
  /** @returns the parsed answer
   *  @throws ApiError with `status` when the API refused; without it when the outcome is unknown */
  call<T>(call: ApiCall): Promise<T>
  /** Yields each line of a watch, parsed, until the server ends it.
   *  @throws ApiError when it broke, was refused, or carried no byte for too long */
  watch(call: Pick<ApiCall, 'path' | 'query'> & { signal: AbortSignal; onOpen?: () => void }): AsyncGenerator<unknown>
  stop(): void
}

/** @param options.networkPolicy named in the message when no connection comes about
 *  @param options.onCall called for each call, for metrics and for the test of RBAC
 *  @param options.onAnswer called for each answer, before it is read */
export function createConnection(options: {
  credentials: KubeCredentials
  userAgent: string
  timeouts?: ApiTimeouts
  networkPolicy?: ReachedThrough
  onCall?: (call: { method: string; path: string; watch: boolean }) => void
  onAnswer?: (answer: HeardAnswer) => void
}): KubeConnection {
  const timeouts = options.timeouts ?? apiTimeouts
  const limits: Record<Lane, number> = { work: timeouts.requestMs, lease: timeouts.leaseMs, page: timeouts.pageMs }
  const agents = createAgents(options.credentials.server)
  const send = createSend({ ...options, connectMs: timeouts.connectMs })

  const callOnce = async <T>(call: ApiCall): Promise<T> => {
    const lane = call.lane ?? 'work'
    const limit = new Limit(limits[lane], call.signal)
    try {
      const answer = await readAnswer(await send(call, agents[lane], limit), call)
      if (isAnswer<T>(answer)) return answer
      throw new ApiError('KUBERNETES_ANSWER_INVALID', { message: `${call.method} ${call.path}: no object` })
    } finally {
      limit.over()
    }
  }

  return {
    call: async <T>(call: ApiCall): Promise<T> => {
      try {
        return await callOnce<T>(call).catch(async (error: unknown) => {
          // The server had just closed the keep-alive socket: the read had no effect and is sent once more.
          if (call.method === 'GET' && wasClosedSocket(error)) return await callOnce<T>(call)
          throw error
        })
      } catch (error) {
        throw unreachable(error, call, options)
      }
    },
    watch: async function* ({ path, query, signal, onOpen }) {
      const call: ApiCall = { method: 'GET', path, query: { ...query, watch: 'true' } }
      const silence = createSilenceGuard(timeouts.silenceMs)
      const limit = new Limit(undefined, AbortSignal.any([signal, silence.signal]))
      try {
        const response = await send(call, agents.watch, limit)
        silence.heard()
        if (isRefusal(response)) throw await refusalOf(response, call)
        onOpen?.()
        yield* readLines(response, call, silence.heard)
      } catch (error) {
        if (silence.signal.aborted && !signal.aborted) {
          throw new ApiError('WATCH_SILENT', { message: `no byte for ${timeouts.silenceMs} ms on ${path}` })
        }
        throw unreachable(error, call, options)
      } finally {
        silence.stop()
        limit.over()
      }
    },
    stop: () => {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

/** A connection whose credentials may come later: until then each call fails.
 *  @param open undefined while there are none */
export function connectLater(open: () => KubeConnection | undefined): KubeConnection {
  let opened: KubeConnection | undefined
  const connection = (): KubeConnection => {
    opened ??= open()
    if (!opened) throw new ApiError('KUBERNETES_CONFIG_INVALID', { message: 'there is no kubeconfig yet' })
    return opened
  }
  return {
    call: async (call) => await connection().call(call),
    watch: async function* (call) {
      yield* connection().watch(call)
    },
    stop: () => opened?.stop(),
  }
}

/** What the object says is believed as isObject believes it. */
const isAnswer = <T>(value: unknown): value is T => isJsonRecord(value)

const isSecure = (server: URL): boolean => server.protocol === 'https:'

/** The sockets of each lane. A watch uses its socket only once. */
function createAgents(server: URL): Record<Lane | 'watch', HttpAgent> {
  const Agent = isSecure(server) ? HttpsAgent : HttpAgent
  return {
    work: new Agent({ keepAlive: true, maxSockets: 32, timeout: 60_000 }),
    lease: new Agent({ keepAlive: true, maxSockets: 2, timeout: 60_000 }),
    page: new Agent({ keepAlive: true, maxSockets: 8, timeout: 60_000 }),
    watch: new Agent({ keepAlive: false }),
  }
}

/** Sends a call. Resolves with the head of the answer. */
function createSend(needs: {
  credentials: KubeCredentials
  userAgent: string
  connectMs: number
  onCall?: (call: { method: string; path: string; watch: boolean }) => void
  onAnswer?: (answer: HeardAnswer) => void
}): (call: ApiCall, agent: HttpAgent, limit: Limit) => Promise<IncomingMessage> {
  const { credentials, connectMs } = needs
  const secure = isSecure(credentials.server)
  const server = urlToHttpOptions(credentials.server)
  const base = credentials.server.pathname.replace(/\/$/, '')
  return async (call, agent, limit) => {
    const { headers, tls } = await credentials.current()
    // as text it leaves in one write with the headers
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    needs.onCall?.({ method: call.method, path: call.path, watch: call.query?.['watch'] === 'true' })
    const request = (secure ? httpsRequest : httpRequest)({
      ...server,
      ...tls,
      path: `${base}${call.path}${queryOf(call)}`,
      method: call.method,
      agent,
      headers: {
        ...headers,
        accept: call.accept ?? 'application/json',
        'user-agent': needs.userAgent,
        ...(body === undefined
          ? {}
          : { 'content-type': call.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    })
    limitConnect(request, connectMs, secure)
    limit.holds(request)
    request.end(body)
    const response = await answerHead(request)
    const date = Date.parse(response.headers.date ?? '')
    needs.onAnswer?.({ status: response.statusCode ?? 500, date: Number.isNaN(date) ? undefined : date })
    return response
  }
}

function queryOf({ query = {} }: ApiCall): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

/** Ends a request at its deadline or on abort. An AbortSignal for each request would cost more than the request. */
class Limit {
  readonly #timer: NodeJS.Timeout | undefined
  readonly #signal: AbortSignal | undefined
  #request: ClientRequest | undefined
  #reason: Error | undefined

  constructor(milliseconds: number | undefined, signal: AbortSignal | undefined) {
    this.#signal = signal
    if (milliseconds !== undefined)
      this.#timer = setTimeout(() => {
        const what = this.#request?.socket?.connecting ? NotConnected : Error
        this.#end(new what(`no answer within ${milliseconds} ms`))
      }, milliseconds)
    if (signal?.aborted) this.#callOff()
    else signal?.addEventListener('abort', this.#callOff)
  }

  holds(request: ClientRequest): void {
    this.#request = request
    if (this.#reason) request.destroy(this.#reason)
  }

  over(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#callOff)
  }

  readonly #callOff = (): void => this.#end(new Error('called off'))

  #end(reason: Error): void {
    this.#reason = reason
    this.#request?.destroy(reason)
  }
}

/** Aborts when no byte came for this long. */
function createSilenceGuard(silenceMs: number) {
  const silence = new AbortController()
  const start = () => setTimeout(() => silence.abort(), silenceMs)
  let timer = start()
  const stop = () => clearTimeout(timer)
  return {
    signal: silence.signal,
    heard: () => {
      stop()
      timer = start()
    },
    stop,
  }
}

/** Shorter than the deadline of the request, in case the host drops packets. */
function limitConnect(request: ClientRequest, connectMs: number, secure: boolean): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => request.destroy(new NotConnected(`no connection within ${connectMs} ms`)), connectMs)
    const clear = () => clearTimeout(timer)
    socket.once(secure ? 'secureConnect' : 'connect', clear)
    socket.once('close', clear)
  })
}

const wasClosedSocket = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
