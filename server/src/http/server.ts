// The public port: opens, answers, stops.
import { constants, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Server as HttpsServer } from 'node:https'
import { inOneVersion } from '@nauthera/proto/mounted-volume'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import { markAsked } from './edge/client-certificate.ts'
import type { Discovery } from './protocol/discovery.ts'
import { createDrain } from './drain.ts'
import type { DrainTimes } from './drain.ts'
import { soleHeader } from './request/handler.ts'
import { inboundLimits } from './request/timeouts.ts'

export interface PublicServer {
  readonly port: number
  /** Closes each connection after its answer, and the port when all clients have left or the time is over. */
  stop(times: DrainTimes): Promise<void>
}

interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

interface ListenOptions {
  readonly application: RequestListener
  readonly discovery: Discovery
  /** The allowed values of the Host header. */
  readonly hosts: ReadonlySet<string>
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: TlsFiles | undefined
  /** TLS requests a certificate and accepts any; each request judges it. */
  readonly asksForCertificate?: boolean
  readonly log: Log
  /** Told of each certificate that is used: when it ends, in epoch milliseconds. */
  readonly onCertificate?: (endsAt: number) => void
}

/** Milliseconds. */
const rereadTlsEvery = 60_000

/** All of TLS 1.3, and the four of TLS 1.2 that RFC 9325 section 4.2 recommends: FAPI 2.0 allows no others. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':')

/** Opens the public port. Requests for metadata and JWKS are most frequent: they are answered first, without a log line.
 *  @throws CodedError LISTEN_FAILED, TLS_FILE_INVALID */
export async function listen(options: ListenOptions): Promise<PublicServer> {
  const { application, discovery, hosts } = options
  let isStopping = false
  const answer: RequestListener = (request, response) => {
    if (isStopping) response.setHeader('connection', 'close')
    if (hosts.has(soleHeader(request, 'host') ?? '') && discovery(request, response, request.url ?? '')) return
    if (options.asksForCertificate) markAsked(request)
    application(request, response)
  }
  const { server, stopRereading } = createServer(answer, options)
  const drain = createDrain(server)
  const port = await open(server, options.listen)
  return {
    port,
    async stop(times) {
      isStopping = true
      stopRereading()
      await drain(times)
    },
  }
}

function createServer(answer: RequestListener, { tls, asksForCertificate, log, onCertificate }: ListenOptions) {
  if (tls === undefined) return { server: createHttp(inboundLimits, answer), stopRereading: () => undefined }
  const context = () => {
    const read = secureContext(tls, asksForCertificate === true)
    onCertificate?.(new X509Certificate(read.cert).validToDate.getTime())
    return read
  }
  const server = createHttps(
    { ...inboundLimits, ...(asksForCertificate ? askForCertificate : {}), ...context() },
    answer,
  )
  const timer = setInterval(() => rereadTls(server, context, log), rereadTlsEvery)
  timer.unref()
  return { server, stopRereading: () => clearInterval(timer) }
}

/** No list of CAs is sent: with one, many programs do not send a self-signed certificate. */
const askForCertificate = { requestCert: true, rejectUnauthorized: false } as const

/** The TLS options, at the start and after each reload.
 *  @throws CodedError TLS_FILE_INVALID */
function secureContext(tls: TlsFiles, asksForCertificate: boolean) {
  return {
    ...readTls(tls),
    ciphers,
    minVersion: 'TLSv1.2',
    // a resumed session lacks the certificate's chain, so sessions are never resumed
    ...(asksForCertificate ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  } as const
}

/** @returns the port
 *  @throws CodedError LISTEN_FAILED */
function open(server: Server | HttpsServer, { host, port }: ListenOptions['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    const message = `${host}:${port} cannot be opened`
    server.once('error', (cause) => reject(new CodedError('LISTEN_FAILED', { cause, message })))
    server.listen(port, host, () => resolve(portOf(server)))
  })
}

function portOf(server: Server | HttpsServer): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a listening server has a port')
  return address.port
}

/** @throws CodedError TLS_FILE_INVALID */
export function readTls(tls: TlsFiles): { cert: Buffer; key: Buffer } {
  try {
    return inOneVersion([tls.certFile, tls.keyFile], () => ({
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
    }))
  } catch (cause) {
    throw new CodedError('TLS_FILE_INVALID', { cause })
  }
}

/** Reloads a renewed certificate. When a file is unusable, the last good certificate stays. */
function rereadTls(server: HttpsServer, context: () => ReturnType<typeof secureContext>, log: Log): void {
  try {
    server.setSecureContext(context())
  } catch (error) {
    log.warn({ error }, 'the new certificate cannot be used; the old one stays in use')
  }
}
