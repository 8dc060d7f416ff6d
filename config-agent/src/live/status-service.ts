import { serve } from '@nauthera/proto/channel/serve'
import { ChannelError } from '@nauthera/proto/channel/channel-error'
import type { Serving } from '@nauthera/proto/channel/serve'
import type { Peer, Stream } from '@nauthera/proto/channel/stream'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import type {
  ClientRefusals,
  CodeUse,
  IdentityUse,
  SecretUse,
  SectorProof,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { StatusService } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { StatusUpdateSchema, WatchRequest } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { linkDnsName } from '@nauthera/proto/names'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { createAddressLimit } from '@nauthera/runtime/address-limit'
import { describeError } from '@nauthera/runtime/log'
import type { LiveState } from './live-state.ts'
import type { OperatorWords } from './operator-word.ts'
import { Unsent } from './unsent.ts'

/** Reports to each connected operator what is live here, and reads which manifest it expects.
 *  Only the operator's certificate is accepted. Every connection is refused until the link's certificates are mounted.
 *  @throws an error when the port cannot be had */
export function createStatusService(options: {
  listen: { host: string; port: number }
  release: string
  namespace: string
  replica: string
  version: string
  certificates: CertificateSource
  live: LiveState
  words: OperatorWords
  /** The monotonic clock, milliseconds. */
  now: () => number
  onFault: (error: ChannelError, peer: Peer) => void
}): Promise<Serving> {
  const operator = linkDnsName('operator', options.release, options.namespace)
  return serve({
    method: StatusService.method.watch,
    listen: options.listen,
    certificates: options.certificates,
    isFree: createAddressLimit(),
    admit: (peer) => peer.dnsNames.includes(operator),
    onFault: options.onFault,
    handle: async (stream) => {
      const word = options.words.open()
      const sending = sendUpdates(stream, options)
      try {
        for await (const request of stream) word.says(request.expectedManifestDigest)
      } finally {
        word.gone()
        sending.stop()
        await sending.done
      }
    },
  })
}

/** Clients in one update: with all their refusals they take 9 MB, and a message may have 16. */
const mostRefusals = 300

type UpdateStream = Stream<WatchRequest, MessageInitShape<typeof StatusUpdateSchema>>

interface Sending {
  readonly replica: string
  readonly version: string
  readonly live: LiveState
  readonly now: () => number
  readonly onFault: (error: ChannelError, peer: Peer) => void
}

const createUnsent = () => ({
  uses: new Unsent<SecretUse>(),
  identities: new Unsent<IdentityUse>(),
  sectors: new Unsent<SectorProof>(),
  codes: new Unsent<CodeUse>(),
  refusals: new Unsent<ClientRefusals>(mostRefusals),
})

/** The state of this pod, with what its operator has not got yet. */
function updateOf(
  { replica, version, live, now }: Sending,
  unsent: ReturnType<typeof createUnsent>,
): MessageInitShape<typeof StatusUpdateSchema> & { readonly refusals: readonly ClientRefusals[] } {
  return {
    replica,
    serverConnected: live.serverConnected,
    live: [...live.live.values()],
    rejected: [...live.rejected],
    manifestDigest: live.manifestDigest,
    uses: unsent.uses.of(live.uses),
    agentVersion: version,
    serverVersion: live.serverVersion,
    seen: [...live.seen.values()],
    schemaMin: live.schemas.min,
    schemaMax: live.schemas.max,
    ...(live.platform ? { platform: live.platform } : {}),
    unknownKeys: live.unknownKeys,
    identityUses: unsent.identities.of(live.identityUses),
    sectorProofs: unsent.sectors.of(live.sectorProofs),
    codeUses: unsent.codes.of(live.codeUses),
    refusals: unsent.refusals.of(live.refusals),
    ...(live.defaults ? { defaults: live.defaults } : {}),
    ...(live.usesSince === undefined ? {} : { usesCover: durationFromMs(Math.round(now() - live.usesSince)) }),
  }
}

/** Sends the whole state after each change. Changes during a send are merged into the next one. */
function sendUpdates(stream: UpdateStream, options: Sending): { stop(): void; done: Promise<void> } {
  const { live } = options
  const unsent = createUnsent()
  let stopped = false
  let changed = true
  let wake = (): void => undefined
  const stopListening = live.onChange(() => {
    changed = true
    wake()
  })
  const run = async (): Promise<void> => {
    while (!stopped && !stream.closed.aborted) {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve))
      if (stopped) return
      changed = false
      const update = updateOf(options, unsent)
      // the others come with the next update
      if (update.refusals.length === mostRefusals) changed = true
      await stream.send(update)
    }
  }
  const done = run()
    // The reader of the stream reports why it broke. Any other error here would look like a replica without news.
    .catch((error: unknown) => {
      if (error instanceof ChannelError) return
      options.onFault(new ChannelError('INTERNAL', describeError(error)), stream.peer)
      stream.cancel()
    })
    .finally(stopListening)
  return {
    stop: () => {
      stopped = true
      wake()
    },
    done,
  }
}
