// Checks a shard before it is applied, and finds the changed clients.
import { NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Manifest, ShardEntry, Verifier } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import {
  UnknownSchemaError,
  decodeLine,
  digestOfLine,
  parseShardBytes,
  unpackShardFile,
} from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import { describeError } from '@nauthera/runtime/log'
import type { RegisteredClient } from './registered-client.ts'
import type { LiveShard, Registry, ShardRefValue } from './registry.ts'
import { createSlices } from './slices.ts'

const hex64 = /^[0-9a-f]{64}$/
const hex8 = /^[0-9a-f]{8}$/

/** An unchanged client, or its new entry. `digest` is of its line. */
export type PlannedClient =
  | { readonly kind: 'kept'; readonly digest: string; readonly client: RegisteredClient }
  | { readonly kind: 'changed'; readonly digest: string; readonly entry: ShardEntry }

export type ShardVerdict =
  | { readonly kind: 'apply'; readonly clients: readonly PlannedClient[] }
  /** It is live. */
  | { readonly kind: 'same' }
  | { readonly kind: 'refused'; readonly reason: NackReason; readonly text: string }

/** @param file as it is mounted
 *  @param live the live version of the shard
 *  @returns the plan. Only changed clients are decoded */
export async function planShard(
  ref: ShardRefValue,
  file: Uint8Array,
  live: LiveShard | undefined,
): Promise<ShardVerdict> {
  const refused = (reason: NackReason, text: string) => ({ kind: 'refused', reason, text }) as const
  const faultOfName = faultOfRef(ref)
  if (faultOfName !== undefined) return refused(NackReason.UNREADABLE, faultOfName)
  const age = compareRefs(live, ref)
  if (age === 'same') return { kind: 'same' }
  if (age === 'stale') return refused(NackReason.STALE, `older than what is live (seq ${live!.ref.seq})`)
  try {
    const { head, lines, digest } = parseShardBytes(await unpackShardFile(file))
    if (digest !== ref.digest) return refused(NackReason.UNREADABLE, 'the file is not the one that the digest names')
    if (head.shard !== ref.shard || head.seq !== ref.seq) {
      return refused(NackReason.UNREADABLE, `the file is that of shard ${head.shard}, seq ${head.seq}`)
    }
    return { kind: 'apply', clients: await planClients(ref.shard, lines, live) }
  } catch (error) {
    const reason = error instanceof UnknownSchemaError ? NackReason.SCHEMA : NackReason.UNREADABLE
    return refused(reason, describeError(error))
  }
}

/** @returns why the ref is invalid; undefined when it is valid */
function faultOfRef(ref: ShardRefValue): string | undefined {
  if (ref.shard >= shardCount) return `shard ${ref.shard} is outside 0 to ${shardCount - 1}`
  if (ref.seq === 0n) return 'seq is missing'
  if (!hex64.test(ref.digest)) return 'digest is not a SHA-256'
  return undefined
}

/** @throws Error for any invalid client: a foreign or damaged shard must not remove clients */
async function planClients(
  shard: number,
  lines: readonly Uint8Array[],
  live: LiveShard | undefined,
): Promise<PlannedClient[]> {
  const names = new Set<string>()
  const planned: PlannedClient[] = []
  const sliceOver = createSlices()
  for (const line of lines) {
    const digest = digestOfLine(line)
    const client = live?.byDigest.get(digest)
    const entry = client === undefined ? decodeLine(line) : undefined
    const key = keyOf(client ?? entry!)
    const fault = names.has(key) ? 'is there twice' : entry && faultOfEntry(shard, entry)
    if (fault !== undefined) throw new Error(`client ${key} ${fault}`)
    names.add(key)
    planned.push(client === undefined ? { kind: 'changed', digest, entry: entry! } : { kind: 'kept', digest, client })
    const turn = sliceOver()
    if (turn) await turn
  }
  return planned
}

/** @returns the fault of an entry; undefined for none */
function faultOfEntry(shard: number, entry: ShardEntry): string | undefined {
  if (entry.namespace === '' || entry.name === '' || entry.uid === '' || entry.clientId === '') {
    return 'lacks its namespace, name, uid or client id'
  }
  if (shardOf(entry.namespace, entry.name) !== shard) return 'belongs to another shard'
  if (!entry.verifiers.every(isWhole)) return 'has a damaged verifier'
  return undefined
}

const isWhole = ({ id, sha256 }: Verifier): boolean => hex64.test(sha256) && hex8.test(id) && sha256.startsWith(id)

/** @returns `monitoring/grafana` */
export const keyOf = (client: { namespace: string; name: string }): string => `${client.namespace}/${client.name}`

/** `same`: exactly the live version. Other content with the same seq is newer: the agent only sends it when the manifest names it. */
function compareRefs(live: LiveShard | undefined, ref: ShardRefValue): 'newer' | 'same' | 'stale' {
  if (live === undefined) return 'newer'
  if (ref.seq !== live.ref.seq) return ref.seq > live.ref.seq ? 'newer' : 'stale'
  return ref.digest === live.ref.digest ? 'same' : 'newer'
}

/** @returns what is missing of the manifest's set; undefined when all of it is live */
export function missingOf(manifest: Manifest, registry: Registry): string | undefined {
  if (manifest.shardCount !== shardCount) return `the manifest has ${manifest.shardCount} shards, not ${shardCount}`
  if (manifest.shards.length !== shardCount)
    return `the manifest names ${manifest.shards.length} shards of ${shardCount}`
  const seen = new Set<number>()
  for (const wanted of manifest.shards) {
    if (wanted.shard >= shardCount || seen.has(wanted.shard)) return `the manifest names shard ${wanted.shard} wrongly`
    seen.add(wanted.shard)
    const live = registry.shards.get(wanted.shard)
    if (live === undefined) return `shard ${wanted.shard} has not come yet`
    if (live.ref.seq < wanted.seq) return `shard ${wanted.shard} is at ${live.ref.seq}, not yet at ${wanted.seq}`
    if (live.ref.seq === wanted.seq && live.ref.digest !== wanted.digest)
      return `shard ${wanted.shard} has another content`
  }
  return undefined
}
