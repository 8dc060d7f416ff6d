import { createSecretKey } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import { request as send } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { listenOnLoopback } from '@nauthera/harness/listen'
import type { Fields, Log } from '@nauthera/runtime/log'
import { localesDirectory } from '../../src/files.ts'
import { createAssets } from '../../src/http/branding/assets.ts'
import { createFormTokens } from '../../src/http/pages/form-guard.ts'
import { createPages } from '../../src/http/pages/pages.ts'
import type { Pages } from '../../src/http/pages/pages.ts'
import { readTexts } from '../../src/http/branding/texts.ts'
import type { AllTexts } from '../../src/http/branding/texts.ts'
import { inboundLimits } from '../../src/http/request/timeouts.ts'
import type { BrandingSettings } from '../../src/settings.ts'
import type { UpstreamSettings } from '../../src/settings/upstream.ts'

export interface RecordedLine {
  readonly level: string
  readonly fields: Fields
  readonly message: string
}

/** A log that keeps its lines. */
export function keepLog(): Log & { lines: RecordedLine[] } {
  const lines: RecordedLine[] = []
  const at = (level: string) => (fields: Fields, message: string) => void lines.push({ level, fields, message })
  const [debug, info, later, warn, error] = [at('debug'), at('info'), at('later'), at('warn'), at('error')]
  const log = { lines, debug, info, later, warn, error, child: () => log }
  return log
}

/** The texts of the product. */
export const testTexts = readTexts(localesDirectory)

export const testTokens = createFormTokens(() => [createSecretKey(Buffer.alloc(32, 7))])

/** The product's own views, texts and assets. */
export function testPages(
  options: {
    branding?: Partial<BrandingSettings>
    upstreams?: readonly Pick<UpstreamSettings, 'id' | 'logoFile'>[]
    development?: boolean
    basePath?: string
    texts?: AllTexts
  } = {},
): { pages: Pages; assets: ReturnType<typeof createAssets> } {
  const branding: BrandingSettings = { title: 'Nauthera', footerLinks: [], ...options.branding }
  const assets = createAssets({ basePath: options.basePath ?? '', branding, upstreams: options.upstreams ?? [] })
  const pages = createPages({
    assets,
    logos: { show: (path) => path },
    branding,
    texts: options.texts ?? testTexts,
    accountHref: `${options.basePath ?? ''}/account`,
    development: options.development ?? false,
    tokens: testTokens,
  })
  return { pages, assets }
}

export interface PageAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface RunningPages {
  readonly origin: string
  /** Sends exactly these headers (fetch would add and forbid some). */
  ask(path: string, options?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<PageAnswer>
  /** Sends these bytes. @returns everything that comes back until the server closes */
  askRaw(bytes: string): Promise<string>
  stop(): Promise<void>
}

/** Serves handlers on a free port of 127.0.0.1, with the limits of the public port. */
export async function serve(handlers: readonly RequestHandler[], onError?: ErrorRequestHandler): Promise<RunningPages> {
  const app = express().disable('x-powered-by')
  for (const handler of handlers) app.use(handler)
  if (onError) app.use(onError)
  const server: Server = createServer(inboundLimits, app)
  const port = await listenOnLoopback(server)
  return {
    origin: `http://127.0.0.1:${port}`,
    ask: (path, options = {}) => ask(port, path, options),
    askRaw: (bytes) => askRaw(port, bytes),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function ask(port: number, path: string, options: Parameters<RunningPages['ask']>[1] = {}): Promise<PageAnswer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const outgoing = send(
      { host: '127.0.0.1', port, path, method, headers, agent: false, timeout: 20_000 },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 20 s')))
    outgoing.end(body)
  })
}

function askRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer in 20 s')))
    socket.on('data', (part) => (text += part.toString()))
    // a server that has answered may reset the connection while we still send
    socket.on('error', (error) => (text === '' ? reject(error) : undefined))
    socket.on('close', () => resolve(text))
  })
}
