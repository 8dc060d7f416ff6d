import { join } from 'node:path'
import { serve } from '@nauthera/proto/channel/serve'
import type { Serving } from '@nauthera/proto/channel/serve'
import { followCertificateFiles } from '@nauthera/proto/certificate-source'
import { ConfigService, NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  Complete,
  RejectedClientSchema,
  SecretUseSchema,
  Shard,
  ShardEntry,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardSchema } from '@nauthera/proto/names'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import type { MessageInitShape } from '@bufbuild/protobuf'

type Rejected = MessageInitShape<typeof RejectedClientSchema>

/** The server's side of ConfigService over the real channel: takes whole shards, newer ones only, and remembers what it
 *  was told in which order. */
export async function startConfigServer(options: {
  socket: string
  tlsDirectory: string
  reject?: (entry: ShardEntry) => Rejected | undefined
  /** Answers a shard with a Nack. */
  refuse?: (shard: Shard) => boolean
  have?: ReadonlyMap<number, Shard>
  /** Says nothing, or takes messages without an answer, on the streams with these numbers (the first is 1). */
  mute?: { hello?: number; acks?: number }
  /** The newest schema that it says it reads. */
  schemaMax?: number
}) {
  const shards = new Map<number, Shard>(options.have)
  const received: (Shard | Complete)[] = []
  let manifestDigest = ''
  const waiting = new Set<() => void>()
  const changed = (): void => waiting.forEach((check) => check())
  const certificates = await followCertificateFiles(
    {
      ca: join(options.tlsDirectory, configTlsFiles.ca),
      cert: join(options.tlsDirectory, configTlsFiles.cert),
      key: join(options.tlsDirectory, configTlsFiles.key),
    },
    { pollMs: 50 },
  )
  let sendUsage: ((uses: MessageInitShape<typeof SecretUseSchema>[]) => Promise<void>) | undefined
  let streams = 0

  const serving: Serving = await serve({
    method: ConfigService.method.sync,
    listen: { socket: options.socket },
    certificates,
    admit: (peer) => peer.dnsNames.includes(podLocalNames.agent),
    handle: async (stream) => {
      const number = ++streams
      changed()
      if (options.mute?.hello === number) {
        await new Promise((resolve) => stream.closed.addEventListener('abort', resolve))
        return
      }
      sendUsage = (uses) => stream.send({ message: { case: 'usage', value: { uses } } })
      const rejectedIn = (shard: Shard): Rejected[] =>
        entriesOf(shard).flatMap((entry) => {
          const rejected = options.reject?.(entry)
          return rejected
            ? [{ namespace: entry.namespace, name: entry.name, shard: shard.ref!.shard, ...rejected }]
            : []
        })
      await stream.send({
        message: {
          case: 'hello',
          value: {
            have: [...shards.values()].map((shard) => shard.ref!),
            schemaMin: shardSchema.min,
            schemaMax: options.schemaMax ?? shardSchema.max,
            serverVersion: 'test',
            manifestDigest,
            rejected: [...shards.values()].flatMap(rejectedIn),
          },
        },
      })
      for await (const { message } of stream) {
        if (options.mute?.acks === number) continue
        if (message.case === 'shard') {
          const shard = message.value
          const { nonce } = shard
          const ref = shard.ref!
          const known = shards.get(ref.shard)?.ref
          received.push(shard)
          if (options.refuse?.(shard)) {
            await stream.send({
              message: { case: 'nack', value: { nonce, ref, reason: NackReason.UNREADABLE, message: 'no' } },
            })
          } else if (known && known.seq > ref.seq) {
            await stream.send({ message: { case: 'nack', value: { nonce, ref, reason: NackReason.STALE } } })
          } else {
            shards.set(ref.shard, shard)
            await stream.send({ message: { case: 'ack', value: { nonce, ref, rejected: rejectedIn(shard) } } })
          }
        } else if (message.case === 'complete') {
          received.push(message.value)
          manifestDigest = message.value.digest
          await stream.send({ message: { case: 'ack', value: { nonce: message.value.nonce } } })
        }
        changed()
      }
    },
  })

  return {
    shards,
    received,
    get manifestDigest() {
      return manifestDigest
    },
    get streams() {
      return streams
    },
    clients: () => [...shards.values()].flatMap((shard) => entriesOf(shard).map((client) => client.name)).sort(),
    sendUsage: (uses: MessageInitShape<typeof SecretUseSchema>[]) => sendUsage!(uses),
    /** Waits until what the server holds satisfies the condition. */
    until: (what: string, holds: () => boolean, timeoutMs = 5_000): Promise<void> =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!holds()) return
          clearTimeout(timer)
          waiting.delete(check)
          resolve()
        }
        const timer = setTimeout(() => {
          waiting.delete(check)
          reject(new Error(`not within ${timeoutMs} ms: ${what}`))
        }, timeoutMs)
        waiting.add(check)
        check()
      }),
    stop: async () => {
      certificates.stop()
      await serving.stop()
    },
  }
}

const entriesOf = (shard: Shard): ShardEntry[] => decodeShardFile(shard.file).shard.entries
