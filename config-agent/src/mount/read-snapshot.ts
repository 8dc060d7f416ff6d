import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { dataLink } from '@nauthera/proto/mounted-volume'
import { manifestFile, shardCount, shardFile, signatureFile } from '@nauthera/proto/names'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import type { AgentErrorCode } from '../errors.ts'
import { parseManifest, parseShard } from './parse-files.ts'
import type { ReadManifest, ReadShard, Snapshot, SnapshotFault } from '../snapshot.ts'

/** A Secret holds 1 MiB. Bytes. */
const maxFileBytes = 2 * 1024 * 1024
const attempts = 20

// The files are read without threads: they lie in memory, and a thread costs more than 17 reads.

/** What each file was parsed to, so that an unchanged file is not parsed again. */
export type ReadCache = Map<number, { file: Uint8Array; outcome: ReadShard | CodedError<AgentErrorCode> }>

/** Reads every shard and the manifest through one pinned version of the volume: a swap in mid-read would mix two
 *  snapshots, so the reading starts again when the link moved.
 *  @param directory where the kubelet mounts the volume
 *  @param cache outcomes of the last reading; brought up to date
 *  @returns undefined when there is no volume yet, or it was switched faster than it could be read
 *  @throws CodedError MOUNT_UNREADABLE */
export function readSnapshot(directory: string, cache: ReadCache = new Map()): Snapshot | undefined {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const target = readDataLink(directory)
    if (target === undefined) return undefined
    const pinned = join(directory, target)
    const state = lstatSync(pinned, { throwIfNoEntry: false })
    if (state && !state.isDirectory())
      throw new CodedError('MOUNT_UNREADABLE', { message: `${pinned} is not a directory` })
    const snapshot = state && readPinned(pinned, cache)
    // A file of the old version may vanish while it is read. An unchanged link proves that all files are of one version.
    if (snapshot && readDataLink(directory) === target) return snapshot
    if (!state && readDataLink(directory) === target) return undefined
  }
  return undefined
}

/** @returns where ..data leads: the name of a directory beside it; undefined when there is no link
 *  @throws CodedError MOUNT_UNREADABLE when it leads out of the volume, or cannot be read */
export function readDataLink(directory: string): string | undefined {
  let target: string
  try {
    target = readlinkSync(join(directory, dataLink))
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new CodedError('MOUNT_UNREADABLE', { cause, message: `${directory}/${dataLink} is not a readable link` })
  }
  if (target.includes('/') || target === '..' || target === '.') {
    throw new CodedError('MOUNT_UNREADABLE', { message: `${directory}/${dataLink} leads out of the volume` })
  }
  return target
}

function readPinned(pinned: string, cache: ReadCache): Snapshot {
  const shards = new Map<number, ReadShard>()
  const signatures = new Map<number, Uint8Array>()
  const faults: SnapshotFault[] = []
  const missing: number[] = []
  for (let shard = 0; shard < shardCount; shard++) {
    try {
      const bytes = readRegularFile(join(pinned, shardFile(shard)))
      if (bytes === undefined) missing.push(shard)
      else shards.set(shard, parseCached(shard, bytes, cache))
      const signature = readSignature(pinned, shardFile(shard))
      if (signature) signatures.set(shard, signature)
    } catch (error) {
      faults.push(faultOf(shard, error))
    }
  }
  let manifest: ReadManifest | undefined
  let manifestMissing = false
  try {
    const bytes = readRegularFile(join(pinned, manifestFile))
    if (bytes === undefined) manifestMissing = true
    else manifest = parseManifest(bytes)
  } catch (error) {
    faults.push({ ...faultOf(undefined, error), code: 'MANIFEST_UNREADABLE' })
  }
  return { shards, signatures, manifest, faults, missing: { shards: missing, manifest: manifestMissing } }
}

/** @param pinned a version of the volume
 *  @returns the signature beside a file; undefined when there is none or it cannot be read */
export function readSignature(pinned: string, file: string): Uint8Array | undefined {
  try {
    return readRegularFile(join(pinned, signatureFile(file)))
  } catch {
    return undefined
  }
}

/** Neither follows a link nor waits for the writer of a pipe.
 *  @returns undefined when there is no such file */
function readRegularFile(path: string): Uint8Array | undefined {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  let file
  try {
    file = openSync(path, flags)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    const isLink = fieldsOf(cause)['code'] === 'ELOOP'
    throw new CodedError(isLink ? 'SHARD_NOT_A_FILE' : 'SHARD_UNREADABLE', {
      cause,
      message: isLink ? 'is a symbolic link' : 'cannot be opened',
    })
  }
  try {
    const state = fstatSync(file)
    if (!state.isFile()) throw new CodedError('SHARD_NOT_A_FILE', { message: 'is not a regular file' })
    if (state.size > maxFileBytes) throw new CodedError('SHARD_TOO_LARGE', { message: `has ${state.size} bytes` })
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

function parseCached(shard: number, file: Uint8Array, cache: ReadCache): ReadShard {
  let known = cache.get(shard)
  if (!known || Buffer.compare(known.file, file) !== 0) {
    const before = known?.outcome instanceof CodedError ? undefined : known?.outcome
    known = { file, outcome: tryParse(shard, file, before) }
    cache.set(shard, known)
  }
  if (known.outcome instanceof CodedError) throw known.outcome
  return known.outcome
}

function tryParse(shard: number, file: Uint8Array, before?: ReadShard): ReadShard | CodedError<AgentErrorCode> {
  try {
    return parseShard(shard, file, before)
  } catch (error) {
    if (hasCode<AgentErrorCode>(error)) return error
    return new CodedError('SHARD_UNREADABLE', { cause: error, message: describeError(error) })
  }
}

function faultOf(shard: number | undefined, error: unknown): SnapshotFault {
  if (hasCode<AgentErrorCode>(error))
    return { shard, code: error.code, reason: describeError(error).replace(`${error.code}: `, '') }
  return { shard, code: 'SHARD_UNREADABLE', reason: describeError(error) }
}

function isMissing(error: unknown): boolean {
  const { code } = fieldsOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
