import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { create } from '@bufbuild/protobuf'
import type { DescMessage, DescMethodBiDiStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { Metadata, Server, experimental, status } from '@grpc/grpc-js'
import type { ServerCredentials, ServerDuplexStream } from '@grpc/grpc-js'
import type { CertificateSource } from '../certificate-source.ts'
import { clearStaleSocket } from '../unix-socket.ts'
import { ChannelError } from './channel-error.ts'
import { addressOf, limits, methodDefinition, peerOf, providerOf } from './library.ts'
import type { SocketListen, TcpListen } from './library.ts'
import { streamOf } from './stream.ts'
import type { Peer, Stream } from './stream.ts'

export interface Serving {
  /** The port that it got; 0 for a socket. */
  readonly port: number
  /** Ends every stream, then the listener. */
  stop(): Promise<void>
}

interface Service<In extends DescMessage, Out extends DescMessage> {
  readonly method: DescMethodBiDiStreaming<In, Out>
  /** Decides by the names in the peer's certificate; default: every peer with a certificate of the CA. */
  readonly admit?: (peer: Peer) => boolean
  /** Called once for each stream, which ends when it returns. A peer that disconnects is not reported as a fault. */
  readonly handle: (stream: Stream<MessageShape<In>, MessageInitShape<Out>>) => Promise<void>
  /** Called when a handler threw, or a peer was not admitted. */
  readonly onFault?: (error: ChannelError, peer: Peer) => void
}

interface ListenOptions {
  readonly listen: SocketListen | TcpListen
  readonly certificates: CertificateSource
  /** Shortened by tests. Milliseconds. */
  readonly handshakeMs?: number
  /** Decides about a connection to a port before TLS; default: every one is let in. */
  readonly isFree?: ((socket: Socket) => boolean) | undefined
}

/** Milliseconds. How long `stop` waits for streams to end before it breaks them. */
const stopGraceMs = 300

/** A connection without a handshake costs 15 KB, and anybody in the cluster may open one. Node waits two minutes. Milliseconds. */
const usualHandshakeMs = 5_000

/** Serves one streaming method. The TLS handshake refuses a peer without a certificate of the CA. Until `certificates`
 *  has a set, every connection is refused. A new set is used for new connections; open streams stay. */
export async function serve<In extends DescMessage, Out extends DescMessage>(
  options: Service<In, Out> & ListenOptions,
): Promise<Serving> {
  const { method } = options
  const open = new Set<Failing>()
  const server = new Server({ ...limits })
  server.addService(
    { [method.localName]: methodDefinition(method) },
    {
      [method.localName]: (call: ServerDuplexStream<MessageShape<In>, MessageShape<Out>>) =>
        void accept(call, options, open),
    },
  )
  const bound = await bind(server, options)
  return {
    port: bound.port,
    stop: () =>
      new Promise((resolve) => {
        bound.close()
        for (const call of open) failCall(call, new ChannelError('UNAVAILABLE', 'shutting down'))
        const force = setTimeout(() => {
          server.forceShutdown()
          // the library would wait for ever for a peer that takes nothing
          resolve()
        }, stopGraceMs)
        server.tryShutdown(() => {
          clearTimeout(force)
          resolve()
        })
      }),
  }
}

/** Handles one stream, from its begin to its end. */
async function accept<In extends DescMessage, Out extends DescMessage>(
  call: ServerDuplexStream<MessageShape<In>, MessageShape<Out>>,
  { method, admit, handle, onFault }: Service<In, Out>,
  open: Set<Failing>,
): Promise<void> {
  const peer = peerOf(call.getAuthContext().sslPeerCertificate)
  const fail = (failure: ChannelError): void => {
    failCall(call, failure)
    onFault?.(failure, peer)
  }
  if (admit && !admit(peer))
    return fail(new ChannelError('PERMISSION_DENIED', 'the names in this certificate are not allowed here'))
  open.add(call)
  const stream = streamOf(call, {
    peer: () => peer,
    message: (init: MessageInitShape<Out>) => create(method.output, init),
    end: () => call.end(),
    cancel: () => failCall(call, new ChannelError('CANCELLED', 'the server cancelled the stream')),
  })
  stream.closed.addEventListener('abort', () => open.delete(call))
  // Headers tell the peer at once that it was admitted; otherwise it would know only at the first message.
  call.sendMetadata(new Metadata())
  try {
    await handle(stream)
    stream.close()
  } catch (error) {
    if (stream.closed.aborted) return
    fail(error instanceof ChannelError ? error : new ChannelError('INTERNAL', 'the handler failed', { cause: error }))
  }
}

interface Bound {
  /** 0 for a socket. */
  readonly port: number
  /** Takes no new connections. */
  close(): void
}

async function bind(
  server: Server,
  { listen, certificates, isFree, handshakeMs = usualHandshakeMs }: ListenOptions,
): Promise<Bound> {
  const provider = providerOf(certificates)
  // The library swaps these two parameters by mistake; passing the same provider for both works either way.
  const secured = experimental.createCertificateProviderServerCredentials(provider, provider, true)
  // it has no option for this, and gives these to tls.Server as they are
  Object.assign(secured._getConstructorOptions() ?? {}, { handshakeTimeout: handshakeMs })
  if (!('socket' in listen)) return bindPort(server, secured, { ...listen, isFree })
  await clearStaleSocket(listen.socket)
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(addressOf(listen), secured, (error) => (error ? reject(error) : resolve()))
  })
  await chmod(listen.socket, listen.mode ?? 0o600)
  return { port: 0, close: () => undefined }
}

/** With a listener of our own: the library takes every connection, however many. */
async function bindPort(
  server: Server,
  secured: ServerCredentials,
  { host, port, isFree = () => true }: TcpListen & Pick<ListenOptions, 'isFree'>,
): Promise<Bound> {
  const { injectConnection } = server.createConnectionInjector(secured)
  const listener = createServer((socket) => (isFree(socket) ? injectConnection(socket) : socket.destroy()))
  listener.listen(port, host)
  await once(listener, 'listening')
  const address = listener.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('the port is not open')
  return { port: address.port, close: () => void listener.close() }
}

type Failing = Pick<NodeJS.EventEmitter, 'emit'>

function failCall(call: Failing, error: ChannelError): void {
  call.emit('error', { code: status[error.code], details: error.message })
}
