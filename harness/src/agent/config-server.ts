// The server's side of ConfigService, over the real channel.
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { join } from 'node:path'
import { serve } from '@nauthera/proto/channel/serve'
import type { Stream } from '@nauthera/proto/channel/stream'
import { followCertificateFiles } from '@nauthera/proto/certificate-source'
import { ConfigService, NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  Complete,
  RejectedClientSchema,
  SecretUseSchema,
  Shard,
  ShardEntry,
  SyncRequest,
  SyncResponseSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardSchema } from '@nauthera/proto/names'
import { digestOf } from '@nauthera/proto/digest'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import type { MessageInitShape } from '@bufbuild/protobuf'

type Rejected = MessageInitShape<typeof RejectedClientSchema>

type Use = MessageInitShape<typeof SecretUseSchema>
type Agent = Stream<SyncRequest, MessageInitShape<typeof SyncResponseSchema>>

interface Options {
  readonly socket: string
  readonly tlsDirectory: string
  readonly reject?: (entry: ShardEntry) => Rejected | undefined
  /** Answers a shard with a Nack. */
  readonly refuse?: (shard: Shard) => boolean
  readonly have?: ReadonlyMap<number, Shard>
  /** Says nothing, or takes messages without an answer, on the streams with these numbers (the first is 1). */
  readonly mute?: { hello?: number; acks?: number }
  /** It takes the keys of platforms; default: no. */
  readonly platform?: boolean
  /** The newest schema that it says it reads. */
  readonly schemaMax?: number
}

/** The server's side of ConfigService over the real channel: takes whole shards, newer ones only, and remembers what it
 *  was told in which order. */
export async function startConfigServer(options: Options): Promise<ConfigServer> {
  const certificates = followCertificateFiles(
    {
      ca: join(options.tlsDirectory, configTlsFiles.ca),
      cert: join(options.tlsDirectory, configTlsFiles.cert),
      key: join(options.tlsDirectory, configTlsFiles.key),
    },
    { pollMs: 50 },
  )
  const server = new ConfigServer(options)
  const serving = await serve({
    method: ConfigService.method.sync,
    listen: { socket: options.socket },
    certificates,
    admit: (peer) => peer.dnsNames.includes(podLocalNames.agent),
    handle: (stream) => server.talk(stream),
  })
  server.onStop(async () => {
    certificates.stop()
    await serving.stop()
  })
  return server
}

class ConfigServer {
  readonly shards: Map<number, Shard>
  readonly received: (Shard | Complete)[] = []
  manifestDigest = ''
  /** The files of platform keys that came, oldest first. */
  readonly platformKeys: string[] = []
  /** What it says in its next hello that it has of them. */
  get platformDigest(): string {
    const last = this.platformKeys.at(-1)
    return last === undefined ? '' : digestOf(last)
  }
  /** How many streams there were so far. */
  streams = 0
  readonly #options: Options
  readonly #waiting = new Set<() => void>()
  #agent: Agent | undefined
  #stop: () => Promise<void> = async () => {}

  constructor(options: Options) {
    this.#options = options
    this.shards = new Map(options.have)
  }

  onStop(stop: () => Promise<void>): void {
    this.#stop = stop
  }

  stop(): Promise<void> {
    return this.#stop()
  }

  clients(): string[] {
    return [...this.shards.values()].flatMap((shard) => entriesOf(shard).map((client) => client.name)).sort()
  }

  /** @param coversMs for how long it has counted them; undefined: it does not say */
  sendUsage(uses: Use[], coversMs?: number): Promise<void> {
    const covers = coversMs === undefined ? {} : { covers: durationFromMs(coversMs) }
    return this.#agent!.send({ message: { case: 'usage', value: { uses, ...covers } } })
  }

  /** A token came whose key nobody has told. */
  meetUnknownKey(): Promise<void> {
    return this.#agent!.send({ message: { case: 'unknownKey', value: {} } })
  }

  /** Waits until what the server holds satisfies the condition. */
  until(what: string, holds: () => boolean, timeoutMs = 50_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(check)
      }
      const check = (): void => {
        if (!holds()) return
        settle()
        resolve()
      }
      const timer = setTimeout(() => {
        settle()
        reject(new Error(`not within ${timeoutMs} ms: ${what}`))
      }, timeoutMs)
      this.#waiting.add(check)
      check()
    })
  }

  /** One stream of the agent, from hello to its end. */
  async talk(agent: Agent): Promise<void> {
    const { mute } = this.#options
    const number = ++this.streams
    this.#changed()
    if (mute?.hello === number) {
      await new Promise((resolve) => agent.closed.addEventListener('abort', resolve))
      return
    }
    this.#agent = agent
    await agent.send({ message: { case: 'hello', value: this.#hello() } })
    for await (const { message } of agent) {
      if (mute?.acks === number) continue
      if (message.case === 'shard') await agent.send({ message: this.#take(message.value) })
      if (message.case === 'platformKeys') {
        const { nonce, file } = message.value
        this.platformKeys.push(Buffer.from(file).toString())
        await agent.send({ message: { case: 'ack', value: { nonce } } })
      }
      if (message.case === 'complete') {
        this.received.push(message.value)
        this.manifestDigest = message.value.digest
        await agent.send({ message: { case: 'ack', value: { nonce: message.value.nonce } } })
      }
      this.#changed()
    }
  }

  #hello() {
    return {
      have: [...this.shards.values()].map((shard) => shard.ref!),
      schemaMin: shardSchema,
      schemaMax: this.#options.schemaMax ?? shardSchema,
      serverVersion: 'test',
      manifestDigest: this.manifestDigest,
      ...(this.#options.platform ? { platform: { digest: this.platformDigest } } : {}),
      rejected: [...this.shards.values()].flatMap((shard) => this.#rejectedIn(shard)),
    }
  }

  /** @returns the answer to a shard */
  #take(shard: Shard): NonNullable<MessageInitShape<typeof SyncResponseSchema>['message']> {
    const { nonce } = shard
    const ref = shard.ref!
    const known = this.shards.get(ref.shard)?.ref
    this.received.push(shard)
    if (this.#options.refuse?.(shard)) {
      return { case: 'nack', value: { nonce, ref, reason: NackReason.UNREADABLE, message: 'no' } }
    }
    if (known && known.seq > ref.seq) return { case: 'nack', value: { nonce, ref, reason: NackReason.STALE } }
    this.shards.set(ref.shard, shard)
    return { case: 'ack', value: { nonce, ref, rejected: this.#rejectedIn(shard) } }
  }

  #rejectedIn(shard: Shard): Rejected[] {
    return entriesOf(shard).flatMap((entry) => {
      const rejected = this.#options.reject?.(entry)
      return rejected ? [{ namespace: entry.namespace, name: entry.name, shard: shard.ref!.shard, ...rejected }] : []
    })
  }

  #changed(): void {
    for (const check of this.#waiting) check()
  }
}

const entriesOf = (shard: Shard): ShardEntry[] => decodeShardFile(shard.file).shard.entries
