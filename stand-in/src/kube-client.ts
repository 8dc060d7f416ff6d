// A plain HTTP client for the Kubernetes API: scripts and the contract suite speak the protocol itself, so that the suite tests the
// server and not the idea that a library has of it.
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'

export interface KubeAnswer<T = Json> {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: T
}

// eslint-disable-next-line typescript/no-explicit-any -- bodies of many kinds; each test knows which one it asked for
export type Json = any

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: Json
}

interface OpenedWatch {
  /** @returns the next event; undefined when the server ended the stream
   *  @throws Error after `timeoutMs` */
  next(timeoutMs?: number): Promise<WatchEvent | undefined>
  close(): void
}

export interface KubeClient {
  call<T = Json>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options?: {
      query?: Readonly<Record<string, string | number | boolean>>
      body?: unknown
      contentType?: string
      accept?: string
    },
  ): Promise<KubeAnswer<T>>
  watch(path: string, query: Readonly<Record<string, string | number | boolean>>): Promise<OpenedWatch>
}

const answerTimeoutMs = 30_000

/** @param kubeconfig YAML with certificates or a token
 *  @param everyHeaders sent with each request, such as impersonate-user */
export function createKubeClient(kubeconfig: string, everyHeaders: Readonly<Record<string, string>> = {}): KubeClient {
  const open = createCaller(kubeconfig, everyHeaders)
  return {
    call: async (
      method,
      path,
      { query = {}, body, contentType = 'application/json', accept = 'application/json' } = {},
    ) => {
      const bytes = body === undefined ? undefined : bytesOf(body)
      const headers = {
        accept,
        ...(bytes ? { 'content-type': contentType, 'content-length': String(bytes.length) } : {}),
      }
      const response = await open(method, path, query, headers, bytes).answered
      const chunks: Buffer[] = []
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      const isJson = response.headers['content-type']?.startsWith('application/json')
      return {
        status: response.statusCode!,
        headers: response.headers,
        body: (isJson ? JSON.parse(text) : text) as never,
      }
    },
    watch: async (path, query) => {
      const { call, answered } = open('GET', path, { ...query, watch: true }, { accept: 'application/json' })
      const response = await answered
      const next = createEventReader(response, path)
      return { next, close: () => call.destroy() }
    },
  }
}

type Open = (
  method: string,
  path: string,
  query: object,
  headers: Record<string, string>,
  body?: Buffer,
) => { call: ClientRequest; answered: Promise<IncomingMessage> }

/** One request to the server of a kubeconfig, as its user. */
function createCaller(kubeconfig: string, everyHeaders: Readonly<Record<string, string>>): Open {
  const config = parse(kubeconfig) as {
    clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[]
    users: { user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }[]
  }
  const { server, 'certificate-authority-data': ca } = config.clusters[0]!.cluster
  const { token, 'client-certificate-data': cert, 'client-key-data': key } = config.users[0]!.user
  const decode = (text: string | undefined) => (text === undefined ? undefined : Buffer.from(text, 'base64'))
  const tls = { ca: decode(ca), cert: decode(cert), key: decode(key) }
  const base = server.replace(/\/$/, '')
  const authorization = token ? { authorization: `Bearer ${token}` } : {}

  return (method, path, query, headers, body) => {
    const url = new URL(`${base}${path}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
    const isSecure = url.protocol === 'https:'
    const call = (isSecure ? httpsRequest : httpRequest)(url, {
      ...(isSecure ? tls : {}),
      method,
      headers: { ...authorization, 'user-agent': 'contract/1', ...everyHeaders, ...headers },
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      call.once('response', resolve)
      call.once('error', reject)
    })
    // not call.setTimeout: until a socket is connected, it is the agent's 5 s that count
    const late = setTimeout(
      () => call.destroy(new Error(`${method} ${path}: no answer within ${answerTimeoutMs} ms`)),
      answerTimeoutMs,
    )
    call.once('response', () => clearTimeout(late)).once('close', () => clearTimeout(late))
    call.end(body)
    return { call, answered }
  }
}

function createEventReader(response: IncomingMessage, path: string): OpenedWatch['next'] {
  const lines = createInterface({ input: response })[Symbol.asyncIterator]()
  return async (timeoutMs = 15_000) => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no event on ${path} within ${timeoutMs} ms`)), timeoutMs)
    })
    try {
      const { value, done } = await Promise.race([lines.next(), late])
      if (done) return undefined
      const parsed = JSON.parse(value) as WatchEvent
      return response.statusCode === 200 ? parsed : { type: 'ERROR', object: parsed }
    } finally {
      clearTimeout(timer)
    }
  }
}

function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body)
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}
