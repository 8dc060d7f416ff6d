import { create } from '@bufbuild/protobuf'
import type { DescMessage, DescMethodBiDiStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { Client } from '@grpc/grpc-js'
import type { CertificateSet, CertificateSource } from '../certificate-source.ts'
import { ChannelError } from './channel-error.ts'
import { addressOf, channelCredentials, limits, methodDefinition, peerOf } from './library.ts'
import type { ChannelTarget } from './library.ts'
import { streamOf } from './stream.ts'
import type { Stream } from './stream.ts'

const usualConnectTimeoutMs = 5_000

/** Opens a stream and waits until the other side has admitted us. Each stream has its own connection, so that a renewed
 *  certificate is used from the next dial on.
 *  @param options.serverName DNS name that the server's certificate must hold, whatever the address is
 *  @param options.connectTimeoutMs default 5 s
 *  @throws ChannelError UNAVAILABLE (no answer, or TLS refused), PERMISSION_DENIED (not admitted), DEADLINE_EXCEEDED */
export async function dial<In extends DescMessage, Out extends DescMessage>(options: {
  method: DescMethodBiDiStreaming<In, Out>
  target: ChannelTarget
  certificates: CertificateSource
  serverName: string
  connectTimeoutMs?: number
  signal?: AbortSignal
}): Promise<Stream<MessageShape<Out>, MessageInitShape<In>>> {
  const { method, target, serverName, signal } = options
  const set = options.certificates.current()
  if (!set) throw new ChannelError('UNAVAILABLE', 'no client certificate is loaded yet')
  const client = createClient(target, set, serverName)
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  const stream = streamOf(call, {
    peer: () => peerOf(call.getAuthContext()?.sslPeerCertificate),
    message: (init: MessageInitShape<In>) => create(method.input, init),
    end: () => call.end(),
    cancel: () => call.cancel(),
  })
  stream.closed.addEventListener('abort', () => client.close())
  try {
    await untilAdmitted(call, stream.closed, options.connectTimeoutMs ?? usualConnectTimeoutMs, signal)
  } catch (error) {
    call.cancel()
    client.close()
    throw error
  }
  signal?.addEventListener('abort', () => call.cancel(), { signal: stream.closed })
  return stream
}

function createClient(target: ChannelTarget, set: CertificateSet, serverName: string): Client {
  return new Client(addressOf(target), channelCredentials(set), {
    ...limits,
    // The name for SNI and for the check of the certificate: SNI allows no address, and the certificate holds none.
    'grpc.ssl_target_name_override': serverName,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
  })
}

/** Waits for the first headers: they say that the server has admitted us.
 *  @throws ChannelError */
async function untilAdmitted(
  call: Pick<NodeJS.EventEmitter, 'once'>,
  closed: AbortSignal,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stopWaiting = new AbortController()
  try {
    await new Promise<void>((resolve, reject) => {
      const timeout = setTimeout(
        () => reject(new ChannelError('DEADLINE_EXCEEDED', 'the other side did not answer in time')),
        timeoutMs,
      )
      stopWaiting.signal.addEventListener('abort', () => clearTimeout(timeout))
      call.once('metadata', () => resolve())
      closed.addEventListener('abort', () => reject(closed.reason), stopWaiting)
      const abort = (): void => reject(new ChannelError('CANCELLED', 'the caller no longer waits'))
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort, stopWaiting)
    })
  } finally {
    stopWaiting.abort()
  }
}
