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
import { describeError } from '@nauthera/runtime/log'
import type { LiveState } from './live-state.ts'
import type { OperatorWords } from './operator-word.ts'

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

type UpdateStream = Stream<WatchRequest, MessageInitShape<typeof StatusUpdateSchema>>

/** Sends the whole state after each change. Changes during a send are merged into the next one. */
function sendUpdates(
  stream: UpdateStream,
  options: {
    replica: string
    version: string
    live: LiveState
    now: () => number
    onFault: (error: ChannelError, peer: Peer) => void
  },
): { stop(): void; done: Promise<void> } {
  const { live } = options
  const told = new Map<string, SecretUse>()
  const toldIdentities = new Map<string, IdentityUse>()
  const toldSectors = new Map<string, SectorProof>()
  const toldCodes = new Map<string, CodeUse>()
  const toldRefusals = new Map<string, ClientRefusals>()
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
      const uses = newOf(live.uses, told)
      const identityUses = newOf(live.identityUses, toldIdentities)
      const sectorProofs = newOf(live.sectorProofs, toldSectors)
      const codeUses = newOf(live.codeUses, toldCodes)
      const refusals = newOf(live.refusals, toldRefusals)
      await stream.send({
        replica: options.replica,
        serverConnected: live.serverConnected,
        live: [...live.live.values()],
        rejected: [...live.rejected],
        manifestDigest: live.manifestDigest,
        uses,
        agentVersion: options.version,
        serverVersion: live.serverVersion,
        seen: [...live.seen.values()],
        schemaMin: live.schemas.min,
        schemaMax: live.schemas.max,
        ...(live.platform ? { platform: live.platform } : {}),
        unknownKeys: live.unknownKeys,
        identityUses,
        sectorProofs,
        codeUses,
        refusals,
        ...(live.defaults ? { defaults: live.defaults } : {}),
        ...(live.usesSince === undefined
          ? {}
          : { usesCover: durationFromMs(Math.round(options.now() - live.usesSince)) }),
      })
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

/** @returns what was not sent yet, and records it as sent */
function newOf<T>(known: ReadonlyMap<string, T>, told: Map<string, T>): T[] {
  const fresh = [...known].filter(([key, one]) => told.get(key) !== one)
  for (const [key, one] of fresh) told.set(key, one)
  for (const key of told.keys()) if (!known.has(key)) told.delete(key)
  return fresh.map(([, one]) => one)
}
