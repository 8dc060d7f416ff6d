// Accepted clients and the stored shard -> the next shard, or nothing to write.
import { create, equals } from '@bufbuild/protobuf'
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt'
import { encodeManifest, encodeShard } from '@nauthera/proto/digest'
import {
  ClientConfigSchema,
  ClientEntrySchema,
  ClientShardSchema,
  ManifestSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  ClientConfig,
  ClientEntry,
  ClientShard,
  Manifest,
  Verifier,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardEpoch, shardSchema } from '@nauthera/proto/names'
import type { StoredVerifier } from './rotation-terms.ts'

/** What the shard should say about one client. */
export interface ClientForShard {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly clientId: string
  /** Epoch milliseconds of creation: the older ones keep their place when a shard is full. */
  readonly createdAt: number
  /** RotationPlan.verifiers. */
  readonly verifiers: readonly StoredVerifier[]
  readonly verdict:
    | { readonly kind: 'desired'; readonly config: ClientConfig }
    /** Invalid, or denied within its grace: the last accepted version serves on; without one there is no entry. */
    | { readonly kind: 'carry' }
  /** How the stored entry's `desired` stands at the replicas. */
  readonly standing: 'accepted' | 'rejected' | 'unknown'
}

export interface ShardPlanInput {
  readonly shard: number
  readonly clients: readonly ClientForShard[]
  /** The shard as stored; undefined when it is lost or unreadable. */
  readonly stored: ClientShard | undefined
  readonly seq: { readonly highestSeen: bigint; readonly startSeconds: bigint }
  /** Epoch milliseconds. */
  readonly now: number
  /** Four hex for this write. */
  readonly change: string
  /** ShardPlan.fill of the stored file, when it is known: then a shard that stays need not be encoded to know it again. */
  readonly fill?: number
  /** Bytes; for tests. */
  readonly maxBytes?: number
}

export type ShardPlan = {
  /** `namespace/name` of clients that do not fit. */
  readonly refused: readonly string[]
  /** Share of the limit that the file takes, 0 to 1; condition and event from 0.8 on. */
  readonly fill: number
} & (
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'write'
      readonly shard: ClientShard
      readonly file: Uint8Array
      readonly digest: string
      /** `namespace/name` of each entry that differs from the stored one, gone ones included. */
      readonly changed: readonly string[]
    }
)

/** A Secret holds 1 MiB; the rest is room for what Kubernetes adds, and for a late warning. Bytes. */
const maxShardFileBytes = 700 * 1024

/** @returns the shard to write, or `keep` when the stored one says the same. A version that differs in its generation
 *  alone is the same; so is one that could merely drop an `accepted` that nobody needs any more (the next write does). */
export function planShard(input: ShardPlanInput): ShardPlan {
  const limit = input.maxBytes ?? maxShardFileBytes
  const stored = new Map((input.stored?.clients ?? []).map((entry) => [entryKey(entry), entry]))
  const wanted = input.clients
    .toSorted((left, right) => left.createdAt - right.createdAt || compareKeys(left, right))
    .flatMap((client) => plannedEntry(client, stored.get(entryKey(client))) ?? [])
  const isCurrent = input.stored !== undefined && input.stored.seq >= input.seq.highestSeen
  // most looks at a shard change nothing, and to compress 600 clients takes 30 ms
  if (isCurrent && input.fill !== undefined && changedKeys(wanted, stored).length === 0) {
    return { kind: 'keep', refused: [], fill: input.fill }
  }
  const { entries, refused, file, digest, shard } = fit(input, wanted, stored, limit)
  const fill = file.length / limit
  const changed = changedKeys(entries, stored)
  if (isCurrent && changed.length === 0) return { kind: 'keep', refused, fill }
  return { kind: 'write', shard, file, digest, changed, refused, fill }
}

/** @returns whether a write for the sake of this client alone would say nothing new */
export function keepsEntry(client: ClientForShard, stored: ClientEntry | undefined): boolean {
  return sameEntry(stored, plannedEntry(client, stored))
}

/** Of 600 clients one has changed: the others need not be compared field by field at each look. */
const planned = new WeakMap<
  ClientForShard,
  { readonly stored: ClientEntry | undefined; readonly next: ClientEntry | undefined }
>()

/** nextEntry; the stored object itself when that says the same, byte for byte. */
function plannedEntry(client: ClientForShard, stored: ClientEntry | undefined): ClientEntry | undefined {
  const before = planned.get(client)
  if (before && before.stored === stored) return before.next
  const entry = nextEntry(client, stored)
  const next = entry && stored && equals(ClientEntrySchema, entry, stored) ? stored : entry
  planned.set(client, { stored, next })
  return next
}

/** What the next shard says about a client, given what the stored one says. */
function nextEntry(client: ClientForShard, stored: ClientEntry | undefined): ClientEntry | undefined {
  // an entry of another object with the same name is nobody's past
  const past = stored?.uid === client.uid ? stored : undefined
  const lastGood = lastAccepted(past, client.standing)
  const base = {
    namespace: client.namespace,
    name: client.name,
    uid: client.uid,
    clientId: client.clientId,
    verifiers: client.verifiers.map(wireVerifier),
  }
  if (client.verdict.kind === 'carry') {
    return lastGood && create(ClientEntrySchema, { ...base, accepted: lastGood })
  }
  const { config } = client.verdict
  const isSame = past?.desired !== undefined && sameConfig(past.desired, config)
  // the stored object keeps the entry byte-equal; a generation alone is no news
  const desired = isSame ? past.desired! : config
  const accepted = isSame ? (client.standing === 'accepted' ? undefined : past.accepted) : lastGood
  return create(ClientEntrySchema, { ...base, desired, ...(accepted ? { accepted } : {}) })
}

/** The version that a server may fall back to. While nobody has answered yet, an earlier accepted version is the safer
 *  one; without it the stored desired is all there is, and a replica that rejects it is no worse off. */
function lastAccepted(stored: ClientEntry | undefined, standing: ClientForShard['standing']): ClientConfig | undefined {
  switch (standing) {
    case 'accepted':
      return stored?.desired ?? stored?.accepted
    case 'rejected':
      return stored?.accepted
    case 'unknown':
      return stored?.accepted ?? stored?.desired
  }
}

/** @returns whether two versions say the same to a server, whichever generation they were rendered from. Not by their JSON: the
 *  order of keys differs between a rendered message and a read one. */
export function sameConfig(left: ClientConfig, right: ClientConfig): boolean {
  if (left === right) return true
  return equals(ClientConfigSchema, { ...left, generation: right.generation }, right)
}

/** The same to a server: `accepted` that only went away is no difference. */
function sameEntry(left: ClientEntry | undefined, right: ClientEntry | undefined): boolean {
  if (!left || !right || left === right) return left === right
  if (right.accepted === undefined && left.accepted !== undefined && right.desired !== undefined) {
    const { accepted: _dropped, ...rest } = left
    return equals(ClientEntrySchema, rest as ClientEntry, right)
  }
  return equals(ClientEntrySchema, left, right)
}

function changedKeys(entries: readonly ClientEntry[], stored: ReadonlyMap<string, ClientEntry>): readonly string[] {
  const next = new Map(entries.map((entry) => [entryKey(entry), entry]))
  const keys = new Set([...stored.keys(), ...next.keys()])
  return [...keys].filter((key) => !sameEntry(stored.get(key), next.get(key))).toSorted()
}

interface Fitted {
  readonly entries: readonly ClientEntry[]
  readonly refused: readonly string[]
  readonly shard: ClientShard
  readonly file: Uint8Array
  readonly digest: string
}

/** Takes in every change, oldest client first, but those that no longer fit: such a client stays as it is stored. */
function fit(
  input: ShardPlanInput,
  wanted: readonly ClientEntry[],
  stored: ReadonlyMap<string, ClientEntry>,
  limit: number,
): Fitted {
  const whole = encode(input, wanted)
  if (whole.file.length <= limit) return { ...whole, refused: [] }
  const isChange = (entry: ClientEntry): boolean => !sameEntry(stored.get(entryKey(entry)), entry)
  // verifiers always go in: a secret rotates whatever happens to a version
  const asStored = (entry: ClientEntry): ClientEntry[] => {
    const past = stored.get(entryKey(entry))
    return past ? [create(ClientEntrySchema, { ...past, verifiers: entry.verifiers })] : []
  }
  const changes = wanted.filter(isChange)
  const refused = new Set<string>()
  const render = (taken: number) => {
    const open = new Set(changes.slice(taken).map(entryKey))
    return encode(
      input,
      wanted.flatMap((entry) =>
        refused.has(entryKey(entry)) || open.has(entryKey(entry)) ? asStored(entry) : [entry],
      ),
    )
  }
  for (let taken = 0; taken < changes.length;) {
    let [fits, tooMany] = [taken, changes.length + 1]
    while (tooMany - fits > 1) {
      const middle = Math.floor((fits + tooMany) / 2)
      if (render(middle).file.length <= limit) fits = middle
      else tooMany = middle
    }
    if (fits < changes.length) refused.add(entryKey(changes[fits]!))
    taken = fits + 1
  }
  return { ...render(changes.length), refused: [...refused].toSorted() }
}

function encode(input: ShardPlanInput, entries: readonly ClientEntry[]): Omit<Fitted, 'refused'> {
  const shard = create(ClientShardSchema, {
    schema: shardSchema.current,
    epoch: shardEpoch,
    shard: input.shard,
    shardCount,
    seq: nextSeq(input),
    renderedAt: timestampFromMs(input.now),
    change: input.change,
    clients: entries.toSorted(compareKeys),
  })
  return { entries, shard, ...encodeShard(shard) }
}

/** Rises whatever was lost: the stored shard, the operator, or both. */
function nextSeq({ stored, seq }: ShardPlanInput): bigint {
  return [stored?.seq ?? 0n, seq.highestSeen, seq.startSeconds].reduce((most, one) => (one > most ? one : most)) + 1n
}

type Named = Readonly<{ namespace: string; name: string }>
/** @returns `namespace/name` of a client or its entry */
export const entryKey = ({ namespace, name }: Named): string => `${namespace}/${name}`
const compareKeys = (left: Named, right: Named): number =>
  compareText(left.namespace, right.namespace) || compareText(left.name, right.name)
const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

const wireVerifier = ({ id, sha256, notAfter }: StoredVerifier) => ({
  id,
  sha256,
  ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
})

/** @returns a verifier of a stored entry as rotation plans it; `notAfter` in epoch milliseconds */
export function readVerifier({ id, sha256, notAfter }: Verifier): StoredVerifier {
  return { id, sha256, ...(notAfter ? { notAfter: timestampMs(notAfter) } : {}) }
}

export interface WrittenShard {
  readonly shard: number
  readonly seq: bigint
  readonly digest: string
  readonly count: number
}

/** @returns the manifest that names these shards, or undefined when the stored one says the same. */
export function planManifest(
  shards: readonly WrittenShard[],
  stored: Manifest | undefined,
): { readonly manifest: Manifest; readonly file: Uint8Array; readonly digest: string } | undefined {
  const manifest = create(ManifestSchema, {
    epoch: shardEpoch,
    shardCount,
    shards: shards
      .toSorted((left, right) => left.shard - right.shard)
      .map(({ shard, seq, digest, count }) => ({ shard, seq, digest, count })),
    total: shards.reduce((sum, { count }) => sum + count, 0),
  })
  if (stored && equals(ManifestSchema, stored, manifest)) return undefined
  return { manifest, ...encodeManifest(manifest) }
}
