import type { ClientRefusals } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { CodeUse, SectorProof } from '../decide/status/observations.ts'
import type { PodObject } from '../kubernetes/objects.ts'
import { Follower } from './follower.ts'
import type { Replica } from './replica-state.ts'
import { SaidByReplicas } from './said-by-replicas.ts'
import { isSamePod, noServerPods, onPods } from './server-pods.ts'
import type { ServerPod } from './server-pods.ts'
import type { StatusStreamNeeds } from './status-stream.ts'

export interface Replicas {
  /** @param onChange called often: a replica came, went or changed its report
   *  @param onUnreached called often: a pod could not be reached */
  start(onChange: () => void, onUnreached: () => void, more?: MoreNews): void
  /** Sets the present pods. Others are no longer followed. */
  setPods(pods: Iterable<PodObject>): void
  /** Tells every agent which manifest its server must hold before it may turn ready. */
  expect(manifestDigest: string): void
  list(): readonly Replica[]
  /** ServerPods.goingUntil */
  goingUntil(): number | undefined
  /** The highest seq of a shard that any replica reported; 0 for none. */
  highestSeq(shard: number): number
  /** Last use of a secret at any replica, epoch milliseconds. */
  lastUsed(client: string, secretId: string): number | undefined
  /** Since when every use at any replica is known, epoch milliseconds; undefined while a replica does not report. */
  usesKnownSince(): number | undefined
  /** The identity that a client last authenticated with. */
  lastIdentity(client: string): { readonly identity: string; readonly at: number } | undefined
  /** Removes the reports about all other clients. */
  removeAllBut(isKnown: (client: string) => boolean): void
  /** Removes the reports about this client: it was removed, or another one has its name. */
  remove(client: string): void
  /** Whether the sector's document last listed the client. */
  lastSector(client: string): SectorProof | undefined
  /** How the client's codes were protected. */
  lastCodes(client: string): CodeUse | undefined
  stop(): Promise<void>
}

export interface MoreNews {
  /** A replica saw a token of this cluster with an unknown key. */
  readonly onUnknownKey: () => void
  /** The status of these clients changes: by their last identity, their sector or their codes. */
  readonly onClients: (keys: readonly string[]) => void
  /** A replica has refused requests. @param uid of its pod */
  readonly onRefusals: (uid: string, refusals: readonly ClientRefusals[]) => void
}

/** Follows every server pod, with one stream to the status port of each. */
export function createReplicas(needs: StatusStreamNeeds): Replicas {
  const { log, clock } = needs
  const said = new SaidByReplicas(clock.now())
  let more: MoreNews = { onUnknownKey: () => {}, onClients: () => {}, onRefusals: () => {} }
  const followers = new Map<string, Follower>()
  const endings = new Set<Promise<void>>()
  let pods = noServerPods
  let expected = ''
  let onChange = () => {}
  let onUnreached = () => {}

  const remember = ({ uid }: ServerPod, update: StatusUpdate) => {
    const { proved, metUnknownKey } = said.record(uid, update, clock.now())
    if (proved.length > 0) more.onClients(proved)
    if (metUnknownKey) more.onUnknownKey()
    if (update.refusals.length > 0) more.onRefusals(uid, update.refusals)
  }
  const follow = (pod: ServerPod) => {
    log.info({ replica: pod.name }, 'replica found')
    const onSaid = (update: StatusUpdate) => remember(pod, update)
    const about = { pod, expected, onSaid, onChange: () => onChange(), onUnreached: () => onUnreached() }
    followers.set(pod.name, new Follower(needs, about))
    onChange()
  }
  const leave = (follower: Follower) => {
    followers.delete(follower.pod.name)
    said.end(follower.pod.uid, clock.now())
    const ended = follower.stop().finally(() => endings.delete(ended))
    endings.add(ended)
  }

  return {
    start: (listener, whenUnreached, further) => {
      more = further ?? more
      onChange = listener
      onUnreached = whenUnreached
    },
    setPods: (found) => {
      pods = onPods(pods, found)
      for (const [name, follower] of followers) {
        const next = pods.asked.get(name)
        if (isSamePod(follower.pod, next)) continue
        leave(follower)
        if (next) continue
        log.info({ replica: name }, 'replica gone')
        onChange()
      }
      for (const pod of pods.asked.values()) if (!followers.has(pod.name)) follow(pod)
    },
    expect: (manifestDigest) => {
      if (manifestDigest === expected) return
      expected = manifestDigest
      for (const follower of followers.values()) follower.expect(manifestDigest)
    },
    list: () => [...followers.values()].map(({ replica }) => replica),
    goingUntil: () => pods.goingUntil,
    highestSeq: (shard) => said.seqs.of(shard),
    removeAllBut: (isKnown) => said.removeAllBut(isKnown),
    remove: (client) => said.remove(client),
    lastSector: (client) => said.sectors.last(client),
    lastCodes: (client) => said.codes.last(client),
    lastIdentity: (client) => said.identities.last(client),
    lastUsed: (client, secretId) => said.usage.lastUsed(client, secretId),
    usesKnownSince: () =>
      [...followers.values()].every(({ replica }) => replica.tellsUses) ? said.heardSince : undefined,
    stop: async () => {
      for (const follower of followers.values()) leave(follower)
      await Promise.all(endings)
    },
  }
}
