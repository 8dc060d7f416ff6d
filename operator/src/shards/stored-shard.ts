import { equals } from '@bufbuild/protobuf'
import { decodeManifest, decodeShard } from '@nauthera/proto/digest'
import { ClientConfigSchema, ClientEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  ClientConfig,
  ClientEntry,
  ClientShard,
  Manifest,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  annotations,
  clientsComponent,
  labels,
  managedByOperator,
  manifestFile,
  shardFile,
} from '@nauthera/proto/names'
import { compactConfig } from '../decide/metadata.ts'
import { entryKey, readVerifier, sameConfig } from '../decide/shard.ts'
import type { ClientForShard } from '../decide/shard.ts'
import type { StoredVerifier } from '../decide/rotation-terms.ts'
import type { WantedSecret } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

/** The stored version of one client, and which writes of the shard brought it. */
export interface StoredEntry {
  readonly entry: ClientEntry
  /** The seq that brought this entry as it is. */
  readonly entrySeq: number
  /** The seq that brought its `desired` version. */
  readonly configSeq: number
}

/** @returns what a shard's Secret holds; undefined when it is absent, damaged or another shard */
export function readShardSecret(
  secret: SecretObject | undefined,
  index: number,
): { shard: ClientShard; digest: string } | undefined {
  const read = readFile(secret, shardFile(index), decodeShard)
  if (read?.shard.shard !== index) return undefined
  for (const entry of read.shard.clients) {
    if (entry.desired) entry.desired = compactConfig(entry.desired)
    if (entry.accepted) entry.accepted = compactConfig(entry.accepted)
  }
  return read
}

/** @returns what the manifest's Secret holds; undefined when it is absent or damaged */
export function readManifestSecret(
  secret: SecretObject | undefined,
): { manifest: Manifest; digest: string } | undefined {
  return readFile(secret, manifestFile, decodeManifest)
}

/** @returns the Secret that holds one file of the set */
export function secretOfFile(about: {
  namespace: string
  name: string
  file: string
  bytes: Uint8Array
  digest: string
}): WantedSecret {
  return {
    namespace: about.namespace,
    name: about.name,
    labels: { [labels.component]: clientsComponent, [labels.managedBy]: managedByOperator },
    annotations: { [annotations.contentDigest]: about.digest },
    data: { [about.file]: Buffer.from(about.bytes).toString('base64') },
  }
}

function readFile<T>(secret: SecretObject | undefined, file: string, decode: (bytes: Uint8Array) => T): T | undefined {
  const text = secret?.data?.[file]
  if (text === undefined) return undefined
  try {
    return decode(Buffer.from(text, 'base64'))
  } catch {
    return undefined
  }
}

/** Entries of the next stored version beside those of the last.
 *  @param fresh count every entry as brought by this version: what replicas have live is of another history
 *  @returns the entries by `namespace/name`, and the keys whose entry differs, gone ones included */
export function followEntries(
  known: ReadonlyMap<string, StoredEntry>,
  next: ClientShard,
  fresh: boolean,
): { entries: Map<string, StoredEntry>; changed: string[] } {
  const seq = Number(next.seq)
  const entries = new Map<string, StoredEntry>()
  const changed: string[] = []
  for (const entry of next.clients) {
    const key = entryKey(entry)
    const before = fresh ? undefined : known.get(key)
    const sameEntry = before !== undefined && (before.entry === entry || equals(ClientEntrySchema, before.entry, entry))
    const sameDesired = before?.entry.uid === entry.uid && sameVersion(before.entry.desired, entry.desired)
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

/** @returns the verifiers of an entry as rotation plans them, newest first */
export function verifiersOf(entry: ClientEntry): StoredVerifier[] {
  return entry.verifiers.map(readVerifier)
}

/** A client that nobody has decided yet stays as it is stored. */
export function asStored(entry: ClientEntry): ClientForShard {
  return {
    namespace: entry.namespace,
    name: entry.name,
    uid: entry.uid,
    clientId: entry.clientId,
    createdAt: 0,
    verifiers: verifiersOf(entry),
    verdict: entry.desired ? { kind: 'desired', config: entry.desired } : { kind: 'carry' },
    standing: 'unknown',
  }
}

/** The same client; when its version says the same as the stored one, it holds that very object, so that each is in memory once. */
export function shareConfig(client: ClientForShard, stored: ClientEntry | undefined): ClientForShard {
  const { verdict } = client
  if (verdict.kind !== 'desired' || !stored?.desired || !sameConfig(stored.desired, verdict.config)) return client
  return { ...client, verdict: { kind: 'desired', config: stored.desired } }
}

export function sameClient(one: ClientForShard, other: ClientForShard): boolean {
  return (
    one.uid === other.uid &&
    one.clientId === other.clientId &&
    one.standing === other.standing &&
    one.createdAt === other.createdAt &&
    JSON.stringify(one.verifiers) === JSON.stringify(other.verifiers) &&
    (one.verdict.kind === 'desired'
      ? other.verdict.kind === 'desired' && sameConfig(one.verdict.config, other.verdict.config)
      : other.verdict.kind === 'carry')
  )
}

function sameVersion(one: ClientConfig | undefined, other: ClientConfig | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return one === other
  return equals(ClientConfigSchema, one, other)
}
