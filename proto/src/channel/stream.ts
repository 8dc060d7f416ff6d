import type { ClientDuplexStream, ServerDuplexStream, ServiceError } from '@grpc/grpc-js'
import { ChannelError, channelErrorOf } from './channel-error.ts'

/** The names of the other side, from its verified certificate. */
export interface Peer {
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
}

/** One open stream. Iterate it to read what the peer sends: the loop ends when the peer ends the stream in order, and
 *  throws a ChannelError when the stream breaks. A slow reader slows the peer down. */
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

type Call<In, Out> = ClientDuplexStream<Out, In> | ServerDuplexStream<In, Out>

/** A call of the library as a stream.
 *  @param ways.peer a function, because a client knows its peer only once the stream is open
 *  @param ways.message builds the message that the library encodes */
export function streamOf<In, Out, Init>(
  call: Call<In, Out>,
  ways: { peer: () => Peer; message: (init: Init) => Out; end: () => void; cancel: () => void },
): Stream<In, Init> {
  const closed = new AbortController()
  const { signal } = closed
  let failure: ChannelError | undefined
  const over = (error: ChannelError): void => {
    failure ??= error
    closed.abort(failure)
  }
  call.on('error', (error: ServiceError) => over(channelErrorOf(error)))
  call.on('cancelled', () => over(new ChannelError('CANCELLED', 'the peer closed the connection')))
  call.on('status', () => over(new ChannelError('OK', 'the stream has ended')))
  call.on('close', () => over(new ChannelError('CANCELLED', 'the stream is closed')))

  return {
    get peer() {
      return ways.peer()
    },
    closed: signal,
    close: () => {
      if (!call.writableEnded) ways.end()
    },
    cancel: () => {
      if (!signal.aborted) ways.cancel()
    },
    send: async (init) => {
      if (failure) throw failure
      if (call.writableEnded) throw new ChannelError('CANCELLED', 'the stream is closed')
      if (!call.write(ways.message(init))) await untilDrained(call, signal)
    },
    async *[Symbol.asyncIterator]() {
      try {
        for await (const message of call) yield message
      } catch (error) {
        throw failure ?? channelErrorOf(error instanceof Error ? error : {})
      }
      // The library ends the readable side before it reports the status.
      if (failure && failure.code !== 'OK') throw failure
    },
  }
}

/** @returns once the transport takes more; rejects with the reason when the stream is over before */
async function untilDrained(call: NodeJS.EventEmitter, closed: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (act: () => void) => () => {
      call.off('drain', drained)
      closed.removeEventListener('abort', broken)
      act()
    }
    const drained = settle(resolve)
    const broken = settle(() => reject(closed.reason))
    call.on('drain', drained)
    closed.addEventListener('abort', broken)
  })
}
