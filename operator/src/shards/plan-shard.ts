// Plans the next shard from the wanted clients and the stored shard. Pure.
import { create, equals } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  ClientShardSchema,
  DocumentAccessSchema,
  GrantedSchema,
  ShardEntrySchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Restraint, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardSchema } from '@nauthera/proto/names'
import { maxShardBytes, renderShardFile } from '@nauthera/proto/shard-file'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { byAge } from '@nauthera/rules/age'
import { groupsInBoth, noGroup } from '@nauthera/rules/restraint'
import type { NoRoom } from '../decide/client/client-size.ts'
import { entryKey, isOfClient, plannedEntry, sameEntry } from './client-entry.ts'
import type { ClientForShard } from './client-entry.ts'
import { packedBytes, plainBytes } from './entry-size.ts'
import { applyQuotas } from './namespace-quota.ts'
import type { Wish } from './namespace-quota.ts'

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
  /** ShardPlan.fill of the stored file, if known: then an unchanged shard is not encoded again. */
  readonly fill?: number
  /** For tests. */
  readonly limits?: ShardLimits
}

/** Bytes. */
interface ShardLimits {
  /** Of the compressed file. */
  readonly file: number
  /** Of what is in it. */
  readonly plain: number
}

export type ShardPlan = {
  /** Clients that do not fit, by `namespace/name`. Each keeps its stored entry. */
  readonly refused: ReadonlyMap<string, NoRoom>
  /** Share of the limit that the file takes, 0 to 1; condition and event from 0.8 on. */
  readonly fill: number
} & (
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'write'
      readonly shard: ClientShard
      readonly file: Uint8Array
      readonly digest: string
      /** `namespace/name` of each changed or removed entry. */
      readonly changed: readonly string[]
    }
)

/** A Secret holds 1 MiB; the rest is a reserve for metadata. Readers accept 15 MiB of plain bytes. */
const shardLimits: ShardLimits = { file: 700 * 1024, plain: maxShardBytes - 1024 * 1024 }

/** @returns the shard to write, or `keep`. Another generation alone is no change, nor is a needless `accepted`, which the next write
 *  drops. */
export function planShard(input: ShardPlanInput): ShardPlan {
  const limits = input.limits ?? shardLimits
  const stored = new Map((input.stored?.entries ?? []).map((entry) => [entryKey(entry), entry]))
  const wishes = input.clients.toSorted(byAge).flatMap((client) => wishOf(client, stored.get(entryKey(client))) ?? [])
  const { taken, overQuota } = applyQuotas(wishes)
  // most plans change nothing, and compressing 600 clients takes 30 ms
  const wished = changedKeys(entriesOf(wishes, taken), stored)
  if (isCurrent(input) && input.fill !== undefined && wished.length === 0)
    return { kind: 'keep', refused: overQuota, fill: input.fill }
  const { encoded, full } = fit(input, wishes, taken, limits)
  const refused = new Map([...overQuota, ...full].toSorted(([left], [right]) => compareText(left, right)))
  const fill = encoded.file.length / limits.file
  const changed = full.size === 0 ? wished : changedKeys(encoded.shard.entries, stored)
  if (isCurrent(input) && changed.length === 0) return { kind: 'keep', refused, fill }
  return { kind: 'write', ...encoded, changed, refused, fill }
}

/** Whether a shard is stored, and no replica has seen a later version. */
const isCurrent = ({ stored, seq }: ShardPlanInput): boolean => stored !== undefined && stored.seq >= seq.highestSeen

const entriesOf = (wishes: readonly Wish[], taken: ReadonlySet<string>): readonly ShardEntry[] =>
  wishes.flatMap(({ key, next, held }) => (taken.has(key) ? next : held) ?? [])

function wishOf(client: ClientForShard, stored: ShardEntry | undefined): Wish | undefined {
  const next = plannedEntry(client, stored)
  if (!next) return undefined
  const key = entryKey(next)
  const quota = { tenant: client.namespaceBytes, cluster: client.clusterBytes ?? Infinity }
  if (next === stored) return { key, next, held: next, isGrowth: false, quota }
  // an entry of another object with this name does not count
  const held = stored && isOfClient(stored, client) ? heldEntry(stored, next) : undefined
  const isGrowth = !held || !equals(ShardEntrySchema, held, next)
  return { key, next, held: isGrowth ? held : next, isGrowth, quota }
}

function changedKeys(entries: readonly ShardEntry[], stored: ReadonlyMap<string, ShardEntry>): readonly string[] {
  const gone = new Set(stored.keys())
  const changed: string[] = []
  for (const entry of entries) {
    const key = entryKey(entry)
    gone.delete(key)
    if (!sameEntry(stored.get(key), entry)) changed.push(key)
  }
  return [...changed, ...gone].toSorted()
}

interface Encoded {
  readonly shard: ClientShard
  readonly file: Uint8Array
  readonly digest: string
}

/** Tries everything first, which nearly always fits. Otherwise it adds changes, oldest client first, by their largest possible size, and
 *  measures the file. So it compresses only a few times. */
function fit(
  input: ShardPlanInput,
  wishes: readonly Wish[],
  allowed: ReadonlySet<string>,
  limits: ShardLimits,
): { readonly encoded: Encoded; readonly full: ReadonlyMap<string, NoRoom> } {
  const all = entriesOf(wishes, allowed)
  if (sumOf(all, plainBytes) <= limits.plain) {
    const whole = encode(input, all)
    if (whole.file.length <= limits.file) return { encoded: whole, full: new Map() }
  }
  const open = wishes.filter(({ key }) => allowed.has(key))
  let taken: ReadonlySet<string> = new Set()
  let encoded = encode(input, entriesOf(wishes, taken))
  for (let rounds = 0; rounds < fitRounds; rounds++) {
    const room = {
      file: limits.file - encoded.file.length,
      plain: limits.plain - sumOf(encoded.shard.entries, plainBytes),
    }
    const more = takeOldest(
      open.filter(({ key }) => !taken.has(key)),
      room,
    )
    if (more.length === 0) break
    const next = new Set([...taken, ...more])
    const tried = encode(input, entriesOf(wishes, next))
    // an entry takes no more in the file than alone; if it should, its change waits for the next write
    if (tried.file.length > limits.file) break
    taken = next
    encoded = tried
  }
  return { encoded, full: new Map(open.flatMap(({ key }) => (taken.has(key) ? [] : [[key, 'shard'] as const]))) }
}

/** The entry of a client without room. Changes of secrets, withdrawn access, restraint and namespaces that are younger are always written; the version stays. A list of
 *  groups cannot grow.
 *  @returns undefined when the stored version must no longer be served */
function heldEntry(stored: ShardEntry, next: ShardEntry): ShardEntry | undefined {
  if (next.restraint?.exclusive === true && stored.desired?.config !== next.desired?.config) return undefined
  const { restraint: past, ...rest } = {
    ...stored,
    verifiers: next.verifiers,
    accountsSince: olderAccounts(stored, next),
    ...withdrawn(stored, next),
  }
  const { restraint } = next
  const under = (one: Restraint | undefined) => create(ShardEntrySchema, one ? { ...rest, restraint: one } : rest)
  if (!restraint) return under(undefined)
  const [wanted, before, free] = [under(restraint), under(past), under(undefined)]
  const fits = (bytesOf: (entry: ShardEntry) => number, spare: number): boolean =>
    bytesOf(wanted) <= Math.max(bytesOf(before), bytesOf(free) + spare)
  if (fits(packedBytes, spareBytes.packed) && fits(plainBytes, spareBytes.plain)) return wanted
  const groups = past?.allowedGroups ?? []
  const allowedGroups = groups.length > 0 ? groupsInBoth(groups, restraint.allowedGroups) : [noGroup]
  return under({ ...restraint, allowedGroups: [...allowedGroups] })
}

/** The reserve of each of 3,000 clients for its restraint, so that a full shard can still be written. Bytes. Of a longer list of groups
 *  only the stored ones count until there is room. */
const spareBytes = { packed: 128, plain: 320 }

/** The same namespaces as are stored, each as old as it is now, which never needs more room. */
const olderAccounts = (
  { accountsSince: past }: Pick<ShardEntry, 'accountsSince'>,
  { accountsSince: next }: ShardEntry,
): ShardEntry['accountsSince'] =>
  Object.fromEntries(Object.entries(past).map(([namespace, at]) => [namespace, next[namespace] ?? at]))

/** The stored grants without the withdrawn ones, which never needs more room. An entry without grants gets them, since without them a
 *  server would allow more. */
function withdrawn(
  { granted: past }: Pick<ShardEntry, 'granted'>,
  { granted: next }: ShardEntry,
): Pick<ShardEntry, 'granted'> {
  if (!past || !next) return next ? { granted: next } : {}
  const apis = past.apis.flatMap((api) => {
    const now = next.apis.find(({ identifier }) => identifier === api.identifier)
    if (!now) return []
    const scopes = api.scopes.filter((scope) => now.scopes.includes(scope))
    const types = api.authorizationDetailsTypes.filter((type) => now.authorizationDetailsTypes.includes(type))
    return [{ ...api, scopes, authorizationDetailsTypes: types }]
  })
  const documents = past.documents.filter((one) =>
    next.documents.some((other) => equals(DocumentAccessSchema, one, other)),
  )
  const redirectUris = past.redirectUris.filter((uri) => next.redirectUris.includes(uri))
  return { granted: create(GrantedSchema, { apis, documents, redirectUris }) }
}

/** The most compressions for a full shard. */
const fitRounds = 4

/** @returns keys of the changes that certainly fit */
function takeOldest(open: readonly Wish[], room: ShardLimits): readonly string[] {
  let { file, plain } = room
  return open.flatMap(({ key, next, held }) => {
    const [fileBytes, grownBytes] = [packedBytes(next), plainBytes(next) - (held ? plainBytes(held) : 0)]
    const isSmaller = held !== undefined && fileBytes <= packedBytes(held) && grownBytes <= 0
    if (!isSmaller && (fileBytes > file || grownBytes > plain)) return []
    if (!isSmaller) file -= fileBytes
    plain -= Math.max(0, grownBytes)
    return [key]
  })
}

const sumOf = (entries: readonly ShardEntry[], bytesOf: (entry: ShardEntry) => number): number =>
  entries.reduce((sum, entry) => sum + bytesOf(entry), 0)

function encode(input: ShardPlanInput, entries: readonly ShardEntry[]): Encoded {
  const shard = create(ClientShardSchema, {
    schema: shardSchema,
    shard: input.shard,
    shardCount,
    seq: nextSeq(input),
    renderedAt: timestampFromMs(input.now),
    change: input.change,
    entries: entries.toSorted(compareKeys),
  })
  return { shard, ...renderShardFile(shard) }
}

/** Rises even when the stored shard, the operator's memory, or both are lost. */
function nextSeq({ stored, seq }: ShardPlanInput): bigint {
  return [stored?.seq ?? 0n, seq.highestSeen, seq.startSeconds].reduce((most, one) => (one > most ? one : most)) + 1n
}

type Named = Readonly<{ namespace: string; name: string }>
const compareKeys = (left: Named, right: Named): number =>
  compareText(left.namespace, right.namespace) || compareText(left.name, right.name)
const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)
