import { constants } from 'node:fs'
import { lstat, open, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { toBinary } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { maxMessageBytes } from '@nauthera/proto/channel'
import { decodeManifest, decodeShard, digestOf } from '@nauthera/proto/digest'
import { ClientShardSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientShard, Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { manifestFile, shardCount, shardFile, shardSchema } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { describeError } from '@nauthera/runtime/log'
import { hasCode, CodedError } from '@nauthera/runtime/coded-error'
import type { ErrorCode } from './errors.ts'
import { clientKey } from './snapshot.ts'
import type { ReadManifest, ReadShard, Snapshot, SnapshotFault } from './snapshot.ts'

/** The link that the kubelet switches from one version of the volume to the next. */
export const dataLink = '..data'

/** A Secret holds 1 MiB. Bytes. */
const maxFileBytes = 2 * 1024 * 1024
const attempts = 20

/** What the outcome of a file was, by the SHA-256 of its bytes, so that an unchanged file is not parsed again. */
export type ReadCache = Map<string, { bytes: string; outcome: ReadShard | CodedError<ErrorCode> }>

/** Reads every shard and the manifest through one pinned version of the volume: a swap in mid-read would mix two
 *  snapshots, so the reading starts again when the link moved.
 *  @param directory where the kubelet mounts the volume
 *  @param cache outcomes of the last reading; brought up to date
 *  @returns undefined when there is no volume yet, or it was switched faster than it could be read
 *  @throws CodedError MOUNT_UNREADABLE */
export async function readSnapshot(directory: string, cache: ReadCache = new Map()): Promise<Snapshot | undefined> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const target = await readDataLink(directory)
    if (target === undefined) return undefined
    const pinned = join(directory, target)
    const state = await lstat(pinned).catch(() => undefined)
    if (state && !state.isDirectory())
      throw new CodedError('MOUNT_UNREADABLE', { message: `${pinned} is not a directory` })
    const snapshot = state && (await readPinned(pinned, cache))
    // A file of the old version may vanish while it is read; only a link that stayed says that the reading was of one.
    if (snapshot && (await readDataLink(directory)) === target) return snapshot
    if (!state && (await readDataLink(directory)) === target) return undefined
  }
  return undefined
}

/** @returns where ..data leads: the name of a directory beside it; undefined when there is no link
 *  @throws CodedError MOUNT_UNREADABLE when it leads out of the volume, or cannot be read */
export async function readDataLink(directory: string): Promise<string | undefined> {
  let target: string
  try {
    target = await readlink(join(directory, dataLink))
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new CodedError('MOUNT_UNREADABLE', { cause, message: `${directory}/${dataLink} is not a readable link` })
  }
  if (target.includes('/') || target === '..' || target === '.') {
    throw new CodedError('MOUNT_UNREADABLE', { message: `${directory}/${dataLink} leads out of the volume` })
  }
  return target
}

async function readPinned(pinned: string, cache: ReadCache): Promise<Snapshot> {
  const shards = new Map<number, ReadShard>()
  const faults: SnapshotFault[] = []
  const missing: number[] = []
  const indices = Array.from({ length: shardCount }, (_, shard) => shard)
  await Promise.all(
    indices.map(async (shard) => {
      try {
        const bytes = await readRegularFile(join(pinned, shardFile(shard)))
        if (bytes === undefined) missing.push(shard)
        else shards.set(shard, parseCached(shard, bytes, cache))
      } catch (error) {
        faults.push(faultOf(shard, error))
      }
    }),
  )
  let manifest: ReadManifest | undefined
  let manifestMissing = false
  try {
    const bytes = await readRegularFile(join(pinned, manifestFile))
    if (bytes === undefined) manifestMissing = true
    else manifest = parseManifest(bytes)
  } catch (error) {
    faults.push({ ...faultOf(undefined, error), code: 'MANIFEST_UNREADABLE' })
  }
  missing.sort((one, other) => one - other)
  faults.sort((one, other) => (one.shard ?? shardCount) - (other.shard ?? shardCount))
  return { shards, manifest, faults, missing: { shards: missing, manifest: manifestMissing } }
}

/** Neither follows a link nor waits for the writer of a pipe.
 *  @returns undefined when there is no such file */
async function readRegularFile(path: string): Promise<Uint8Array | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  let file
  try {
    file = await open(path, flags)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    const isLink = (cause as NodeJS.ErrnoException).code === 'ELOOP'
    throw new CodedError<ErrorCode>(isLink ? 'SHARD_NOT_A_FILE' : 'SHARD_UNREADABLE', {
      cause,
      message: isLink ? 'is a symbolic link' : 'cannot be opened',
    })
  }
  try {
    const state = await file.stat()
    if (!state.isFile()) throw new CodedError<ErrorCode>('SHARD_NOT_A_FILE', { message: 'is not a regular file' })
    if (state.size > maxFileBytes)
      throw new CodedError<ErrorCode>('SHARD_TOO_LARGE', { message: `has ${state.size} bytes` })
    return await file.readFile()
  } finally {
    await file.close()
  }
}

function parseCached(shard: number, file: Uint8Array, cache: ReadCache): ReadShard {
  const key = shardFile(shard)
  const bytes = digestOf(file)
  const known = cache.get(key)
  if (known?.bytes !== bytes) cache.set(key, { bytes, outcome: tryParse(shard, file) })
  const { outcome } = cache.get(key)!
  if (outcome instanceof CodedError) throw outcome
  return outcome
}

function tryParse(shard: number, file: Uint8Array): ReadShard | CodedError<ErrorCode> {
  try {
    return parseShard(shard, file)
  } catch (error) {
    if (hasCode<ErrorCode>(error)) return error
    return new CodedError<ErrorCode>('SHARD_UNREADABLE', { cause: error, message: describeError(error) })
  }
}

/** Checks everything about a shard that can be known from its file alone.
 *  @throws CodedError SHARD_… or another error when it cannot be decoded */
export function parseShard(index: number, file: Uint8Array): ReadShard {
  const { shard, digest } = decode(file)
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
  const keys = new Set<string>()
  for (const client of shard.clients) {
    const key = clientKey(client)
    if (shardOf(client.namespace, client.name) !== index) throw misplaced(`holds ${key}, which belongs elsewhere`)
    if (keys.has(key)) throw new CodedError<ErrorCode>('SHARD_UNREADABLE', { message: `holds ${key} twice` })
    keys.add(key)
  }
  return {
    ref: { epoch: shard.epoch, shard: index, seq: shard.seq, digest },
    clients: shard.clients,
    change: shard.change,
    renderedAt: shard.renderedAt && timestampMs(shard.renderedAt),
    file,
  }
}

function decode(file: Uint8Array): { shard: ClientShard; digest: string } {
  try {
    const decoded = decodeShard(file)
    // JSON is nearly always the longer form; only a hostile one of nested lists is not.
    if (toBinary(ClientShardSchema, decoded.shard).length > maxMessageBytes - 1024) {
      throw new CodedError<ErrorCode>('SHARD_TOO_LARGE', { message: 'does not fit a message' })
    }
    return decoded
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    throw new CodedError<ErrorCode>('SHARD_TOO_LARGE', { cause: error, message: 'grows past the limit when unpacked' })
  }
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

function faultOf(shard: number | undefined, error: unknown): SnapshotFault {
  if (hasCode<ErrorCode>(error))
    return { shard, code: error.code, reason: describeError(error).replace(`${error.code}: `, '') }
  return { shard, code: 'SHARD_UNREADABLE', reason: describeError(error) }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
