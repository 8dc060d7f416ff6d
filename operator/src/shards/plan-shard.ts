// Accepted clients and the stored shard -> the next shard, or nothing to write.
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  ClientShardSchema,
  GrantedSchema,
  ShardEntrySchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardEpoch } from '@nauthera/proto/names'
import { renderShardFile } from '@nauthera/proto/shard-file'
import type { ShardContent } from '@nauthera/proto/shard-file'
import { entryKey, plannedEntry, sameEntry } from './client-entry.ts'
import type { ClientForShard } from './client-entry.ts'

export interface ShardPlanInput {
  readonly shard: number
  readonly clients: readonly ClientForShard[]
  /** The shard as stored; undefined when it is lost or unreadable. */
  readonly stored: ShardContent | undefined
  /** The form to write it in. Another one than that of the stored shard is a reason to write. */
  readonly schema: number
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
      readonly shard: ShardContent
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
  const stored = new Map((input.stored?.entries ?? []).map((entry) => [entryKey(entry), entry]))
  const wanted = input.clients
    .toSorted((left, right) => left.createdAt - right.createdAt || compareKeys(left, right))
    .flatMap((client) => plannedEntry(client, stored.get(entryKey(client))) ?? [])
  const isCurrent = input.stored?.schema === input.schema && input.stored.seq >= input.seq.highestSeen
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

function changedKeys(entries: readonly ShardEntry[], stored: ReadonlyMap<string, ShardEntry>): readonly string[] {
  const next = new Map(entries.map((entry) => [entryKey(entry), entry]))
  const keys = new Set([...stored.keys(), ...next.keys()])
  return [...keys].filter((key) => !sameEntry(stored.get(key), next.get(key))).toSorted()
}

interface Fitted {
  readonly entries: readonly ShardEntry[]
  readonly refused: readonly string[]
  readonly shard: ShardContent
  readonly file: Uint8Array
  readonly digest: string
}

/** Takes in every change, oldest client first, but those that no longer fit: such a client stays as it is stored. */
function fit(
  input: ShardPlanInput,
  wanted: readonly ShardEntry[],
  stored: ReadonlyMap<string, ShardEntry>,
  limit: number,
): Fitted {
  const whole = encode(input, wanted)
  if (whole.file.length <= limit) return { ...whole, refused: [] }
  const isChange = (entry: ShardEntry): boolean => !sameEntry(stored.get(entryKey(entry)), entry)
  // verifiers always go in: a secret rotates whatever happens to a version; so does a withdrawn access
  const asStored = (entry: ShardEntry): ShardEntry[] => {
    const past = stored.get(entryKey(entry))
    return past ? [create(ShardEntrySchema, { ...past, verifiers: entry.verifiers, ...withdrawn(past, entry) })] : []
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

/** Of what the stored entry grants, only what is granted still: this never takes more room. An entry from before access was
 *  decided gets what is granted, since without it a server would give more. */
function withdrawn({ granted: past }: ShardEntry, { granted: next }: ShardEntry): Pick<ShardEntry, 'granted'> {
  if (!past || !next) return next ? { granted: next } : {}
  const apis = past.apis.flatMap((api) => {
    const now = next.apis.find(({ identifier }) => identifier === api.identifier)
    return now ? [{ ...api, scopes: api.scopes.filter((scope) => now.scopes.includes(scope)) }] : []
  })
  return { granted: create(GrantedSchema, { apis }) }
}

function encode(input: ShardPlanInput, entries: readonly ShardEntry[]): Omit<Fitted, 'refused'> {
  const shard = create(ClientShardSchema, {
    schema: input.schema,
    epoch: shardEpoch,
    shard: input.shard,
    shardCount,
    seq: nextSeq(input),
    renderedAt: timestampFromMs(input.now),
    change: input.change,
    entries: entries.toSorted(compareKeys),
  })
  return { entries, shard, ...renderShardFile(shard) }
}

/** Rises whatever was lost: the stored shard, the operator, or both. */
function nextSeq({ stored, seq }: ShardPlanInput): bigint {
  return [stored?.seq ?? 0n, seq.highestSeen, seq.startSeconds].reduce((most, one) => (one > most ? one : most)) + 1n
}

type Named = Readonly<{ namespace: string; name: string }>
const compareKeys = (left: Named, right: Named): number =>
  compareText(left.namespace, right.namespace) || compareText(left.name, right.name)
const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)
