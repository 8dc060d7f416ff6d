import { shardCount } from '@nauthera/proto/names'
import { propagationOf } from '../decide/status/propagation.ts'
import type { Propagation, ReplicaReport } from '../decide/status/propagation.ts'
import { splitKey } from '../kubernetes/objects.ts'
import { verifiersOf } from '../shards/client-entry.ts'
import { shardOfKey } from '../shards/shard-of-key.ts'
import type { Shards } from '../shards/shards.ts'
import { newsBetween, nothingHeard, viewOf } from './replica-news.ts'
import { isExcused } from './replica-state.ts'
import type { Replica } from './replica-state.ts'
import type { Replicas } from './replicas.ts'
import { WaitingClients } from './waiting-clients.ts'

/** Tracks which clients wait for replicas, and whom to look at when a replica reports. */
export interface FollowReplicas {
  /** A replica's state changed. Returns the clients that this concerns. */
  changed(): {
    /** Look at these soon. */
    readonly keys: ReadonlySet<string>
    /** Look at every client, spread over some time. */
    readonly everybody: boolean
  }
  /** A look at the client begins: from now on a report about its shard leads to another look. */
  start(key: string): void
  /** The propagation of the stored entry, for a rotation. Undefined without a stored entry. */
  entry(key: string): Propagation | undefined
  /** The propagation of the stored `desired` version, for the status. Once it was live everywhere, a replica that restarts changes
   *  nothing.
   *  @param needed ids of the verifiers that are asked about as well */
  config(key: string, needed?: readonly string[]): Propagation | undefined
  /** @returns whether every replica takes a secret of the stored entry. Once it was so, a replica that restarts changes nothing; without a
   *  replica it is not so. */
  accepts(key: string, secretId: string): boolean
  /** @param now epoch milliseconds
   *  @returns whether every replica refuses a secret: by what is stored it has ended, and each has applied that */
  refuses(key: string, secretId: string, now: number): boolean
  /** How many replicas serve a client whose present version must not be served. After its removal from the shard: replicas that have not
   *  yet reported the removal. */
  served(key: string): { readonly loaded: number; readonly total: number }
  /** Replicas that last reported an older shard than the one with the client's version and restraint, or with its removal. */
  behind(key: string): readonly string[]
  /** @param settled the version is live everywhere, with the needed verifiers; otherwise each report about its shard leads to a look */
  record(key: string, settled: boolean, needed?: readonly string[]): void
  /** @param platform whose tokens it authenticates with: of a ServiceAccount of a joined cluster, or any other; undefined for none */
  recordPlatform(key: string, platform: 'joined' | 'other' | undefined): void
  /** All clients that authenticate with a token of their platform. */
  platformClients(): Iterable<string>
  remove(key: string): void
  /** @returns whether a replica lacks a stored shard. A pod whose agent has not started lacks none. */
  isBehind(replica: string): boolean
}

export function createFollowReplicas(needs: {
  replicas: Pick<Replicas, 'list'>
  shards: Pick<Shards, 'stored' | 'wake' | 'seq'>
}): FollowReplicas {
  const { replicas, shards } = needs
  const waiting = new WaitingClients()
  const ofPlatforms = new Map<string, 'joined' | 'other'>()
  const older = new OlderReplicas(needs)
  let view = nothingHeard

  const askSettled = (key: string, { entry, shard }: StoredEntryOfShard, seq: number): Propagation => {
    const list = replicas.list()
    const wasSettled = waiting.hasSettled(key, { uid: entry.uid, seq })
    return ask(key, seq, shard, wasSettled ? list.map((one) => excuse(one, shard, seq)) : list)
  }

  return {
    changed: () => {
      for (let shard = 0; shard < shardCount; shard++) shards.wake(shard)
      const before = view
      view = viewOf(replicas.list())
      const news = newsBetween(before, view, shards.seq)
      const keys = new Set([...waiting.of(news.shards), ...waiting.settledIn(news.settled), ...news.clients])
      const [forAll, forJoined] = [before.platforms !== view.platforms, before.platformFiles !== view.platformFiles]
      for (const [key, of] of ofPlatforms) if (forAll || (forJoined && of === 'joined')) keys.add(key)
      return { keys, everybody: news.everybody }
    },
    start: (key) => waiting.wait(key),
    entry: (key) => {
      const stored = shards.stored(key)
      if (stored) older.recordStored(key)
      return stored && ask(key, stored.entrySeq, stored.shard, replicas.list())
    },
    config: (key, needed = []) => {
      const stored = shards.stored(key)
      return stored && askSettled(key, stored, seqOf(stored, needed))
    },
    accepts: (key, secretId) => {
      const stored = shards.stored(key)
      const seq = stored?.verifierSeqs[secretId]
      if (!stored || seq === undefined) return false
      const { applied, total, rejected } = askSettled(key, stored, seq)
      return applied && total > 0 && (rejected.length === 0 || stored.entry.accepted !== undefined)
    },
    refuses: (key, secretId, now) => {
      const stored = shards.stored(key)
      if (!stored) return older.of(key, 'entrySeq').length === 0
      const isLive = verifiersOf(stored.entry).some(({ id, notAfter = Infinity }) => id === secretId && notAfter > now)
      return !isLive && ask(key, stored.entrySeq, stored.shard, replicas.list()).applied
    },
    served: (key) => {
      const list = replicas.list()
      const stored = shards.stored(key)
      const others = older.of(key, 'entrySeq')
      if (!stored) return { loaded: others.length, total: list.length }
      const { entrySeq, shard } = stored
      const before = others.filter((one) => one.reachable && one.serverConnected)
      return { loaded: ask(key, entrySeq, shard, list).loaded + before.length, total: list.length }
    },
    behind: (key) => older.of(key, 'configSeq').map(({ replica }) => replica),
    record: (key, settled, needed = []) => {
      const stored = shards.stored(key)
      if (settled && stored) waiting.settle(key, { uid: stored.entry.uid, seq: seqOf(stored, needed) })
      else waiting.unsettle(key)
    },
    recordPlatform: (key, platform) => void (platform ? ofPlatforms.set(key, platform) : ofPlatforms.delete(key)),
    platformClients: () => ofPlatforms.keys(),
    remove: (key) => {
      ofPlatforms.delete(key)
      waiting.remove(key)
      older.remove(key)
    },
    isBehind: (name) => {
      const replica = replicas.list().find((one) => one.replica === name)
      return replica !== undefined && lacksShard(replica, shards.seq)
    },
  }
}

const ask = (key: string, seq: number, shard: number, reports: readonly ReplicaReport[]): Propagation =>
  propagationOf(splitKey(key), { shard, seq: BigInt(seq) }, reports)

/** Which replicas have something older of a client than what is stored, or have not yet heard that it left. */
class OlderReplicas {
  readonly #needs: Parameters<typeof createFollowReplicas>[0]
  /** The seq of the shard when a client was first found to be no longer in it; undefined while it is in. By key. */
  readonly #leftAt = new Map<string, number | undefined>()

  constructor(needs: Parameters<typeof createFollowReplicas>[0]) {
    this.#needs = needs
  }

  recordStored(key: string): void {
    this.#leftAt.set(key, undefined)
  }

  /** @param since what they lack: the present entry, or only its version */
  of(key: string, since: 'entrySeq' | 'configSeq'): readonly Replica[] {
    const { replicas, shards } = this.#needs
    const stored = shards.stored(key)
    const shard = stored?.shard ?? shardOfKey(key)
    if (!stored && !this.#leftAt.has(key)) return []
    const seq = stored?.[since] ?? this.#leftAt.get(key) ?? shards.seq(shard)
    if (!stored) this.#leftAt.set(key, seq)
    return replicas.list().filter((one) => hasOlder(one, shard, seq))
  }

  remove(key: string): void {
    this.#leftAt.delete(key)
  }
}

type StoredEntryOfShard = NonNullable<ReturnType<Shards['stored']>>

/** The seq that brought the last of these: the version, and the needed verifiers. */
const seqOf = ({ configSeq, verifierSeqs }: StoredEntryOfShard, needed: readonly string[]): number =>
  Math.max(configSeq, ...needed.map((id) => verifierSeqs[id] ?? configSeq))

/** @returns whether a replica last reported an older version of the shard, from which it may still serve */
const hasOlder = ({ live }: ReplicaReport, shard: number, seq: number): boolean =>
  live.some((ref) => ref.shard === shard && Number(ref.seq) < seq)

/** @returns the report of a replica that restarts, as if it had the version */
function excuse(replica: Replica, shard: number, seq: number): ReplicaReport {
  if (replica.absentMs === 0 || !isExcused(replica)) return replica
  const live = [{ shard, seq: BigInt(seq) }]
  return { ...replica, reachable: true, serverConnected: true, live }
}

function lacksShard({ live }: Replica, storedSeq: (shard: number) => number): boolean {
  const seqs = new Map(live.map(({ shard, seq }) => [shard, Number(seq)]))
  return Array.from({ length: shardCount }, (_, shard) => shard).some(
    (shard) => (seqs.get(shard) ?? 0) < storedSeq(shard),
  )
}
