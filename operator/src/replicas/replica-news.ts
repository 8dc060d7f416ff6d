// All replicas at one moment, and what is new from one moment to the next: values, no I/O, no clock.
import { shardCount } from '@nauthera/proto/names'
import { defaultsOf } from '../decide/status/server-defaults.ts'
import { isExcused } from './replica-state.ts'
import type { Replica } from './replica-state.ts'

/** What of the replicas decides how far clients have come. */
export interface ReplicaView {
  readonly replicas: ReadonlyMap<string, Heard>
  /** Those that take no requests for longer than a start takes, and whether they have a server all the same: what that has live counts. */
  readonly absent: string
  /** What a client gets that leaves it open; empty while no replica has told. */
  readonly defaults: string
  /** What the servers know of platforms: which of them know nothing, or have yet to hear it. */
  readonly platforms: string
  /** Who rejects a client, and which version of it, by `namespace/name`. */
  readonly rejections: ReadonlyMap<string, string>
}

interface Heard {
  /** Concerns every client. */
  readonly standing: string
  /** Whether agent and server of the pod are both there, and the server is not at its first load: then what is live counts. */
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
  rejections: new Map(),
}

export function viewOf(list: readonly Replica[]): ReplicaView {
  return {
    replicas: new Map(list.map((replica) => [replica.replica, heard(replica)])),
    absent: list
      .filter((replica) => !isExcused(replica) && replica.absentMs > 0)
      .map(({ replica, serverConnected }) => `${replica} ${serverConnected}`)
      .join(),
    defaults: Object.values(defaultsOf(list) ?? {}).join(),
    platforms: list
      .filter(({ serverConnected }) => serverConnected)
      .map(({ replica, platform }) => `${replica} ${platform && (platform.bySettings || platform.digest !== '')}`)
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
  /** In these shards the settled ones too: a replica has come, or come back, with less than is stored. */
  readonly settled: readonly number[]
  /** All, settled ones too: other replicas are away than before, the last one is gone, the first one is there, or a client that leaves
   *  something open gets something else. */
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

/** It takes no requests yet, and is expected to have everything when it does. */
const isAwaited = (replica: Replica): boolean => replica.absentMs > 0 && isExcused(replica)

/** @returns the shards whose clients may have come further: all, when a replica came, went, or stands in another way */
function movedShards(before: ReadonlyMap<string, Heard>, now: ReadonlyMap<string, Heard>): readonly number[] {
  const all = Array.from({ length: shardCount }, (_, shard) => shard)
  const standsAsBefore = [...now].every(([replica, { standing }]) => before.get(replica)?.standing === standing)
  if (!standsAsBefore || before.size !== now.size) return all
  const hasMoved = (shard: number) =>
    [...now].some(([replica, { live }]) => before.get(replica)!.live[shard] !== live[shard])
  return all.filter(hasMoved)
}

/** A replica that was there and is only behind the newest write lacks nothing that was settled. One that has come, has its server again
 *  or went back may lack what the others have. At the first load of a server nobody is looked at: it takes no requests before the end of that.
 *  @returns the shards of which such a replica has less than is stored */
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
      // people read the message: who has a name that is taken may be another one now
      found.set(key, `${found.get(key) ?? ''} ${replica} ${generation} ${code} ${message}`)
    }
  }
  return found
}
