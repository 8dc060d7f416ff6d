// All replicas at one moment, and what is new from one moment to the next: values, no I/O, no clock.
import { shardCount } from '@nauthera/proto/names'
import { isExcused } from './replica-state.ts'
import type { Replica } from './replica-state.ts'

/** What of the replicas decides how far clients have come. */
export interface ReplicaView {
  readonly replicas: ReadonlyMap<string, Heard>
  /** Names of those that are away for longer than a restart takes. */
  readonly absent: string
  /** Who rejects a client, and which version of it, by `namespace/name`. */
  readonly rejections: ReadonlyMap<string, string>
}

interface Heard {
  /** Concerns every client. */
  readonly standing: string
  /** What is live, by shard. */
  readonly live: readonly string[]
}

export const nothingHeard: ReplicaView = { replicas: new Map(), absent: '', rejections: new Map() }

export function viewOf(list: readonly Replica[]): ReplicaView {
  return {
    replicas: new Map(list.map((replica) => [replica.replica, heard(replica)])),
    absent: list
      .filter((replica) => !isExcused(replica) && replica.absentMs > 0)
      .map(({ replica }) => replica)
      .join(),
    rejections: rejectionsOf(list),
  }
}

/** Which clients may stand in another way than before. */
export interface ReplicaNews {
  /** Those that wait for replicas, of these shards. */
  readonly shards: readonly number[]
  /** `namespace/name` of those whose rejection began, ended or changed. */
  readonly clients: readonly string[]
  /** All, settled ones too: other replicas are away than before. */
  readonly everybody: boolean
}

export function newsBetween(before: ReplicaView, now: ReplicaView): ReplicaNews {
  const judged = new Set([...now.rejections.keys(), ...before.rejections.keys()])
  return {
    shards: movedShards(before.replicas, now.replicas),
    clients: [...judged].filter((key) => before.rejections.get(key) !== now.rejections.get(key)),
    everybody: before.absent !== now.absent,
  }
}

function heard(replica: Replica): Heard {
  const live = Array.from({ length: shardCount }, () => '')
  for (const { shard, epoch, seq } of replica.live) live[shard] = `${epoch}/${seq}`
  const standing = [replica.uid, replica.reachable, replica.serverConnected, isExcused(replica)].join()
  return { standing, live }
}

/** @returns the shards whose clients may have come further: all, when a replica came, went, or stands in another way */
function movedShards(before: ReadonlyMap<string, Heard>, now: ReadonlyMap<string, Heard>): readonly number[] {
  const all = Array.from({ length: shardCount }, (_, shard) => shard)
  const isSame = [...now].every(([replica, { standing }]) => before.get(replica)?.standing === standing)
  if (!isSame || before.size !== now.size) return all
  return all.filter((shard) => [...now].some(([replica, { live }]) => before.get(replica)!.live[shard] !== live[shard]))
}

function rejectionsOf(list: readonly Replica[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { replica, rejected } of list) {
    for (const { namespace, name, generation, code } of rejected) {
      const key = `${namespace}/${name}`
      found.set(key, `${found.get(key) ?? ''} ${replica} ${generation} ${code}`)
    }
  }
  return found
}
