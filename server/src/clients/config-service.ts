// The server side of ConfigService: applies shards from the pod's config-agent, and answers each.
import { join } from 'node:path'
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { followCertificateFiles } from '@nauthera/proto/certificate-source'
import { serve } from '@nauthera/proto/channel/serve'
import type { Stream } from '@nauthera/proto/channel/stream'
import { ConfigService as Service, NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  Complete,
  PlatformKeys,
  ServerDefaultsSchema,
  SyncRequest,
  SyncResponseSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardSchema } from '@nauthera/proto/names'
import { CodedError } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { Audit } from '../store/audit/audit.ts'
import { createApplyShard } from './apply-shard.ts'
import type { SyncAnswer } from './apply-shard.ts'
import { rejectionsOf } from './build-registry.ts'
import { createRegistry } from './registry.ts'
import type { ClusterIssuerKeys } from './cluster-issuer.ts'
import type { CheckClient } from './check-client.ts'
import { missingOf } from './check-shard.ts'
import type { RegistryHolder } from './registry.ts'
import type { UnknownKeys } from './unknown-keys.ts'
import type { UsageRecorder, UsageReport } from './usage.ts'
import { systemClocks } from './verifiers.ts'
import type { Clocks } from './verifiers.ts'

type ServerStream = Stream<SyncRequest, MessageInitShape<typeof SyncResponseSchema>>

export interface ConfigService {
  /** Opens the socket. Until the agent has written its certificates every connection is refused.
   *  @throws CodedError CONFIG_SOCKET_IN_USE */
  start(): Promise<void>
  /** Whether a complete set of clients has been applied; it stays true. */
  isComplete(): boolean
  /** First 8 hex of the last complete manifest's digest; undefined before the first. */
  revision(): string | undefined
  stop(): Promise<void>
}

/** The keys of platforms, and what the server reports about them. */
interface Platforms {
  readonly cluster: ClusterIssuerKeys
  readonly unknownKeys: Pick<UnknownKeys, 'onMet'>
  /** Whether the settings have the keys of this cluster. */
  readonly bySettings: boolean
}

const usualUsageEveryMs = 3000

interface ConfigNeeds {
  readonly config: { socket: string; tlsDirectory: string }
  readonly holder: RegistryHolder
  readonly checkClient: CheckClient
  /** Who signs the tokens of programs. */
  readonly platforms: Platforms
  readonly usage: UsageRecorder
  readonly log: Log
  readonly version: string
  /** The defaults of the server, for the operator's status. */
  readonly defaults: MessageInitShape<typeof ServerDefaultsSchema>
  readonly metrics?: Metrics
  readonly audit?: Pick<Audit, 'record'>
  readonly clocks?: Clocks
  /** Milliseconds between two messages about use. */
  readonly usageEveryMs?: number
}

export function createConfigService(needs: ConfigNeeds): ConfigService {
  const { config, holder, usage, log, version } = needs
  const { metrics, audit, clocks = systemClocks, usageEveryMs = usualUsageEveryMs } = needs
  const applyShard = createApplyShard({ ...needs, metrics, audit, clocks })
  const { cluster, bySettings } = needs.platforms
  const inTurn = createTurns()
  let completeDigest: string | undefined
  let stop = async (): Promise<void> => undefined

  const applyComplete = ({ nonce, manifest, digest }: Complete): SyncAnswer => {
    const missing = manifest === undefined ? 'the manifest is missing' : missingOf(manifest, holder.current())
    if (missing !== undefined) {
      log.warn({ reason: missing }, 'set incomplete')
      return { case: 'nack', value: { nonce, reason: NackReason.INCOMPLETE, message: missing } }
    }
    if (completeDigest !== digest) {
      log.info({ revision: digest.slice(0, 8), clients: holder.current().size }, 'complete')
    }
    completeDigest = digest
    const current = holder.current()
    if (!current.isWhole) holder.swap(createRegistry({ ...current, isWhole: true }))
    return { case: 'ack', value: { nonce } }
  }

  /** @returns undefined for a message of a newer agent that this version does not know */
  const answerTo = (message: SyncRequest['message']): Promise<SyncAnswer> | undefined => {
    switch (message.case) {
      case 'shard':
        return inTurn(() => applyShard(message.value))
      case 'complete':
        return inTurn(async () => applyComplete(message.value))
      case 'platformKeys':
        return inTurn(async () => applyPlatformKeys(cluster, message.value, log))
      default:
        return undefined
    }
  }

  const talk = async (stream: ServerStream): Promise<void> => {
    const about = {
      serverVersion: version,
      defaults: needs.defaults,
      manifestDigest: completeDigest ?? '',
      platform: { digest: cluster.digest(), bySettings },
    }
    await stream.send({ message: helloOf(holder, about) })
    const stopUsage = tellUsage(stream, usage, usageEveryMs)
    const stopTelling = needs.platforms.unknownKeys.onMet(() => {
      // on a broken stream nothing is reported; the next token will be
      stream.send({ message: { case: 'unknownKey', value: {} } }).catch(() => undefined)
    })
    try {
      for await (const { message } of stream) {
        const answer = answerTo(message)
        if (answer !== undefined) await stream.send({ message: await answer })
      }
    } finally {
      stopUsage()
      stopTelling()
    }
  }

  return {
    async start() {
      stop = await listen(config, talk, log)
    },
    isComplete: () => completeDigest !== undefined,
    revision: () => completeDigest?.slice(0, 8),
    stop: () => stop(),
  }
}

/** @returns how to stop
 *  @throws CodedError CONFIG_SOCKET_IN_USE */
async function listen(
  { socket, tlsDirectory }: { socket: string; tlsDirectory: string },
  talk: (stream: ServerStream) => Promise<void>,
  log: Log,
): Promise<() => Promise<void>> {
  const at = (file: string) => join(tlsDirectory, file)
  const certificates = followCertificateFiles(
    { ca: at(configTlsFiles.ca), cert: at(configTlsFiles.cert), key: at(configTlsFiles.key) },
    { onFault: (error) => log.warn({ error }, 'certificates unusable') },
  )
  try {
    const serving = await serve({
      method: Service.method.sync,
      listen: { socket },
      certificates,
      admit: (peer) => peer.dnsNames.includes(podLocalNames.agent),
      handle: talk,
      onFault: (error) => log.warn({ error }, 'config stream ended'),
    })
    return async () => {
      certificates.stop()
      await serving.stop()
    }
  } catch (cause) {
    certificates.stop()
    throw new CodedError('CONFIG_SOCKET_IN_USE', { cause, message: `cannot listen on ${socket}` })
  }
}

function applyPlatformKeys(cluster: ClusterIssuerKeys, { nonce, file }: PlatformKeys, log: Log): SyncAnswer {
  try {
    log.info(cluster.apply(file), 'platform keys live')
    return { case: 'ack', value: { nonce } }
  } catch (error) {
    log.warn({ error }, 'platform keys refused; the last good ones stay')
    return { case: 'nack', value: { nonce, reason: NackReason.UNREADABLE, message: describeError(error) } }
  }
}

/** The Hello: live shards, and the schemas that the server reads. */
function helloOf(
  holder: RegistryHolder,
  about: {
    serverVersion: string
    manifestDigest: string
    defaults: MessageInitShape<typeof ServerDefaultsSchema>
    platform: { digest: string; bySettings: boolean }
  },
): SyncAnswer {
  const current = holder.current()
  return {
    case: 'hello',
    value: {
      have: [...current.shards.values()].map((shard) => shard.ref),
      schemaMin: shardSchema,
      schemaMax: shardSchema,
      ...about,
      rejected: rejectionsOf(current),
    },
  }
}

/** Tells everything that was used and refused, at once, and then what is new since the last time. @returns how to stop it */
function tellUsage(stream: ServerStream, usage: UsageRecorder, everyMs: number): () => void {
  let cursor = 0
  const tell = (report: UsageReport): void => {
    cursor = report.cursor
    for (const part of partsOf(report))
      stream.send({ message: { case: 'usage', value: usageMessage(part) } }).catch(() => {
        // the stream broke; the next one gets everything
      })
  }
  tell(usage.since(cursor))
  const timer = setInterval(() => {
    const report = usage.since(cursor)
    const { uses, identities, sectors, codes, refusals } = report
    if ([uses, identities, sectors, codes, refusals].some(({ length }) => length > 0)) tell(report)
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Clients in one message: with all their refusals they take 8 MB, and a message may have 16. */
const refusalsATime = 300

/** @returns the report, with as many refusals as one message has room for, and the others */
function partsOf({ refusals, ...report }: UsageReport): readonly UsageReport[] {
  const rest = { ...report, uses: [], identities: [], sectors: [], codes: [] }
  const parts: UsageReport[] = [{ ...report, refusals: refusals.slice(0, refusalsATime) }]
  for (let at = refusalsATime; at < refusals.length; at += refusalsATime)
    parts.push({ ...rest, refusals: refusals.slice(at, at + refusalsATime) })
  return parts
}

const timestampsOf = (times: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(times).map(([name, at]) => [name, timestampFromMs(at)]))

/** What was used and refused, as an agent is told it. */
export function usageMessage({ uses, identities, sectors, codes, refusals, coversMs }: UsageReport) {
  return {
    uses: uses.map(({ lastUsed, ...use }) => ({ ...use, lastUsed: timestampFromMs(lastUsed) })),
    identities: identities.map(({ lastUsed, ...use }) => ({ ...use, lastUsed: timestampFromMs(lastUsed) })),
    sectors: sectors.map(({ at, ...proof }) => ({ ...proof, at: timestampFromMs(at) })),
    codes: codes.map(({ namespace, name, clientId, leftOut, ...times }) => ({
      namespace,
      name,
      clientId,
      ...timestampsOf(times),
      leftOut: Object.entries(leftOut).map(([scope, at]) => ({ scope, at: timestampFromMs(at) })),
    })),
    refusals: refusals.map(({ refusals: counted, ...client }) => ({
      ...client,
      refusals: counted.map(({ code, by, details, count, lastSeen }) => ({
        code,
        byClient: by === 'Client',
        details: details.map((detail) => ({ ...detail, lastSeen: timestampFromMs(detail.lastSeen) })),
        count: BigInt(count),
        lastSeen: timestampFromMs(lastSeen),
      })),
    })),
    covers: durationFromMs(Math.round(coversMs)),
  }
}

/** Runs one task after the other, across all streams. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }
}
