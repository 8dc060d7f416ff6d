// What is stored of one shard, as far as we know: a value, and what makes the next one of it.
import { equals } from '@bufbuild/protobuf'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { grantsTheSame, restrainsTheSame } from '@nauthera/proto/shard-entry'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { SecretObject } from '../kubernetes/objects.ts'
import { entryKey, saysTheSame } from './client-entry.ts'
import { laterSchemaOf, readShardSecret } from './shard-secret.ts'
import type { TrustsFile } from './shard-secret.ts'

/** The stored version of one client, and which writes of the shard brought it. */
export interface StoredEntry {
  readonly entry: ShardEntry
  /** The seq that brought this entry as it is. */
  readonly entrySeq: number
  /** The seq that brought its `desired` version, what it may have at APIs, and what restrains it. */
  readonly configSeq: number
}

export interface StoredShard {
  readonly index: number
  /** As last read or written; the next write is conditional on it. */
  readonly secret: SecretObject | undefined
  /** The best version that we know of: the one in the Secret, unless `damaged`. */
  readonly content: ClientShard | undefined
  /** Of the content; empty without one. */
  readonly digest: string
  /** By `namespace/name`. */
  readonly entries: ReadonlyMap<string, StoredEntry>
  /** The Secret does not hold the content as we would write it: it is gone, unreadable, an older version, or signed by another key. */
  readonly damaged: boolean
  /** The schema of what the Secret holds, when a later version of the operator wrote it: it is not written over, since nobody here
   *  knows what it says. */
  readonly later: number | undefined
}

export const nothingStored = (index: number): StoredShard => ({
  index,
  secret: undefined,
  content: undefined,
  digest: '',
  entries: new Map(),
  damaged: false,
  later: undefined,
})

/** What a Secret that was read is to us. */
export type FoundShard =
  /** What we know already. */
  | { readonly kind: 'same'; readonly stored: StoredShard }
  /** Worse than what we know, which is written over it. */
  | { readonly kind: 'lost'; readonly stored: StoredShard; readonly what: 'none' | 'damaged' | 'another' }
  /** Another operator's: each client that differs is to be decided again, compared with it. */
  | { readonly kind: 'newer'; readonly stored: StoredShard; readonly changed: readonly string[] }

/** The first look, before anything is known.
 *  @param secret undefined when there is none; a damaged one, or one that somebody else wrote, counts as lost
 *  @param about.isBelieved signed by an operator that was here before: it is taken, and written again under the key of now */
export function onShardLoaded(
  stored: StoredShard,
  secret: SecretObject | undefined,
  { isOurs, isBelieved }: { readonly isOurs: TrustsFile; readonly isBelieved: TrustsFile },
): StoredShard {
  const { index } = stored
  const read = readShardSecret(secret, index, isBelieved)
  if (!read) return { ...stored, secret, later: laterSchemaOf(secret, index, isBelieved) }
  const loaded = withContent({ ...stored, secret }, read, false).stored
  return { ...loaded, damaged: readShardSecret(secret, index, isOurs) === undefined }
}

/** A later look. @param secret undefined when there is none; one that is not ours counts as damaged */
export function onShardRead(stored: StoredShard, secret: SecretObject | undefined, isOurs: TrustsFile): FoundShard {
  const read = readShardSecret(secret, stored.index, isOurs)
  const { content } = stored
  if (read && read.digest === stored.digest)
    return { kind: 'same', stored: { ...stored, secret, damaged: false, later: undefined } }
  if (read && (content === undefined || read.shard.seq > content.seq)) {
    return { kind: 'newer', ...withContent({ ...stored, secret }, read, false) }
  }
  const what = read ? 'another' : secret ? 'damaged' : 'none'
  const later = laterSchemaOf(secret, stored.index, isOurs)
  return { kind: 'lost', what, stored: { ...stored, secret, damaged: content !== undefined, later } }
}

/** A write has succeeded.
 *  @param fresh count every entry as brought by it: what replicas have is from before our Secret was lost or put back
 *  @returns also the keys whose stored entry is another one now */
export function onShardWritten(
  stored: StoredShard,
  written: { readonly secret: SecretObject; readonly shard: ClientShard; readonly digest: string },
  fresh: boolean,
): { readonly stored: StoredShard; readonly changed: readonly string[] } {
  return withContent({ ...stored, secret: written.secret }, written, fresh)
}

/** @returns whether a replica has seen a later version: then our Secret was lost or an older copy was put back */
export function isBehind({ content }: StoredShard, highestSeen: bigint): boolean {
  return content !== undefined && highestSeen > content.seq
}

/** @returns the seq that the next version must exceed. Above the stored one it makes it a write though nothing else has
 *  changed: so for what is behind, and for what is damaged. */
export function seqToExceed({ content, damaged }: StoredShard, highestSeen: bigint): bigint {
  const storedSeq = content?.seq ?? 0n
  return damaged && highestSeen <= storedSeq ? storedSeq + 1n : highestSeen
}

function withContent(
  stored: StoredShard,
  { shard, digest }: { readonly shard: ClientShard; readonly digest: string },
  fresh: boolean,
): { readonly stored: StoredShard; readonly changed: readonly string[] } {
  const { entries, changed } = followEntries(stored.entries, shard, fresh)
  return { stored: { ...stored, entries, content: shard, digest, damaged: false, later: undefined }, changed }
}

/** Entries of the next stored version beside those of the last.
 *  @returns the entries by `namespace/name`, and the keys whose entry differs, gone ones included */
function followEntries(
  known: ReadonlyMap<string, StoredEntry>,
  next: ClientShard,
  fresh: boolean,
): { entries: Map<string, StoredEntry>; changed: string[] } {
  const seq = Number(next.seq)
  const entries = new Map<string, StoredEntry>()
  const changed: string[] = []
  for (const entry of next.entries) {
    const key = entryKey(entry)
    const before = fresh ? undefined : known.get(key)
    if (before?.entry === entry) {
      entries.set(key, before)
      continue
    }
    const sameEntry = before !== undefined && equals(ShardEntrySchema, before.entry, entry)
    const sameDesired =
      before?.entry.uid === entry.uid &&
      sameVersion(before.entry.desired, entry.desired) &&
      grantsTheSame(before.entry.granted, entry.granted) &&
      restrainsTheSame(before.entry.restraint, entry.restraint)
    if (!sameEntry) changed.push(key)
    entries.set(key, {
      entry,
      entrySeq: sameEntry ? before.entrySeq : seq,
      configSeq: before && sameDesired ? before.configSeq : seq,
    })
  }
  for (const key of known.keys()) if (!entries.has(key)) changed.push(key)
  return { entries, changed }
}

const sameVersion = (one: ClientVersion | undefined, other: ClientVersion | undefined): boolean =>
  one === other || (saysTheSame(one, other) && one?.generation === other?.generation)
