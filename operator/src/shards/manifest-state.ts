// The state of the manifest and its transitions, and the plan of its next content. Pure.
import { create, equals } from '@bufbuild/protobuf'
import { encodeManifest } from '@nauthera/proto/digest'
import { ManifestSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import type { SecretObject } from '../kubernetes/objects.ts'
import { readManifestSecret } from './shard-secret.ts'

/** Times are milliseconds of the monotonic clock. */
export interface ManifestState {
  /** As last read or written; the next write is conditional on it. */
  readonly secret: SecretObject | undefined
  readonly content: Manifest | undefined
  /** Of the content; empty without one. */
  readonly digest: string
  /** The outcome of a write is unknown: the Secret must be read before the next one. */
  readonly doubtful: boolean
  /** Since when a write is due; undefined when none is. */
  readonly dirtySince: number | undefined
  readonly notBefore: number
}

export const noManifest: ManifestState = {
  secret: undefined,
  content: undefined,
  digest: '',
  doubtful: false,
  dirtySince: undefined,
  notBefore: -Infinity,
}

/** A shard changed, or the stored manifest is not ours. */
export function onManifestStale(state: ManifestState, now: number): ManifestState {
  return state.dirtySince === undefined ? { ...state, dirtySince: now } : state
}

/** A turn of writing begins. */
export function onManifestBegun(state: ManifestState): ManifestState {
  return { ...state, dirtySince: undefined }
}

/** The Secret has been read; a damaged one counts as lost. */
export function onManifestRead(state: ManifestState, secret: SecretObject | undefined): ManifestState {
  const read = readManifestSecret(secret)
  return { ...state, secret, content: read?.manifest, digest: read?.digest ?? '', doubtful: false }
}

/** A write has succeeded. */
export function onManifestWritten(
  state: ManifestState,
  { secret, manifest, digest }: { secret: SecretObject; manifest: Manifest; digest: string },
): ManifestState {
  return { ...state, secret, content: manifest, digest }
}

/** The outcome of the write is unknown. */
export function onManifestFailed(state: ManifestState, now: number, retryMs: number): ManifestState {
  return onManifestStale({ ...state, doubtful: true, notBefore: now + retryMs }, now)
}

/** @param about.isBusy whether a shard is being written, for which the manifest waits up to `busyWaitMs`
 *  @returns how long until it may be written, 0 or less for now; undefined when no write is due */
export function manifestWaitMs(
  { dirtySince, notBefore }: ManifestState,
  about: { readonly now: number; readonly isBusy: boolean; readonly busyWaitMs: number },
): number | undefined {
  if (dirtySince === undefined) return undefined
  const busyUntil = about.isBusy ? dirtySince + about.busyWaitMs : -Infinity
  return Math.max(notBefore, busyUntil) - about.now
}

/** A shard as the manifest names it. */
export interface WrittenShard {
  readonly shard: number
  readonly seq: bigint
  readonly digest: string
  readonly count: number
}

/** @param signedBy the key that has signed them
 *  @returns the manifest that names these shards, or undefined when the stored one is equal. */
export function planManifest(
  shards: readonly WrittenShard[],
  signedBy: Uint8Array,
  stored: Manifest | undefined,
): { readonly manifest: Manifest; readonly file: Uint8Array; readonly digest: string } | undefined {
  const manifest = create(ManifestSchema, {
    shardCount,
    shards: shards
      .toSorted((left, right) => left.shard - right.shard)
      .map(({ shard, seq, digest, count }) => ({ shard, seq, digest, count })),
    total: shards.reduce((sum, { count }) => sum + count, 0),
    // a copy: a view would keep the whole buffer in memory
    signedBy: Uint8Array.from(signedBy),
  })
  if (stored && equals(ManifestSchema, stored, manifest)) return undefined
  return { manifest, ...encodeManifest(manifest) }
}
