// The one door to @grpc/grpc-js: one bidirectional stream a service, always mutual TLS, over a unix socket or TCP.
import type { EventEmitter } from 'node:events'
import { chmod } from 'node:fs/promises'
import type { PeerCertificate } from 'node:tls'
import { createSecureContext } from 'node:tls'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, DescMethodBiDiStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { Client, Metadata, Server, credentials, experimental, status } from '@grpc/grpc-js'
import type { ClientDuplexStream, ServerDuplexStream, ServiceError } from '@grpc/grpc-js'
import type { CertificateSet, CertificateSource } from './certificate-source.ts'
import { clearStaleSocket } from './unix-socket.ts'

/** Neither side sends or takes a larger message. Bytes. */
export const maxMessageBytes = 16 * 1024 * 1024

const limits = {
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
} as const

export type SocketListen = { readonly socket: string; readonly mode?: number }
export type TcpListen = { readonly host: string; readonly port: number }
export type Target = { readonly socket: string } | { readonly host: string; readonly port: number }

/** Who is at the other end, as its certificate says. */
export interface Peer {
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
}

/** One open stream. Iterate it for what the peer sends: the loop ends when the peer has ended in order, and throws a
 *  ChannelError when the stream broke. A slow reader slows the peer down. */
export interface Stream<In, Out> extends AsyncIterable<In> {
  readonly peer: Peer
  /** Messages arrive in the order of the calls. @returns once the transport takes more; rejects with a ChannelError */
  send(message: Out): Promise<void>
  /** Ends the stream in order. What was sent still arrives. */
  close(): void
  /** Breaks the stream at once, for a peer that no longer answers. */
  cancel(): void
  /** Aborted as soon as the stream is over, for whatever reason. */
  readonly closed: AbortSignal
}

/** The name of a gRPC status: `UNAVAILABLE`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED` … */
export type ChannelCode = keyof typeof status

/** A stream could not be opened, or broke. */
export class ChannelError extends Error {
  readonly code: ChannelCode

  constructor(code: ChannelCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'ChannelError'
    this.code = code
  }
}

export interface Serving {
  /** The port that it got; 0 for a socket. */
  readonly port: number
  /** Ends every stream, then the listener. */
  stop(): Promise<void>
}

interface Service<In extends DescMessage, Out extends DescMessage> {
  method: DescMethodBiDiStreaming<In, Out>
  admit?: (peer: Peer) => boolean
  handle: (stream: Stream<MessageShape<In>, MessageInitShape<Out>>) => Promise<void>
  onFault?: (error: ChannelError, peer: Peer) => void
}

type ServedCall<In extends DescMessage, Out extends DescMessage> = ServerDuplexStream<
  MessageShape<In>,
  MessageShape<Out>
>

/** Serves one streaming method. A peer without a certificate of the CA does not get past the handshake. Until
 *  `certificates` has a set every connection is refused; a new set holds for new connections, open streams stay.
 *  @param options.admit decides by the peer's names; default: whoever the CA vouches for
 *  @param options.handle one call a stream; the stream ends when it returns. A peer that went away is no fault of it
 *  @param options.onFault a handler that threw, or a peer that was not admitted */
export async function serve<In extends DescMessage, Out extends DescMessage>(
  options: Service<In, Out> & { listen: SocketListen | TcpListen; certificates: CertificateSource },
): Promise<Serving> {
  const { method } = options
  const server = new Server({ ...limits })
  const open = new Set<ServedCall<In, Out>>()
  server.addService(
    { [method.localName]: methodDefinition(method) },
    { [method.localName]: (call: ServedCall<In, Out>) => void accept(call, options, open) },
  )
  const port = await bind(server, options.listen, options.certificates)
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        for (const call of open) failCall(call, new ChannelError('UNAVAILABLE', 'shutting down'))
        const force = setTimeout(() => server.forceShutdown(), 300)
        server.tryShutdown(() => {
          clearTimeout(force)
          resolve()
        })
      }),
  }
}

/** Hands one call to the handler, and ends it afterwards.
 *  @param open holds the call while it lasts */
async function accept<In extends DescMessage, Out extends DescMessage>(
  call: ServedCall<In, Out>,
  { method, admit, handle, onFault }: Service<In, Out>,
  open: Set<ServedCall<In, Out>>,
): Promise<void> {
  const peer = peerOf(call.getAuthContext().sslPeerCertificate)
  if (admit && !admit(peer)) {
    const refusal = new ChannelError('PERMISSION_DENIED', 'this certificate is not let in here')
    failCall(call, refusal)
    onFault?.(refusal, peer)
    return
  }
  open.add(call)
  const stream = streamOf(call, method.output, peer, {
    end: () => call.end(),
    cancel: () => failCall(call, new ChannelError('CANCELLED', 'given up')),
  })
  stream.closed.addEventListener('abort', () => open.delete(call))
  // Without headers the peer would learn only with the first message that it was let in.
  call.sendMetadata(new Metadata())
  try {
    await handle(stream)
    stream.close()
  } catch (error) {
    if (stream.closed.aborted) return
    const failure =
      error instanceof ChannelError ? error : new ChannelError('INTERNAL', 'the handler failed', { cause: error })
    failCall(call, failure)
    onFault?.(failure, peer)
  }
}

/** @returns the port that it got; 0 for a socket */
async function bind(
  server: Server,
  listen: SocketListen | TcpListen,
  certificates: CertificateSource,
): Promise<number> {
  const provider = providerOf(certificates)
  // Its first two parameters are swapped inside the library: the same provider on both places works either way.
  const secured = experimental.createCertificateProviderServerCredentials(provider, provider, true)
  const onSocket = 'socket' in listen
  if (onSocket) await clearStaleSocket(listen.socket)
  const address = onSocket ? `unix:${listen.socket}` : tcpAddress(listen)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, secured, (error, bound) => (error ? reject(error) : resolve(bound)))
  })
  if (onSocket) await chmod(listen.socket, listen.mode ?? 0o600)
  return onSocket ? 0 : port
}

/** Opens a stream and waits until the other side has let us in. One connection a stream, closed with it, so that a
 *  renewed certificate counts from the next dial on.
 *  @param options.serverName DNS name that the server's certificate must hold, whatever the address is
 *  @param options.connectTimeoutMs default 5 s
 *  @throws ChannelError UNAVAILABLE (nobody there, or TLS refused), PERMISSION_DENIED (not let in), DEADLINE_EXCEEDED */
export async function dial<In extends DescMessage, Out extends DescMessage>(options: {
  method: DescMethodBiDiStreaming<In, Out>
  target: Target
  certificates: CertificateSource
  serverName: string
  connectTimeoutMs?: number
  signal?: AbortSignal
}): Promise<Stream<MessageShape<Out>, MessageInitShape<In>>> {
  const { method, target } = options
  const set = options.certificates.current()
  if (!set) throw new ChannelError('UNAVAILABLE', 'there is no certificate to dial with yet')
  const client = new Client(
    'socket' in target ? `unix:${target.socket}` : tcpAddress(target),
    channelCredentials(set),
    {
      ...limits,
      // for SNI and for the check of the certificate; neither works with an address
      'grpc.ssl_target_name_override': options.serverName,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
    },
  )
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  const stream = streamOf<MessageShape<Out>, MessageInitShape<In>>(
    call as ClientDuplexStream<never, MessageShape<Out>>,
    method.input,
    () => peerOf(call.getAuthContext()?.sslPeerCertificate),
    { end: () => call.end(), cancel: () => call.cancel() },
  )
  stream.closed.addEventListener('abort', () => client.close())
  const stopWaiting = new AbortController()
  try {
    await new Promise<void>((resolve, reject) => {
      const timeout = setTimeout(
        () => reject(new ChannelError('DEADLINE_EXCEEDED', 'no answer in time')),
        options.connectTimeoutMs ?? 5_000,
      )
      stopWaiting.signal.addEventListener('abort', () => clearTimeout(timeout))
      call.once('metadata', () => resolve())
      stream.closed.addEventListener('abort', () => reject(stream.closed.reason), stopWaiting)
      const abort = (): void => reject(new ChannelError('CANCELLED', 'given up'))
      if (options.signal?.aborted) abort()
      options.signal?.addEventListener('abort', abort, stopWaiting)
    })
  } catch (error) {
    call.cancel()
    client.close()
    throw error
  } finally {
    stopWaiting.abort()
  }
  options.signal?.addEventListener('abort', () => call.cancel(), { signal: stream.closed })
  return stream
}

type Call<In, Out> = ClientDuplexStream<Out, In> | ServerDuplexStream<In, Out>

function streamOf<In, OutInit>(
  call: Call<In, never>,
  outgoing: DescMessage,
  peer: Peer | (() => Peer),
  ways: { end: () => void; cancel: () => void },
): Stream<In, OutInit> {
  const closed = new AbortController()
  const over = (error: ChannelError): void => closed.abort(error)
  call.on('error', (error: ServiceError) => over(channelErrorOf(error)))
  call.on('cancelled', () => over(new ChannelError('CANCELLED', 'the peer is gone')))
  call.on('status', () => over(new ChannelError('OK', 'the stream has ended')))
  call.on('close', () => over(new ChannelError('CANCELLED', 'the stream is closed')))
  const failure = (): ChannelError => closed.signal.reason as ChannelError

  return {
    get peer() {
      return typeof peer === 'function' ? peer() : peer
    },
    closed: closed.signal,
    close: () => {
      if (!call.writableEnded) ways.end()
    },
    cancel: () => {
      if (!closed.signal.aborted) ways.cancel()
    },
    send: async (message) => {
      if (closed.signal.aborted) throw failure()
      if (call.writableEnded) throw new ChannelError('CANCELLED', 'the stream is closed')
      if (call.write(create(outgoing, message as MessageInitShape<DescMessage>) as never)) return
      await new Promise<void>((resolve, reject) => {
        const settle = (act: () => void) => () => {
          call.off('drain', drained)
          closed.signal.removeEventListener('abort', broken)
          act()
        }
        const drained = settle(resolve)
        const broken = settle(() => reject(failure()))
        call.on('drain', drained)
        closed.signal.addEventListener('abort', broken)
      })
    },
    async *[Symbol.asyncIterator]() {
      try {
        for await (const message of call) yield message as In
      } catch (error) {
        throw closed.signal.aborted ? failure() : channelErrorOf(error as ServiceError)
      }
      // The library ends the readable side before it tells the status.
      if (closed.signal.aborted && failure().code !== 'OK') throw failure()
    },
  }
}

/** What grpc-js needs to know of a method; this replaces a second code generator. */
function methodDefinition<In extends DescMessage, Out extends DescMessage>(method: DescMethodBiDiStreaming<In, Out>) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: MessageShape<In>) => asBuffer(toBinary(method.input, message)),
    requestDeserialize: (bytes: Buffer): MessageShape<In> => fromBinary(method.input, bytes),
    responseSerialize: (message: MessageShape<Out>) => asBuffer(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer): MessageShape<Out> => fromBinary(method.output, bytes),
  }
}

/** The same bytes, not a copy. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function channelCredentials(set: CertificateSet) {
  return credentials.createFromSecureContext(createSecureContext({ ...set, minVersion: 'TLSv1.3' }))
}

/** Gives the newest set to the library, and each that follows. */
function providerOf(source: CertificateSource): experimental.CertificateProvider {
  const stops = new Map<unknown, () => void>()
  const add = <Update>(listener: (update: Update | null) => void, part: (set: CertificateSet) => Update): void => {
    const tell = (): void => {
      const set = source.current()
      listener(set ? part(set) : null)
    }
    stops.set(listener, source.onChange(tell))
    // Not called at once: the library adds its watcher only after this returns, and would miss the first set.
    queueMicrotask(tell)
  }
  const remove = (listener: unknown): void => {
    stops.get(listener)?.()
    stops.delete(listener)
  }
  return {
    addCaCertificateListener: (listener) => add(listener, (set) => ({ caCertificate: Buffer.from(set.ca) })),
    removeCaCertificateListener: remove,
    addIdentityCertificateListener: (listener) =>
      add(listener, (set) => ({ certificate: Buffer.from(set.cert), privateKey: Buffer.from(set.key) })),
    removeIdentityCertificateListener: remove,
  }
}

function peerOf(certificate: PeerCertificate | undefined): Peer {
  const names = (certificate?.subjectaltname ?? '').split(', ')
  const of = (kind: string): string[] =>
    names.filter((name) => name.startsWith(`${kind}:`)).map((name) => name.slice(kind.length + 1))
  return { dnsNames: of('DNS'), uris: of('URI') }
}

function failCall(call: Pick<EventEmitter, 'emit'>, error: ChannelError): void {
  call.emit('error', { code: status[error.code], details: error.message })
}

function channelErrorOf(error: Partial<ServiceError>): ChannelError {
  const code = typeof error.code === 'number' ? (status[error.code] as ChannelCode) : 'CANCELLED'
  return new ChannelError(code, error.details ?? error.message ?? code, { cause: error })
}

function tcpAddress(address: { host: string; port: number }): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
