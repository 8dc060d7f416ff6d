// Compares all replicas between two moments. Pure: no I/O, no clock.
import { shardCount } from '@nauthera/proto/names'
import { knowsOwnCluster } from '../decide/status/platform-keys.ts'
import { defaultsOf } from '../decide/status/server-defaults.ts'
import { isExcused } from './replica-state.ts'
import type { Replica } from './replica-state.ts'

/** The state of all replicas that matters for the propagation of clients. */
export interface ReplicaView {
  readonly replicas: ReadonlyMap<string, Heard>
  /** Replicas that have taken no requests for longer than a start, and whether they still have a server. */
  readonly absent: string
  /** The servers' defaults; empty before a report. */
  readonly defaults: string
  /** Which servers lack keys of platforms. */
  readonly platforms: string
  /** Which file of platform keys each server has. */
  readonly platformFiles: string
  /** Which replicas reject which version of a client, by `namespace/name`. */
  readonly rejections: ReadonlyMap<string, string>
}

interface Heard {
  /** Concerns every client. */
  readonly standing: string
  /** Whether agent and server are connected, after the server's first load. */
  readonly isPresent: boolean
  readonly uid: string
  /** The seq that is live, by shard; 0 for none. */
  readonly live: readonly bigint[]
}

export const nothingHeard: ReplicaView = {
  replicas: new Map(),
  absent: '',
  defaults: '',
  platforms: '',
  platformFiles: '',
  rejections: new Map(),
}

export function viewOf(list: readonly Replica[]): ReplicaView {
  const served = list.filter(({ serverConnected }) => serverConnected)
  return {
    replicas: new Map(list.map((replica) => [replica.replica, heard(replica)])),
    absent: list
      .filter((replica) => !isExcused(replica) && replica.absentMs > 0)
      .map(({ replica, serverConnected }) => `${replica} ${serverConnected}`)
      .join(),
    defaults: Object.values(defaultsOf(list) ?? {}).join(),
    platforms: served.map(({ replica, platform }) => `${replica} ${knowsOwnCluster(platform)}`).join(),
    platformFiles: served.map(({ replica, platform }) => `${replica} ${platform?.digest}`).join(),
    rejections: rejectionsOf(list),
  }
}

/** The clients whose propagation may have changed. */
export interface ReplicaNews {
  /** Waiting clients of these shards. */
  readonly shards: readonly number[]
  /** `namespace/name` of those whose rejection began, ended or changed. */
  readonly clients: readonly string[]
  /** Settled clients of these shards too: a replica joined or returned with an older shard. */
  readonly settled: readonly number[]
  /** All clients: other replicas are away, the first came, the last went, or the defaults changed. */
  readonly everybody: boolean
}

/** @param storedSeq of a shard; 0 when nothing is stored */
export function newsBetween(before: ReplicaView, now: ReplicaView, storedSeq: (shard: number) => number): ReplicaNews {
  const judged = new Set([...now.rejections.keys(), ...before.rejections.keys()])
  return {
    shards: movedShards(before.replicas, now.replicas),
    clients: [...judged].filter((key) => before.rejections.get(key) !== now.rejections.get(key)),
    settled: shardsLost(before.replicas, now.replicas, storedSeq),
    everybody:
      before.absent !== now.absent ||
      (before.replicas.size === 0) !== (now.replicas.size === 0) ||
      (now.defaults !== '' && before.defaults !== now.defaults),
  }
}

function heard(replica: Replica): Heard {
  const live: bigint[] = Array.from({ length: shardCount }, () => 0n)
  for (const { shard, seq } of replica.live) live[shard] = seq
  const { uid, reachable, serverConnected } = replica
  const standing = [uid, reachable, serverConnected, isExcused(replica)].join()
  return { standing, isPresent: reachable && serverConnected && !isAwaited(replica), uid, live }
}

/** It takes no requests yet, and will have every shard when it does. */
const isAwaited = (replica: Replica): boolean => replica.absentMs > 0 && isExcused(replica)

/** @returns the shards that moved at a replica: all when a replica came, went or changed its state */
function movedShards(before: ReadonlyMap<string, Heard>, now: ReadonlyMap<string, Heard>): readonly number[] {
  const all = Array.from({ length: shardCount }, (_, shard) => shard)
  const standsAsBefore = [...now].every(([replica, { standing }]) => before.get(replica)?.standing === standing)
  if (!standsAsBefore || before.size !== now.size) return all
  const hasMoved = (shard: number) =>
    [...now].some(([replica, { live }]) => before.get(replica)!.live[shard] !== live[shard])
  return all.filter(hasMoved)
}

/** A replica that only lacks the newest write lacks nothing settled. A new or returned replica may. During a server's first load nothing
 *  is checked: it takes no requests yet.
 *  @returns the shards of which such a replica has an older version */
function shardsLost(
  before: ReadonlyMap<string, Heard>,
  now: ReadonlyMap<string, Heard>,
  storedSeq: (shard: number) => number,
): readonly number[] {
  const lost = new Set<number>()
  for (const [replica, { isPresent, uid, live }] of now) {
    if (!isPresent) continue
    const was = before.get(replica)
    const stayed = was?.isPresent === true && was.uid === uid ? was : undefined
    for (const [shard, one] of live.entries()) {
      const isNew = stayed === undefined || one < stayed.live[shard]!
      if (isNew && one < storedSeq(shard)) lost.add(shard)
    }
  }
  return [...lost]
}

function rejectionsOf(list: readonly Replica[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { replica, rejected } of list) {
    for (const { namespace, name, generation, code, message } of rejected) {
      const key = `${namespace}/${name}`
      // the message names the holder of a taken name, which may have changed
      found.set(key, `${found.get(key) ?? ''} ${replica} ${generation} ${code} ${message}`)
    }
  }
  return found
}
