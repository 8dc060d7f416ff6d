// Shards and the manifest as bytes, and the digest that names them in every process.
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { fromJson, toJson } from '@bufbuild/protobuf'
import type { DescMessage, JsonValue, MessageShape } from '@bufbuild/protobuf'
import { ClientShardSchema, ManifestSchema } from './generated/nauthera/config/v1/config_pb.ts'
import type { ClientShard, Manifest } from './generated/nauthera/config/v1/config_pb.ts'

/** Bytes. The limit of a decompressed shard: it stops gzip bombs, and a shard still fits into a message of the
 *  channel. */
export const maxShardBytes = 15 * 1024 * 1024

/** @returns SHA-256 of the bytes, 64 lower-case hex. */
export function digestOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** @returns the first 8 hex of a digest: the *revision* that people see, or the id of a secret. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 8)
}

const canonical = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array =>
  Buffer.from(JSON.stringify(toJson(schema, message)))

/** @returns the file of a shard (gzip of the proto JSON, keys in field order) and the digest of what is inside. */
export function encodeShard(shard: ClientShard): { file: Uint8Array; digest: string } {
  const bytes = canonical(ClientShardSchema, shard)
  return { file: gzipSync(bytes, { level: 9 }), digest: digestOf(bytes) }
}

/** Reads the file of a shard; throws when gzip, UTF-8, JSON or the message is damaged. Unknown fields are ignored. */
export function decodeShard(file: Uint8Array): { shard: ClientShard; digest: string } {
  const { json, digest } = unpackShard(file)
  return { shard: fromJson(ClientShardSchema, json, { ignoreUnknownFields: true }), digest }
}

/** The first half of decodeShard, for callers that need only a part of a shard; throws when gzip, UTF-8 or JSON is
 *  damaged. */
export function unpackShard(file: Uint8Array): { json: JsonValue; digest: string } {
  const bytes = gunzipSync(file, { maxOutputLength: maxShardBytes })
  return { json: parseJson(bytes), digest: digestOf(bytes) }
}

/** @returns manifest.json and its digest, whose first 8 hex are the revision. */
export function encodeManifest(manifest: Manifest): { file: Uint8Array; digest: string } {
  const file = canonical(ManifestSchema, manifest)
  return { file, digest: digestOf(file) }
}

/** Reads manifest.json; throws when it is damaged. */
export function decodeManifest(file: Uint8Array): { manifest: Manifest; digest: string } {
  return {
    manifest: fromJson(ManifestSchema, parseJson(file), { ignoreUnknownFields: true }),
    digest: digestOf(file),
  }
}

function parseJson(bytes: Uint8Array): JsonValue {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as JsonValue
}
