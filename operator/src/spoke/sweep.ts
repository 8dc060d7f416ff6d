// Removes mirrors whose client is gone. A mistake here would sign people out of an application, so two full lists must agree.
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import { present } from '../decide/client/present.ts'
import { listAll } from '../kubernetes/collection.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import type { HubState } from './hub-state.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'

/** The pause between two sweeps when nothing has called for one, and the hub is usable. Milliseconds. */
const sweepMs = 60_000
/** Between the two lists of a sweep. Milliseconds. */
const apartMs = 2_000
/** Between two sweeps that something called for, and until the hub is usable. Milliseconds. */
const restMs = 3_000

interface SweepNeeds {
  /** Of this cluster. */
  readonly connection: Pick<KubeConnection, 'call'>
  /** The collections that are watched. */
  readonly paths: readonly string[]
  readonly mirrors: Pick<Mirrors, 'isListed' | 'all' | 'find' | 'remove'>
  readonly findClient: (key: string) => OIDCClient | undefined
  readonly state: Pick<HubState, 'mayWrite'>
  readonly clock: Clock
  readonly log: Log
}

/** Its `wake` says that a client is gone, or that a mirror came that has none. */
export function createSweep(needs: SweepNeeds): Loop {
  const { state, clock, log } = needs
  const loop: Loop = new Loop({
    clock,
    firstMs: sweepMs,
    restMs,
    round: async () => {
      // a list that fails says nothing: neither does one of a definition that is not there
      await sweep(needs, loop.stopping).catch((error: unknown) => log.warn({ error }, 'mirrors not swept'))
      return state.mayWrite ? sweepMs : restMs
    },
  })
  return loop
}

async function sweep(needs: SweepNeeds, signal: AbortSignal): Promise<void> {
  const { mirrors, clock, state } = needs
  if (orphansOf(needs).length === 0) return
  const first = await listUids(needs, signal)
  await pause(clock, apartMs, signal)
  const second = await listUids(needs, signal)
  for (const [key, mirror] of orphansOf(needs)) {
    const uid = mirror.spec.origin?.uid ?? ''
    if (first.has(uid) || second.has(uid) || !state.mayWrite) continue
    await mirrors.remove(key, mirror)
  }
}

/** The mirrors whose client is not in our copy. */
function orphansOf({ mirrors, findClient, state }: SweepNeeds): readonly (readonly [string, Mirror])[] {
  if (!mirrors.isListed || !state.mayWrite) return []
  return [...mirrors.all()].filter(([key, { spec }]) => findClient(key)?.metadata.uid !== spec.origin?.uid)
}

/** @returns the uids of all clients that are not being deleted. @throws ApiError */
async function listUids({ connection, paths }: SweepNeeds, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const lists = await Promise.all(
    paths.map((path) =>
      listAll<KubernetesObject>(connection, { path, query: {}, unpaged: false, signal, cut: uidAlone }),
    ),
  )
  return new Set(
    lists
      .flatMap(({ items }) => items)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .flatMap(({ metadata }) => metadata.uid ?? []),
  )
}

/** Whatever the clients of a cluster weigh, nothing else of them is held. */
const uidAlone = ({ metadata }: KubernetesObject): KubernetesObject => {
  const { name, namespace, uid, deletionTimestamp } = metadata
  return { metadata: { name, ...present({ namespace, uid, deletionTimestamp }) } }
}
