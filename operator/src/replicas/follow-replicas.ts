import { shardCount, shardEpoch } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { propagationOf } from '../decide/propagation.ts'
import type { Propagation, ReplicaReport } from '../decide/propagation.ts'
import { splitKey } from '../kubernetes/objects.ts'
import { unreachableAfterMs } from './replicas.ts'
import type { Replica, Replicas } from './replicas.ts'
import type { Shards } from '../shards/shards.ts'

/** A pod that has just come may take so long to start before clients that are live elsewhere count as lagging. */
const joiningMs = 60_000

/** Which clients wait for replicas, and who must be looked at when a replica speaks. */
export interface FollowReplicas {
  /** A replica's state changed: who waits for what it now says is looked at, and nobody else. */
  changed(): void
  /** The client is about to be looked at: what a replica says of its shard from now on asks for another look. */
  begin(key: string): void
  /** What the replicas say of the stored entry: what a rotation may rely on. Undefined while nothing is stored. */
  entry(key: string): Propagation | undefined
  /** What they say of the stored `desired` version: what status shows. Once it was live everywhere, a replica that is
   *  away for a moment (a restart, a new pod) changes nothing. */
  config(key: string): Propagation | undefined
  /** @param settled the version is live everywhere; else the client is looked at whenever its shard moves at a replica */
  note(key: string, settled: boolean): void
  forget(key: string): void
}

export function createFollowReplicas(options: {
  replicas: Pick<Replicas, 'list'>
  shards: Pick<Shards, 'stored' | 'reconsider'>
  allKeys: () => Iterable<string>
  /** Look at these soon. */
  onKeys: (keys: Iterable<string>) => void
  /** Look at all of these, in no hurry. */
  onMany: (keys: Iterable<string>) => void
}): FollowReplicas {
  const { replicas, shards } = options
  const waiting = Array.from({ length: shardCount }, () => new Set<string>())
  let heard: ReadonlyMap<string, Heard> = new Map()
  const settledAt = new Map<string, string>()
  let absent = ''
  let rejected = new Map<string, string>()

  const waitingBeside = (key: string): Set<string> => {
    const { namespace, name } = splitKey(key)
    return waiting[shardOf(namespace, name)]!
  }
  const ask = (key: string, seq: number, shard: number, reports: readonly ReplicaReport[]) =>
    propagationOf(splitKey(key), { shard, epoch: shardEpoch, seq: BigInt(seq) }, reports)

  return {
    changed: () => {
      const list = replicas.list()
      for (let shard = 0; shard < shardCount; shard++) shards.reconsider(shard)
      const nowAbsent = list.filter((replica) => !isExcused(replica) && replica.absentMs > 0)
      const names = nowAbsent.map(({ replica }) => replica).join()
      if (names !== absent) {
        absent = names
        options.onMany(options.allKeys())
      }
      const nowRejected = rejections(list)
      const news = [...nowRejected].filter(([key, what]) => rejected.get(key) !== what)
      const over = [...rejected.keys()].filter((key) => !nowRejected.has(key))
      rejected = nowRejected
      const before = heard
      heard = hear(list)
      const waitFor = movedShards(before, heard).flatMap((shard) => [...waiting[shard]!])
      options.onKeys(new Set([...waitFor, ...news.map(([key]) => key), ...over]))
    },
    begin: (key) => {
      waitingBeside(key).add(key)
    },
    entry: (key) => {
      const stored = shards.stored(key)
      return stored && ask(key, stored.entrySeq, stored.shard, replicas.list())
    },
    config: (key) => {
      const stored = shards.stored(key)
      if (!stored) return undefined
      const wasSettled = settledAt.get(key) === `${stored.entry.uid} ${stored.configSeq}`
      const list = replicas.list().map((replica): ReplicaReport => {
        if (!wasSettled || replica.absentMs === 0 || !isExcused(replica)) return replica
        const live = [{ shard: stored.shard, epoch: shardEpoch, seq: BigInt(stored.configSeq), digest: '' }]
        return { ...replica, reachable: true, serverConnected: true, live: live as unknown as ReplicaReport['live'] }
      })
      return ask(key, stored.configSeq, stored.shard, list)
    },
    note: (key, settled) => {
      const stored = shards.stored(key)
      if (settled && stored) {
        settledAt.set(key, `${stored.entry.uid} ${stored.configSeq}`)
        waitingBeside(key).delete(key)
      } else {
        settledAt.delete(key)
        waitingBeside(key).add(key)
      }
    },
    forget: (key) => {
      settledAt.delete(key)
      waitingBeside(key).delete(key)
    },
  }
}

const isExcused = ({ absentMs, joining }: Replica): boolean => absentMs < (joining ? joiningMs : unreachableAfterMs)

/** What of a replica decides how far clients have come. */
interface Heard {
  /** Concerns every client. */
  readonly standing: string
  /** What is live, by shard. */
  readonly live: readonly string[]
}

function hear(list: readonly Replica[]): ReadonlyMap<string, Heard> {
  return new Map(
    list.map((replica) => {
      const live = Array.from({ length: shardCount }, () => '')
      for (const { shard, epoch, seq } of replica.live) live[shard] = `${epoch}/${seq}`
      const standing = [replica.uid, replica.reachable, replica.serverConnected, isExcused(replica)].join()
      return [replica.replica, { standing, live }]
    }),
  )
}

/** @returns the shards whose clients may have come further: all, when a replica came, went, or stands in another way */
function movedShards(before: ReadonlyMap<string, Heard>, now: ReadonlyMap<string, Heard>): number[] {
  const all = Array.from({ length: shardCount }, (_, shard) => shard)
  const isSame = [...now].every(([replica, { standing }]) => before.get(replica)?.standing === standing)
  if (!isSame || before.size !== now.size) return all
  return all.filter((shard) => [...now].some(([replica, { live }]) => before.get(replica)!.live[shard] !== live[shard]))
}

function rejections(list: readonly Replica[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { replica, rejected } of list) {
    for (const { namespace, name, generation, code } of rejected) {
      const key = `${namespace}/${name}`
      found.set(key, `${found.get(key) ?? ''} ${replica} ${generation} ${code}`)
    }
  }
  return found
}
