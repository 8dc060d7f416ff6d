// The server's end of ConfigService: takes shards from the config-agent of the pod, says what became of them.
import { join } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { followCertificateFiles } from '@nauthera/proto/certificate-source'
import { serve } from '@nauthera/proto/channel'
import type { Stream } from '@nauthera/proto/channel'
import { ConfigService as Service, NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  Complete,
  Shard,
  SyncRequest,
  SyncResponseSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardSchema } from '@nauthera/proto/names'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { Audit } from '../store/audit.ts'
import { buildRegistry, rejectionsOf } from './build-registry.ts'
import type { CheckClient } from './build-registry.ts'
import { compareRefs, faultOfShard, missingOf } from './check-shard.ts'
import type { RegistryHolder, Rejection, ShardRefValue } from './registry.ts'
import type { Usage } from './usage.ts'
import { systemClocks } from './verifiers.ts'
import type { Clocks } from './verifiers.ts'

type Response = MessageInitShape<typeof SyncResponseSchema>
type ServerStream = Stream<SyncRequest, Response>
type Answer = NonNullable<Response['message']>

export interface ConfigService {
  /** Opens the socket. Until the agent has written its certificates every connection is refused.
   *  @throws CodedError CONFIG_SOCKET_IN_USE */
  start(): Promise<void>
  /** Whether a complete set of clients has been applied; it stays true. */
  isComplete(): boolean
  /** First 8 hex of the digest of the manifest that was complete last; undefined before the first. */
  revision(): string | undefined
  stop(): Promise<void>
}

const usageEveryMs = 3000

export function createConfigService<Metadata>(needs: {
  config: { socket: string; tlsDirectory: string }
  holder: RegistryHolder<Metadata>
  checkClient: CheckClient<Metadata>
  usage: Usage
  log: Log
  version: string
  metrics?: Metrics
  audit?: Pick<Audit, 'record'>
  clocks?: Clocks
  /** Milliseconds between two messages about use. */
  usageEveryMs?: number
}): ConfigService {
  const { holder, usage, log } = needs
  const clocks = needs.clocks ?? systemClocks
  const gauges = needs.metrics && createGauges(needs.metrics)
  let complete: { digest: string } | undefined
  let stop = async (): Promise<void> => undefined
  // one shard after the other, whatever stream it comes on: each registry is built from the one before
  let applying: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = applying.then(work)
    applying = result.catch(() => undefined)
    return result
  }

  async function applyShard(message: Shard): Promise<Answer> {
    const began = performance.now()
    const { nonce, change, clients } = message
    const ref = refOf(message)
    const nack = (reason: NackReason, text: string): Answer => {
      log.warn({ change, shard: ref.shard, seq: ref.seq.toString(), reason: text }, 'shard refused')
      return { case: 'nack', value: { nonce, ref, reason, message: text } }
    }
    const fault = faultOfShard(ref, clients)
    if (fault !== undefined) return nack(NackReason.UNREADABLE, fault)
    const live = holder.current().shards.get(ref.shard)
    const age = compareRefs(live, ref)
    if (age === 'stale') return nack(NackReason.STALE, `older than what is live (seq ${live!.ref.seq})`)
    if (age === 'same') {
      const rejected = rejectionsOf(holder.current()).filter((rejection) => rejection.shard === ref.shard)
      return { case: 'ack', value: { nonce, ref, rejected } }
    }
    const checkClient = needs.checkClient
    const { registry, rejected, checked } = await buildRegistry(
      holder.current(),
      { ref, clients },
      { checkClient, clocks },
    )
    holder.swap(registry)
    usage.keepOnly(registry)
    gauges?.applied(ref, registry.size, rejectionsOf(registry).length)
    const duration = `${Math.round(performance.now() - began)}ms`
    const counts = { clients: clients.length, checked, rejected: rejected.length, total: registry.size }
    log.info({ change, shard: ref.shard, seq: ref.seq.toString(), digest: ref.digest, ...counts, duration }, 'live')
    for (const rejection of rejected) report(rejection, change)
    return { case: 'ack', value: { nonce, ref, rejected } }
  }

  function report(rejection: Rejection, change: string): void {
    const { namespace, name, clientId, field, code, message } = rejection
    log.warn({ change, client: `${namespace}/${name}`, field, code, reason: message }, 'rejected')
    const detail = { namespace, name, field, code }
    needs.audit?.record({ event: 'config.client_rejected', outcome: 'failure', reason: message, clientId, detail })
  }

  function applyComplete({ nonce, manifest, digest }: Complete): Answer {
    const missing = manifest === undefined ? 'the manifest is missing' : missingOf(manifest, holder.current())
    if (missing !== undefined) {
      log.warn({ reason: missing }, 'set incomplete')
      return { case: 'nack', value: { nonce, reason: NackReason.INCOMPLETE, message: missing } }
    }
    if (complete?.digest !== digest) {
      log.info({ revision: digest.slice(0, 8), clients: holder.current().size }, 'complete')
    }
    complete = { digest }
    return { case: 'ack', value: { nonce } }
  }

  async function talk(stream: ServerStream): Promise<void> {
    const current = holder.current()
    await stream.send({
      message: {
        case: 'hello',
        value: {
          have: [...current.shards.values()].map((shard) => shard.ref),
          schemaMin: shardSchema.min,
          schemaMax: shardSchema.max,
          serverVersion: needs.version,
          manifestDigest: complete?.digest ?? '',
          rejected: rejectionsOf(current),
        },
      },
    })
    const stopUsage = tellUsage(stream)
    try {
      for await (const { message } of stream) {
        if (message.case === 'shard') {
          await stream.send({ message: await inTurn(() => applyShard(message.value)) })
        } else if (message.case === 'complete') {
          await stream.send({ message: await inTurn(async () => applyComplete(message.value)) })
        }
        // a newer agent may say what this version does not know
      }
    } finally {
      stopUsage()
    }
  }

  function tellUsage(stream: ServerStream): () => void {
    let cursor = 0
    const timer = setInterval(() => {
      const { uses, cursor: next } = usage.since(cursor)
      if (uses.length === 0) return
      cursor = next
      const told = uses.map(({ lastUsed, ...use }) => ({ ...use, lastUsed: timestampFromMs(lastUsed) }))
      stream.send({ message: { case: 'usage', value: { uses: told } } }).catch(() => {
        // the stream broke; the next one is told everything
      })
    }, needs.usageEveryMs ?? usageEveryMs)
    timer.unref()
    return () => clearInterval(timer)
  }

  return {
    async start() {
      const at = (file: string) => join(needs.config.tlsDirectory, file)
      const files = { ca: at(configTlsFiles.ca), cert: at(configTlsFiles.cert), key: at(configTlsFiles.key) }
      const certificates = await followCertificateFiles(files, {
        onFault: (error) => log.warn({ error }, 'certificates unusable'),
      })
      try {
        const serving = await serve({
          method: Service.method.sync,
          listen: { socket: needs.config.socket },
          certificates,
          admit: (peer) => peer.dnsNames.includes(podLocalNames.agent),
          handle: talk,
          onFault: (error) => log.warn({ error }, 'config stream ended'),
        })
        stop = async () => {
          certificates.stop()
          await serving.stop()
        }
      } catch (cause) {
        certificates.stop()
        throw new CodedError('CONFIG_SOCKET_IN_USE', { cause, message: `cannot listen on ${needs.config.socket}` })
      }
    },
    isComplete: () => complete !== undefined,
    revision: () => complete?.digest.slice(0, 8),
    stop: () => stop(),
  }
}

/** A message without a ref is refused like any damaged one. */
const refOf = ({ ref }: Shard): ShardRefValue => ({
  epoch: ref?.epoch ?? 0,
  shard: ref?.shard ?? 0,
  seq: ref?.seq ?? 0n,
  digest: ref?.digest ?? '',
})

function createGauges(metrics: Metrics) {
  const seq = metrics.gauge('nauthera_server_shard_seq', 'Seq of each shard that is live.', ['shard'])
  const clients = metrics.gauge('nauthera_server_clients', 'Clients that are served.')
  const rejected = metrics.gauge('nauthera_server_rejected_clients', 'Clients whose desired version is refused.')
  return {
    applied(ref: ShardRefValue, total: number, refused: number): void {
      seq.set({ shard: String(ref.shard) }, Number(ref.seq))
      clients.set(total)
      rejected.set(refused)
    },
  }
}
