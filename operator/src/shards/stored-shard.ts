// The stored state of one shard: a value and its transitions.
import { equals } from '@bufbuild/protobuf'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { agesTheSame, grantsTheSame, restrainsTheSame } from '@nauthera/proto/shard-entry'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { SecretObject } from '../kubernetes/objects.ts'
import { entryKey, isSameVersion } from './client-entry.ts'
import { laterSchemaOf, readShardSecret } from './shard-secret.ts'
import type { TrustsFile } from './shard-secret.ts'

/** The stored entry of one client, and the seqs that brought it. */
export interface StoredEntry {
  readonly entry: ShardEntry
  /** The seq that brought this entry as it is. */
  readonly entrySeq: number
  /** The seq that brought its `desired` version, and what stands beside the versions. */
  readonly configSeq: number
  /** The seq that brought each of its verifiers, by id. */
  readonly verifierSeqs: Readonly<Record<string, number>>
}

export interface StoredShard {
  readonly index: number
  /** As last read or written; the next write is conditional on it. */
  readonly secret: SecretObject | undefined
  /** The best known version: the one in the Secret, unless `damaged`. */
  readonly content: ClientShard | undefined
  /** Of the content; empty without one. */
  readonly digest: string
  /** By `namespace/name`. */
  readonly entries: ReadonlyMap<string, StoredEntry>
  /** The Secret is missing, unreadable, older, or signed by another key. */
  readonly damaged: boolean
  /** The schema in the Secret, when a later operator wrote it. It is never overwritten. */
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

/** How a Secret that was read compares to the known state. */
export type FoundShard =
  /** The known version. */
  | { readonly kind: 'same'; readonly stored: StoredShard }
  /** Worse than the known version, which will overwrite it. */
  | { readonly kind: 'lost'; readonly stored: StoredShard; readonly what: 'none' | 'damaged' | 'another' }
  /** Written by another operator: changed clients are decided again. */
  | { readonly kind: 'newer'; readonly stored: StoredShard; readonly changed: readonly string[] }

/** The Secret was read for the first time.
 *  @param secret undefined when there is none; a damaged one, or one that somebody else wrote, counts as lost
 *  @param about.isBelieved signed by an earlier operator: it counts, and is written again with the present key */
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

/** The Secret was read again. @param secret undefined when there is none; one without our signature counts as damaged */
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
 *  @param fresh every entry counts as brought by this write: replicas have entries from before our Secret was lost
 *  @returns also the keys whose stored entry changed */
export function onShardWritten(
  stored: StoredShard,
  written: { readonly secret: SecretObject; readonly shard: ClientShard; readonly digest: string },
  fresh: boolean,
): { readonly stored: StoredShard; readonly changed: readonly string[] } {
  return withContent({ ...stored, secret: written.secret }, written, fresh)
}

/** @returns whether a replica has seen a later version: our Secret was lost or an older copy was restored */
export function isBehind({ content }: StoredShard, highestSeen: bigint): boolean {
  return content !== undefined && highestSeen > content.seq
}

/** @returns the seq that the next version must exceed. Above the stored seq it forces a write: when the shard is behind or damaged. */
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

/** Compares the entries of two stored versions.
 *  @returns the entries by `namespace/name`, and the keys of changed or removed entries */
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
      restrainsTheSame(before.entry.restraint, entry.restraint) &&
      agesTheSame(before.entry, entry)
    if (!sameEntry) changed.push(key)
    entries.set(key, {
      entry,
      entrySeq: sameEntry ? before.entrySeq : seq,
      configSeq: before && sameDesired ? before.configSeq : seq,
      verifierSeqs: verifierSeqsOf(entry, before, seq),
    })
  }
  for (const key of known.keys()) if (!entries.has(key)) changed.push(key)
  return { entries, changed }
}

/** @param before of this entry; another object may have had its name
 *  @param seq of the present version of the shard */
function verifierSeqsOf(entry: ShardEntry, before: StoredEntry | undefined, seq: number): Record<string, number> {
  const known = before?.entry.uid === entry.uid ? before : undefined
  return Object.fromEntries(
    entry.verifiers.map(({ id, sha256 }) => {
      const isKnown = known?.entry.verifiers.some((one) => one.sha256 === sha256) === true
      return [id, isKnown ? (known.verifierSeqs[id] ?? seq) : seq]
    }),
  )
}

const sameVersion = (one: ClientVersion | undefined, other: ClientVersion | undefined): boolean =>
  one === other || (isSameVersion(one, other) && one?.generation === other?.generation)
