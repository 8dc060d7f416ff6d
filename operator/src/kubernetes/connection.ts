import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { ApiError, parseRetryAfter } from './api-error.ts'
import type { Credentials } from './credentials.ts'

/** How long each kind of call may take, in milliseconds. */
export interface ApiTimeouts {
  readonly connectMs: number
  readonly requestMs: number
  readonly leaseMs: number
  readonly pageMs: number
  /** A watch that carried no byte for so long is dead: a live one carries a bookmark each minute. */
  readonly silenceMs: number
}

const apiTimeouts: ApiTimeouts = {
  connectMs: 5_000,
  requestMs: 10_000,
  leaseMs: 5_000,
  pageMs: 30_000,
  silenceMs: 100_000,
}

/** Calls of different lanes never wait for one another's sockets: a burst of writes must not cost us the Lease. */
export type Lane = 'work' | 'lease' | 'page'

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** Default application/json. */
  readonly contentType?: string
  readonly lane?: Lane
  readonly signal?: AbortSignal
}

export interface Connection {
  /** @returns the parsed answer
   *  @throws ApiError with `status` when the API refused, without one when nobody knows */
  call<T>(call: ApiCall): Promise<T>
  /** Yields each line of a watch, parsed, until the server ends it.
   *  @throws ApiError when it broke, was refused, or carried no byte for too long */
  watch(call: Pick<ApiCall, 'path' | 'query'> & { signal: AbortSignal; onOpen?: () => void }): AsyncGenerator<unknown>
  stop(): void
}

const maxAnswerBytes = 64 * 1024 * 1024

/** @param options.onCall told of each call that was sent, for counts and for the record that RBAC is compared with */
export function createConnection(options: {
  credentials: Credentials
  userAgent: string
  timeouts?: ApiTimeouts
  onCall?: (call: { method: string; path: string; watch: boolean }) => void
}): Connection {
  const { credentials } = options
  const timeouts = options.timeouts ?? apiTimeouts
  const secure = credentials.server.protocol === 'https:'
  const Agent = secure ? HttpsAgent : HttpAgent
  const agents = {
    work: new Agent({ keepAlive: true, maxSockets: 32, timeout: 60_000 }),
    lease: new Agent({ keepAlive: true, maxSockets: 2, timeout: 60_000 }),
    page: new Agent({ keepAlive: true, maxSockets: 8, timeout: 60_000 }),
    watch: new Agent({ keepAlive: false }),
  }
  const limits: Record<Lane, number> = { work: timeouts.requestMs, lease: timeouts.leaseMs, page: timeouts.pageMs }

  const send = async (call: ApiCall, agent: HttpAgent, signal: AbortSignal): Promise<Exchange> => {
    const { headers, tls } = await credentials.current()
    const url = new URL(credentials.server)
    url.pathname = `${url.pathname.replace(/\/$/, '')}${call.path}`
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, value)
    }
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
    options.onCall?.({ method: call.method, path: call.path, watch: call.query?.['watch'] === 'true' })
    const request = (secure ? httpsRequest : httpRequest)(url, {
      ...tls,
      method: call.method,
      agent,
      signal,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': options.userAgent,
        ...(body ? { 'content-type': call.contentType ?? 'application/json', 'content-length': body.length } : {}),
      },
    })
    limitConnect(request, timeouts.connectMs, secure)
    request.end(body)
    return new Promise((resolve, reject) => {
      request.once('error', reject)
      request.once('response', (response) => resolve({ request, response }))
    })
  }

  const callOnce = async <T>(call: ApiCall): Promise<T> => {
    const lane = call.lane ?? 'work'
    const deadline = AbortSignal.timeout(limits[lane])
    const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline
    const { response } = await send(call, agents[lane], signal)
    const text = await readText(response, call)
    if (isRefusal(response)) throw refusal(call, response, text)
    return parseAnswer(call, text) as T
  }

  return {
    call: async <T>(call: ApiCall): Promise<T> => {
      try {
        return await callOnce<T>(call)
      } catch (error) {
        // A read that met a kept-alive socket which the server had just closed: nothing happened, so once more.
        if (call.method === 'GET' && wasClosedSocket(error)) return await callOnce<T>(call).catch(rethrow(call))
        return rethrow(call)(error)
      }
    },
    watch: async function* (call) {
      const silence = new AbortController()
      let timer = setTimeout(() => silence.abort(), timeouts.silenceMs)
      const touch = () => {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), timeouts.silenceMs)
      }
      const signal = AbortSignal.any([call.signal, silence.signal])
      const read: ApiCall = { method: 'GET', path: call.path, query: { ...call.query, watch: 'true' } }
      try {
        const { response } = await send(read, agents.watch, signal)
        touch()
        if (isRefusal(response)) throw refusal(read, response, await readText(response, read))
        call.onOpen?.()
        yield* readLines(response, read, touch)
      } catch (error) {
        if (silence.signal.aborted && !call.signal.aborted) {
          throw new ApiError('WATCH_SILENT', { message: `no byte for ${timeouts.silenceMs} ms on ${call.path}` })
        }
        rethrow(read)(error)
      } finally {
        clearTimeout(timer)
      }
    },
    stop: () => {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

interface Exchange {
  readonly request: ClientRequest
  readonly response: IncomingMessage
}

/** The request's own deadline also covers this, but a host that drops packets must not cost ten seconds. */
function limitConnect(request: ClientRequest, connectMs: number, secure: boolean): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => request.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs)
    const clear = () => clearTimeout(timer)
    socket.once(secure ? 'secureConnect' : 'connect', clear)
    socket.once('close', clear)
  })
}

async function readText(response: IncomingMessage, call: ApiCall): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxAnswerBytes) {
      response.destroy()
      throw new ApiError('KUBERNETES_ANSWER_INVALID', {
        message: `${call.path}: answer of more than ${maxAnswerBytes} bytes`,
      })
    }
    chunks.push(chunk)
  }
  if (!response.complete) throw new Error('the answer was cut')
  return Buffer.concat(chunks).toString('utf8')
}

async function* readLines(response: IncomingMessage, call: ApiCall, touch: () => void): AsyncGenerator<unknown> {
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response as AsyncIterable<string>) {
    touch()
    rest += chunk
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield parseAnswer(call, line)
  }
}

const isRefusal = (response: IncomingMessage): boolean => (response.statusCode ?? 500) >= 300

function refusal(call: ApiCall, response: IncomingMessage, text: string): ApiError {
  const status = response.statusCode ?? 500
  let answer: { kind?: string; reason?: string; message?: string } = {}
  try {
    answer = JSON.parse(text) as typeof answer
  } catch {
    // not a Status object: some proxy answered
  }
  const isStatus = answer.kind === 'Status'
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'])
  return new ApiError('KUBERNETES_REFUSED', {
    message: `${call.method} ${call.path}: ${status} ${isStatus ? (answer.message ?? '') : 'without a Status'}`.trim(),
    status,
    ...(isStatus && answer.reason ? { reason: answer.reason } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function parseAnswer(call: ApiCall, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError('KUBERNETES_ANSWER_INVALID', { message: `${call.method} ${call.path}: not JSON`, cause })
  }
}

const wasClosedSocket = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

const rethrow =
  (call: ApiCall) =>
  (error: unknown): never => {
    if (error instanceof ApiError) throw error
    throw new ApiError('KUBERNETES_UNREACHABLE', { message: `${call.method} ${call.path}`, cause: error })
  }
