import { shardCount } from '@nauthera/proto/names'
import { propagationOf } from '../decide/status/propagation.ts'
import type { Propagation, ReplicaReport } from '../decide/status/propagation.ts'
import { splitKey } from '../kubernetes/objects.ts'
import { shardOfKey } from '../shards/shards.ts'
import type { Shards } from '../shards/shards.ts'
import { newsBetween, nothingHeard, viewOf } from './replica-news.ts'
import { isExcused } from './replica-state.ts'
import type { Replica } from './replica-state.ts'
import type { Replicas } from './replicas.ts'
import { WaitingClients } from './waiting-clients.ts'

/** Which clients wait for replicas, and who must be looked at when a replica speaks. */
export interface FollowReplicas {
  /** A replica's state changed: who waits for what it now says is to be looked at, and nobody else. */
  changed(): {
    /** Look at these soon. */
    readonly keys: ReadonlySet<string>
    /** Look at every client, in no hurry. */
    readonly everybody: boolean
  }
  /** The client is about to be looked at: what a replica says of its shard from now on asks for another look. */
  start(key: string): void
  /** What the replicas say of the stored entry: what a rotation may rely on. Undefined while nothing is stored. */
  entry(key: string): Propagation | undefined
  /** What they say of the stored `desired` version: what status shows. Once it was live everywhere, a replica that is
   *  away for a moment (a restart, a new pod) changes nothing. */
  config(key: string): Propagation | undefined
  /** How many replicas serve a client that is not to be served in its present version: those that have what is stored, or have yet to read
   *  that and so serve what came before; once it was taken out of its shard, those that have not been heard to have read that. */
  served(key: string): { readonly loaded: number; readonly total: number }
  /** Replicas whose last word was that they have an earlier version of the client's shard than the one that brought its version and what
   *  restrains it, or took it out. */
  behind(key: string): readonly string[]
  /** @param settled the version is live everywhere; else the client is looked at whenever its shard moves at a replica */
  record(key: string, settled: boolean): void
  /** @param usesPlatform it proves itself with a token of its platform */
  recordPlatform(key: string, usesPlatform: boolean): void
  /** All that do. */
  platformClients(): ReadonlySet<string>
  remove(key: string): void
  /** @returns whether a replica lacks a stored shard. A pod whose agent has not started lacks none: it mounts what is there. */
  isBehind(replica: string): boolean
}

export function createFollowReplicas(needs: {
  replicas: Pick<Replicas, 'list'>
  shards: Pick<Shards, 'stored' | 'wake' | 'seq'>
}): FollowReplicas {
  const { replicas, shards } = needs
  const waiting = new WaitingClients()
  const ofPlatforms = new Set<string>()
  /** The seq of the shard when a client was first found to be no longer in it; undefined while it is in. By key. */
  const leftAt = new Map<string, number | undefined>()
  let view = nothingHeard

  const ask = (key: string, seq: number, shard: number, reports: readonly ReplicaReport[]) =>
    propagationOf(splitKey(key), { shard, seq: BigInt(seq) }, reports)

  /** @param since what they lack: the entry as it is, or its version */
  const olderFor = (key: string, since: 'entrySeq' | 'configSeq'): readonly Replica[] => {
    const stored = shards.stored(key)
    const shard = stored?.shard ?? shardOfKey(key)
    if (!stored && !leftAt.has(key)) return []
    const seq = stored?.[since] ?? leftAt.get(key) ?? shards.seq(shard)
    if (!stored) leftAt.set(key, seq)
    return replicas.list().filter((one) => hasOlder(one, shard, seq))
  }

  return {
    changed: () => {
      for (let shard = 0; shard < shardCount; shard++) shards.wake(shard)
      const before = view
      view = viewOf(replicas.list())
      const news = newsBetween(before, view, shards.seq)
      const keys = new Set([...waiting.of(news.shards), ...waiting.settledIn(news.settled), ...news.clients])
      if (before.platforms !== view.platforms) for (const key of ofPlatforms) keys.add(key)
      return { keys, everybody: news.everybody }
    },
    start: (key) => waiting.wait(key),
    entry: (key) => {
      const stored = shards.stored(key)
      if (stored) leftAt.set(key, undefined)
      return stored && ask(key, stored.entrySeq, stored.shard, replicas.list())
    },
    config: (key) => {
      const stored = shards.stored(key)
      if (!stored) return undefined
      const { shard, configSeq } = stored
      const list = replicas.list()
      const wasSettled = waiting.hasSettled(key, versionOf(stored))
      return ask(key, configSeq, shard, wasSettled ? list.map((one) => excuse(one, shard, configSeq)) : list)
    },
    served: (key) => {
      const list = replicas.list()
      const stored = shards.stored(key)
      const older = olderFor(key, 'entrySeq')
      if (!stored) return { loaded: older.length, total: list.length }
      const { entrySeq, shard } = stored
      const before = older.filter((one) => one.reachable && one.serverConnected)
      return { loaded: ask(key, entrySeq, shard, list).loaded + before.length, total: list.length }
    },
    behind: (key) => olderFor(key, 'configSeq').map(({ replica }) => replica),
    record: (key, settled) => {
      const stored = shards.stored(key)
      if (settled && stored) waiting.settle(key, versionOf(stored))
      else waiting.unsettle(key)
    },
    recordPlatform: (key, usesPlatform) => void (usesPlatform ? ofPlatforms.add(key) : ofPlatforms.delete(key)),
    platformClients: () => ofPlatforms,
    remove: (key) => {
      ofPlatforms.delete(key)
      waiting.remove(key)
      leftAt.delete(key)
    },
    isBehind: (name) => {
      const replica = replicas.list().find((one) => one.replica === name)
      return replica !== undefined && lacksShard(replica, shards.seq)
    },
  }
}

const versionOf = ({ entry, configSeq }: NonNullable<ReturnType<Shards['stored']>>): string =>
  `${entry.uid} ${configSeq}`

/** @returns whether what a replica said last was that it has an earlier version of the shard: it may still serve from that */
const hasOlder = ({ live }: ReplicaReport, shard: number, seq: number): boolean =>
  live.some((ref) => ref.shard === shard && Number(ref.seq) < seq)

/** @returns what a replica that is away for a moment said before, or would say: that it has the version */
function excuse(replica: Replica, shard: number, configSeq: number): ReplicaReport {
  if (replica.absentMs === 0 || !isExcused(replica)) return replica
  const live = [{ shard, seq: BigInt(configSeq) }]
  return { ...replica, reachable: true, serverConnected: true, live }
}

function lacksShard({ live }: Replica, storedSeq: (shard: number) => number): boolean {
  const seqs = new Map(live.map(({ shard, seq }) => [shard, Number(seq)]))
  return Array.from({ length: shardCount }, (_, shard) => shard).some(
    (shard) => (seqs.get(shard) ?? 0) < storedSeq(shard),
  )
}
