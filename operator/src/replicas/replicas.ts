import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { CodeUse, SectorProof } from '../decide/status/outcome.ts'
import type { PodObject } from '../kubernetes/objects.ts'
import { Follower } from './follower.ts'
import type { Replica } from './replica-state.ts'
import { SaidByReplicas } from './said-by-replicas.ts'
import { isSamePod, noServerPods, onPods } from './server-pods.ts'
import type { ServerPod } from './server-pods.ts'
import type { StatusStreamNeeds } from './status-stream.ts'

export interface Replicas {
  /** @param onChange a replica came, went or says something else; calls may be many
   *  @param onUnreached a pod could not be reached at all; calls may be many */
  start(onChange: () => void, onUnreached: () => void, more?: MoreNews): void
  /** Tells which pods there are now; others are no longer asked. */
  setPods(pods: Iterable<PodObject>): void
  /** Tells every agent which manifest its server must hold before it may turn ready. */
  expect(manifestDigest: string): void
  list(): readonly Replica[]
  /** ServerPods.goingUntil */
  goingUntil(): number | undefined
  /** The highest seq of a shard that any replica has ever seen; 0 when none told. */
  highestSeq(shard: number): number
  /** Last use of a secret at any replica, epoch milliseconds. */
  lastUsed(client: string, secretId: string): number | undefined
  /** Since when every use at any replica has been told, epoch milliseconds; undefined while a replica does not tell. */
  usesKnownSince(): number | undefined
  /** The identity that proved a client last. */
  lastIdentity(client: string): { readonly identity: string; readonly at: number } | undefined
  /** Forgets what was said of other clients. */
  removeAllBut(isKnown: (client: string) => boolean): void
  /** Forgets what was said of this client: it is gone, or another one has its name. */
  remove(client: string): void
  /** What the document of its sector said last of a client. */
  lastSector(client: string): SectorProof | undefined
  /** How the codes of a client were protected. */
  lastCodes(client: string): CodeUse | undefined
  stop(): Promise<void>
}

export interface MoreNews {
  /** A replica has met a key of this cluster that it does not have. */
  readonly onUnknownKey: () => void
  /** Of these clients something is known that their status has to say: another identity proves them, their sector, or their codes. */
  readonly onClients: (keys: readonly string[]) => void
}

/** What every server pod has live: one stream to the status port of each. */
export function createReplicas(needs: StatusStreamNeeds): Replicas {
  const { log, clock } = needs
  const said = new SaidByReplicas(clock.now())
  let more: MoreNews = { onUnknownKey: () => {}, onClients: () => {} }
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
