// The bytes of one mounted file -> what it holds, checked as far as the file alone allows.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { decodeManifest } from '@nauthera/proto/digest'
import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import { UnknownSchemaError, decodeLine, digestOfLine, parseShardFile } from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import { CodedError } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import type { AgentErrorCode } from '../errors.ts'
import { clientKey } from '../snapshot.ts'
import type { ReadManifest, ReadShard } from '../snapshot.ts'

/** @param index the number in the file's name
 *  @param before an earlier version of that shard: clients that stayed as they were are not decoded again
 *  @throws CodedError SHARD_…, or another error when the bytes cannot be decoded */
export function parseShard(index: number, file: Uint8Array, before?: ReadShard): ReadShard {
  const { head, lines, digest } = parseWhole(file)
  if (!head.renderedAt || !/^[0-9a-f]{4}$/.test(head.change)) {
    throw faultOf('SHARD_UNREADABLE', 'does not say when and for what change it was rendered')
  }
  if (head.shard !== index) throw faultOf('SHARD_MISPLACED', `says that it is shard ${head.shard}`)
  if (head.shardCount !== shardCount) {
    throw faultOf('SHARD_MISPLACED', `is one of ${head.shardCount}, not of ${shardCount}`)
  }
  return {
    ref: { shard: index, seq: head.seq, digest },
    clients: readLines(lines, index, before?.clients ?? new Map()),
    change: head.change,
    renderedAt: timestampMs(head.renderedAt),
    file,
  }
}

/** @param before what is known of an earlier version: a line that stayed is not decoded again
 *  @returns the digest of each line by `namespace/name` */
function readLines(
  lines: readonly Uint8Array[],
  index: number,
  before: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const known = new Map(Array.from(before, ([key, digest]) => [digest, key]))
  const clients = new Map<string, string>()
  for (const line of lines) {
    const digest = digestOfLine(line)
    const key = known.get(digest) ?? keyOfLine(line, index)
    if (clients.has(key)) throw faultOf('SHARD_UNREADABLE', `holds ${key} twice`)
    clients.set(key, digest)
  }
  return clients
}

function keyOfLine(line: Uint8Array, index: number): string {
  const entry = decodeLine(line)
  const key = clientKey(entry)
  if (shardOf(entry.namespace, entry.name) !== index) {
    throw faultOf('SHARD_MISPLACED', `holds ${key}, which belongs elsewhere`)
  }
  return key
}

function parseWhole(file: Uint8Array): ReturnType<typeof parseShardFile> {
  try {
    return parseShardFile(file)
  } catch (error) {
    if (error instanceof UnknownSchemaError) throw faultOf('SHARD_SCHEMA_UNKNOWN', error.message)
    if (fieldsOf(error)['code'] !== 'ERR_BUFFER_TOO_LARGE') throw error
    throw faultOf('SHARD_TOO_LARGE', 'grows past the limit when unpacked', error)
  }
}

const faultOf = (code: AgentErrorCode, message: string, cause?: unknown): CodedError<AgentErrorCode> =>
  new CodedError(code, { message, ...(cause === undefined ? {} : { cause }) })

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
