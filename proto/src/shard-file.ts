// The file of a shard, NN.json.gz: gzip of the proto JSON of a ClientShard, each client on its own line.
// A reader compares the lines with the earlier ones and decodes only those that changed, and people can use grep.
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gunzipSync, gzipSync } from 'node:zlib'
import { fromJsonString, toJson, toJsonString } from '@bufbuild/protobuf'
import { digestOf } from './digest.ts'
import { ClientShardSchema, ShardEntrySchema } from './generated/nauthera/config/v1/config_pb.ts'
import type { ClientShard, ShardEntry } from './generated/nauthera/config/v1/config_pb.ts'
import { shardSchema } from './names.ts'

/** Bytes. A decompressed shard may not be larger; this stops gzip bombs. */
export const maxShardBytes = 15 * 1024 * 1024

/** More clients than a Secret has room for. Without this limit a file of empty lines would take a gigabyte of
 *  memory. */
const maxLines = 100_000

/** A shard with a schema that this code does not read. */
export class UnknownSchemaError extends Error {
  readonly schema: number
  /** Of the uncompressed file. */
  readonly digest: string

  constructor(schema: number, digest: string) {
    super(`is of schema ${schema}`)
    this.name = 'UnknownSchemaError'
    this.schema = schema
    this.digest = digest
  }
}

/** A shard whose clients are not decoded yet, because most of them did not change. */
export interface ShardFile {
  /** The shard without its clients. */
  readonly head: ClientShard
  /** The JSON of each client, UTF-8. They are views of one buffer: do not keep them. */
  readonly lines: readonly Uint8Array[]
  /** SHA-256 of the uncompressed file, 64 hex. Computed when it is read. */
  readonly digest: string
}

/** @param shard an entry of it never changes once it was rendered
 *  @returns the file, with keys in field order, and the digest of its content */
export function renderShardFile(shard: ClientShard): { file: Uint8Array; digest: string } {
  const bytes = Buffer.from(inLines(toJsonString(ClientShardSchema, { ...shard, entries: [] }), shard.entries))
  return { file: pack(bytes), digest: digestOf(bytes) }
}

/** Bytes of a compressed file, of which a Secret has room for several. */
const smallFile = 256 * 1024

/** Most of a shard is ids and hashes, which do not compress. The lowest level takes half the time for a file 5 % larger. A file near the
 *  limit of a Secret is compressed at the usual level. */
function pack(bytes: Uint8Array): Uint8Array {
  const file = gzipSync(bytes, { level: 1 })
  return file.length <= smallFile ? file : gzipSync(bytes)
}

/** Reads a shard without decoding its clients: decodeLine does that. Unknown fields are ignored.
 *  @throws UnknownSchemaError; Error when gzip, UTF-8, JSON or the shape is damaged */
export function parseShardFile(file: Uint8Array): ShardFile {
  return parseShardBytes(gunzipSync(file, { maxOutputLength: maxShardBytes }))
}

/** Bytes. To hand a smaller file to a thread takes longer than to unpack it. */
const largeFile = 16 * 1024

/** Unpacks a shard for parseShardBytes, in a thread.
 *  @returns for parseShardBytes */
export async function unpackShardFile(file: Uint8Array): Promise<Uint8Array> {
  const options = { maxOutputLength: maxShardBytes }
  if (file.length < largeFile) return gunzipSync(file, options)
  // in one piece: a thread for each of the usual 16 KiB would wait for its turn each time
  return unpack(file, { ...options, chunkSize: Math.min(Math.max(claimedSize(file), largeFile), maxShardBytes) })
}

const unpack = promisify<Uint8Array, { maxOutputLength: number; chunkSize: number }, Uint8Array>(gunzip)

/** How large gzip says that the content is. RFC 1952 section 2.3.1 (ISIZE) */
const claimedSize = (file: Uint8Array): number =>
  new DataView(file.buffer, file.byteOffset + file.length - 4, 4).getUint32(0, true) + 1

/** parseShardFile, of the bytes that it unpacks. */
export function parseShardBytes(bytes: Uint8Array): ShardFile {
  const { head, lines } = splitLines(bytes)
  const shard = fromJsonString(ClientShardSchema, head, { ignoreUnknownFields: true })
  if (shard.schema !== shardSchema) throw new UnknownSchemaError(shard.schema, digestOf(bytes))
  if (shard.entries.length > 0) throw new Error('has a client that is not on its own line')
  return {
    head: shard,
    lines,
    get digest() {
      return digestOf(bytes)
    },
  }
}

/** @returns SHA-256 of a client's line, base64url. It is not stored in the shard, because digests do not compress */
export function digestOfLine(line: Uint8Array): string {
  return hash('sha256', line, 'base64url')
}

/** Unknown fields are ignored.
 *  @throws Error when the line is not a client */
export function decodeLine(line: Uint8Array): ShardEntry {
  return fromJsonString(ShardEntrySchema, decodeText(line), { ignoreUnknownFields: true })
}

/** parseShardFile, with every client decoded into `shard.entries`. */
export function decodeShardFile(file: Uint8Array): { shard: ClientShard; digest: string } {
  const { head, lines, digest } = parseShardFile(file)
  head.entries = lines.map(decodeLine)
  return { shard: head, digest }
}

const lineFeed = 0x0a
const [listBegin, listEnd] = ['"entries":[', ']}']

/** Proto JSON has no empty lists, so a shard without clients has no list. */
function inLines(head: string, entries: readonly ShardEntry[]): string {
  if (entries.length === 0) return head
  return `${head.slice(0, -1)},${listBegin}\n${entries.map(lineOf).join(',\n')}\n${listEnd}`
}

/** Caches the line of each entry: of 600 clients usually one changed since the last write. */
const lineOfEntry = new WeakMap<ShardEntry, string>()

function lineOf(entry: ShardEntry): string {
  const known = lineOfEntry.get(entry)
  if (known !== undefined) return known
  const line = JSON.stringify(toJson(ShardEntrySchema, entry))
  lineOfEntry.set(entry, line)
  return line
}

/** A JSON string cannot contain a line feed, so each line feed in the file ends a line.
 *  @returns the JSON of the shard with an empty list, and the JSON of each client */
function splitLines(bytes: Uint8Array): { head: string; lines: Uint8Array[] } {
  const first = bytes.indexOf(lineFeed)
  if (first < 0) return { head: decodeText(bytes), lines: [] }
  const begin = decodeText(bytes.subarray(0, first))
  const last = bytes.lastIndexOf(lineFeed)
  if (!begin.endsWith(listBegin) || decodeText(bytes.subarray(last + 1)) !== listEnd) {
    throw new Error('has several lines, but not in a list of clients')
  }
  const lines: Uint8Array[] = []
  for (let start = first + 1; start <= last;) {
    const end = bytes.indexOf(lineFeed, start)
    const isLast = end === last
    if (!isLast && bytes[end - 1] !== 0x2c) throw new Error('has a line that ends without a comma')
    if (lines.length === maxLines) throw new Error('has too many lines')
    lines.push(bytes.subarray(start, isLast ? end : end - 1))
    start = end + 1
  }
  return { head: begin + listEnd, lines }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const decodeText = (bytes: Uint8Array): string => utf8.decode(bytes)
