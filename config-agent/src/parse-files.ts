// The bytes of one mounted file -> what it holds, checked as far as the file alone allows.
import { hash } from 'node:crypto'
import { fromJson, toBinary } from '@bufbuild/protobuf'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { maxMessageBytes } from '@nauthera/proto/channel'
import { decodeManifest, unpackShard } from '@nauthera/proto/digest'
import { ClientEntrySchema, ClientShardSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientEntry, Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardSchema } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { ErrorCode } from './errors.ts'
import { clientKey } from './snapshot.ts'
import type { ReadManifest, ReadShard } from './snapshot.ts'

/** @param index the number in the file's name
 *  @throws CodedError SHARD_…, or another error when the bytes cannot be decoded */
export function parseShard(index: number, file: Uint8Array): ReadShard {
  const { json, digest, size } = unpack(file)
  const shard = fromJson(ClientShardSchema, json, { ignoreUnknownFields: true })
  const misplaced = (message: string) => new CodedError<ErrorCode>('SHARD_MISPLACED', { message })
  if (shard.schema < shardSchema.min || shard.schema > shardSchema.max) {
    throw new CodedError<ErrorCode>('SHARD_SCHEMA_UNKNOWN', { message: `is of schema ${shard.schema}` })
  }
  if (!shard.renderedAt || !/^[0-9a-f]{4}$/.test(shard.change)) {
    throw new CodedError<ErrorCode>('SHARD_UNREADABLE', {
      message: 'does not say when and for what change it was rendered',
    })
  }
  if (shard.shard !== index) throw misplaced(`says that it is shard ${shard.shard}`)
  if (shard.shardCount !== shardCount) throw misplaced(`is one of ${shard.shardCount}, not of ${shardCount}`)
  // JSON is nearly always the longer form; nested lists are not, by less than 8 times.
  if (size > maxMessageBytes / 8 && toBinary(ClientShardSchema, shard).length > maxMessageBytes - 1024) {
    throw new CodedError<ErrorCode>('SHARD_TOO_LARGE', { message: 'does not fit a message' })
  }
  const raw = rawClients(json)
  const clients = new Map<string, string>()
  for (const [position, client] of shard.clients.entries()) {
    const key = clientKey(client)
    if (shardOf(client.namespace, client.name) !== index) throw misplaced(`holds ${key}, which belongs elsewhere`)
    if (clients.has(key)) throw new CodedError<ErrorCode>('SHARD_UNREADABLE', { message: `holds ${key} twice` })
    clients.set(key, hash('sha1', JSON.stringify(raw[position]), 'base64url'))
  }
  let decoded: readonly ClientEntry[] | undefined = shard.clients
  return {
    ref: { epoch: shard.epoch, shard: index, seq: shard.seq, digest },
    clients,
    change: shard.change,
    renderedAt: timestampMs(shard.renderedAt),
    file,
    entries: (keys) => {
      if (decoded) return keys ? decoded.filter((entry) => keys.has(clientKey(entry))) : decoded
      return rawClients(unpackShard(file).json)
        .filter((entry) => !keys || keys.has(rawKey(entry)))
        .map((entry) => fromJson(ClientEntrySchema, entry, { ignoreUnknownFields: true }))
    },
    forget: () => {
      decoded = undefined
    },
  }
}

function unpack(file: Uint8Array): ReturnType<typeof unpackShard> {
  try {
    return unpackShard(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    throw new CodedError<ErrorCode>('SHARD_TOO_LARGE', { cause: error, message: 'grows past the limit when unpacked' })
  }
}

/** The JSON has been a ClientShard by the time that this looks at it: clients in the order of the message. */
function rawClients(json: JsonValue): readonly JsonValue[] {
  return ((json as JsonObject)['clients'] ?? []) as JsonValue[]
}

function rawKey(entry: JsonValue): string {
  const { namespace = '', name = '' } = entry as { namespace?: string; name?: string }
  return clientKey({ namespace, name })
}

/** @throws an error when the bytes are no manifest that names each shard once */
export function parseManifest(file: Uint8Array): ReadManifest {
  const { manifest, digest } = decodeManifest(file)
  checkManifest(manifest)
  return { manifest, digest, file }
}

function checkManifest(manifest: Manifest): void {
  const named = new Set(manifest.shards.map((entry) => entry.shard))
  const complete = named.size === shardCount && [...named].every((shard) => shard < shardCount)
  if (manifest.shardCount !== shardCount || !complete || manifest.shards.length !== shardCount) {
    throw new Error(`does not name each of ${shardCount} shards once`)
  }
  const total = manifest.shards.reduce((sum, entry) => sum + entry.count, 0)
  if (total !== manifest.total) throw new Error(`counts ${manifest.total} clients, but its shards ${total}`)
}
