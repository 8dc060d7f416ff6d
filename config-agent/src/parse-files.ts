// The bytes of one mounted file -> what it holds, checked as far as the file alone allows.
import { hash } from 'node:crypto'
import { fromJson } from '@bufbuild/protobuf'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { maxMessageBytes } from '@nauthera/proto/channel'
import { decodeManifest, unpackShard } from '@nauthera/proto/digest'
import { ClientEntrySchema, ClientShardSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardSchema } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { ErrorCode } from './errors.ts'
import { packClient } from './packed-client.ts'
import { clientKey } from './snapshot.ts'
import type { HeldClient, ReadManifest, ReadShard } from './snapshot.ts'

/** What a message of a shard takes beside its clients, and beside the bytes of each. Bytes. */
const overhead = { message: 1024, client: 8 } as const

/** @param index the number in the file's name
 *  @param before an earlier version of that shard, of which clients that stayed as they were are taken over
 *  @throws CodedError SHARD_…, or another error when the bytes cannot be decoded */
export function parseShard(index: number, file: Uint8Array, before?: ReadShard): ReadShard {
  const { json, digest } = unpack(file)
  const { clients: rawClients, ...head } = json as JsonObject
  const shard = fromJson(ClientShardSchema, head, { ignoreUnknownFields: true })
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
  const clients = new Map<string, HeldClient>()
  let size = overhead.message
  for (const raw of listOf(rawClients)) {
    const digestOfClient = hash('sha256', JSON.stringify(raw), 'base64url')
    let key = clientKey(raw as { namespace: string; name: string })
    let client = before?.clients.get(key)
    if (client?.hash !== digestOfClient) {
      const entry = fromJson(ClientEntrySchema, raw, { ignoreUnknownFields: true })
      key = clientKey(entry)
      if (shardOf(entry.namespace, entry.name) !== index) throw misplaced(`holds ${key}, which belongs elsewhere`)
      client = { hash: digestOfClient, packed: packClient(entry) }
    }
    if (clients.has(key)) throw new CodedError<ErrorCode>('SHARD_UNREADABLE', { message: `holds ${key} twice` })
    clients.set(key, client)
    size += client.packed.length + overhead.client
  }
  if (size > maxMessageBytes) {
    throw new CodedError<ErrorCode>('SHARD_TOO_LARGE', { message: 'does not fit a message' })
  }
  return {
    ref: { epoch: shard.epoch, shard: index, seq: shard.seq, digest },
    clients,
    change: shard.change,
    renderedAt: timestampMs(shard.renderedAt),
    file,
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

function listOf(clients: JsonValue | undefined): readonly JsonValue[] {
  if (clients === undefined || clients === null) return []
  if (!Array.isArray(clients)) throw new Error('clients is not a list')
  return clients
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
