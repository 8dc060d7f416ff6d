// A registry and a shard -> the next registry. Only clients that changed are checked; one that fails keeps what it had.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { lastingUid } from '@nauthera/proto/shard-entry'
import type { CheckClient } from './check-client.ts'
import { keyOf } from './check-shard.ts'
import type { PlannedClient } from './check-shard.ts'
import { namesOf } from './client-index.ts'
import type { RegisteredClient } from './registered-client.ts'
import { createRegistry } from './registry.ts'
import type { LiveShard, Registry, Rejection, ShardRefValue } from './registry.ts'
import { resolveClient } from './resolve-client.ts'
import { createSlices } from './slices.ts'
import type { Clocks } from './verifiers.ts'

export interface ShardInput {
  readonly ref: ShardRefValue
  readonly clients: readonly PlannedClient[]
}

/** Builds beside the old registry; touches nothing.
 *  @param shard well formed and newer than what is live: `planShard` has seen it
 *  @returns the next registry, what of the shard is rejected, and how many clients had to be looked into */
export async function buildRegistry(
  current: Registry,
  shard: ShardInput,
  needs: { checkClient: CheckClient; clocks: Clocks },
): Promise<{ registry: Registry; rejected: Rejection[]; changed: number }> {
  const { ref } = shard
  const before = new Map(current.shards.get(ref.shard)?.clients.map((client) => [keyOf(client), client]))
  const clients: RegisteredClient[] = []
  const byDigest = new Map<string, RegisteredClient>()
  const rejected: Rejection[] = []
  let changed = 0
  const sliceOver = createSlices()
  for (const planned of shard.clients) {
    if (planned.kind === 'kept') {
      clients.push(planned.client)
      byDigest.set(planned.digest, planned.client)
      continue
    }
    changed++
    const { entry, digest } = planned
    const old = before.get(keyOf(entry))
    // a re-created object, or one under another id, inherits nothing
    const live = old?.uid === lastingUid(entry) && old.clientId === entry.clientId ? old : undefined
    const { client, rejection } = await resolveClient(entry, live, { shard: ref.shard, ...needs })
    if (client !== undefined) clients.push(client)
    if (client !== undefined && isServedAsSaid(entry, client)) byDigest.set(digest, client)
    if (rejection !== undefined) rejected.push(rejection)
    const turn = sliceOver()
    if (turn) await turn
  }
  // what follows is done at a stretch
  await nextTurn()
  const registry = assemble(current, { ref, clients, byDigest, rejected })
  const blockedHere = registry.blocked.filter((client) => client.shard === ref.shard)
  return { registry, rejected: [...rejected, ...blockedHere.map((client) => conflictOf(client, registry))], changed }
}

/** A client that is served in an earlier version, or with secrets of which the entry does not know, is looked at anew each time. */
const isServedAsSaid = ({ desired, verifiers }: ShardEntry, client: RegisteredClient): boolean =>
  desired?.config === client.version.config && verifiers.length === client.verifiers.length

/** Everything that is refused at present, by shard and then name. */
export function rejectionsOf(registry: Registry): Rejection[] {
  const own = [...registry.shards.values()].flatMap((shard) => shard.rejected)
  return [...own, ...registry.blocked.map((client) => conflictOf(client, registry))]
}

/** @returns the other shards whose clients stand in another way in the next registry, with all that it rejects of each: a client
 *  id that went with this shard is another client's now, and one that this shard took has another holder */
export function movedStandings(
  before: Registry,
  next: Registry,
  shard: number,
): { shard: number; rejected: Rejection[] }[] {
  const [was, is] = [before, next].map((registry) => Map.groupBy(rejectionsOf(registry), (one) => one.shard)) as [
    Map<number, Rejection[]>,
    Map<number, Rejection[]>,
  ]
  const says = (rejected: readonly Rejection[] = []): string =>
    rejected
      .map(({ namespace, name, generation, message }) => `${namespace}/${name} ${generation} ${message}`)
      .join('\n')
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((other) => other !== shard && says(was.get(other)) !== says(is.get(other)))
    .map((other) => ({ shard: other, rejected: is.get(other) ?? [] }))
}

/** Puts the shard in the place of its predecessor. Who is served under a name keeps it, and of those that wait for a free one the oldest
 *  has it. Before the set is whole nobody is served yet, so that age alone decides, in whatever order the shards come. */
function assemble(current: Registry, shard: LiveShard): Registry {
  const before = new Set(current.shards.get(shard.ref.shard)?.clients)
  const next = new Set(shard.clients)
  const blocked = new Set(current.blocked)
  const leaving = [...before].filter((client) => !next.has(client) && !blocked.has(client))
  const coming = shard.clients.filter((client) => !before.has(client) || blocked.has(client))
  const waiting = [...coming, ...current.blocked.filter((client) => client.shard !== shard.ref.shard)]
  const shards = new Map(current.shards).set(shard.ref.shard, shard)
  const rebuilt = (left: Iterable<RegisteredClient>, inOrder: readonly RegisteredClient[]): Registry => {
    const { index, refused } = current.clients.with(left, inOrder)
    return createRegistry({ clients: index, shards, blocked: refused, isWhole: current.isWhole })
  }
  if (current.isWhole) {
    const freed = new Set(leaving.flatMap(holdingsOf))
    const [successors, others] = partition(waiting, (client) => holdingsOf(client).some((one) => freed.has(one)))
    return rebuilt(leaving, [...successors.toSorted(byAge), ...others.toSorted(byAge)])
  }
  const gone = new Set(leaving)
  const rivals = waiting.flatMap(namesOf).flatMap((name) => current.clients.holder(name) ?? [])
  const contended = new Set(rivals.filter((client) => !gone.has(client)))
  return rebuilt([...gone, ...contended], [...waiting, ...contended].toSorted(byAge))
}

const partition = <T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] => [
  all.filter(isFirst),
  all.filter((one) => !isFirst(one)),
]

/** Older first; of two of one moment the UID decides, the same on every replica. */
const byAge = (left: RegisteredClient, right: RegisteredClient): number =>
  left.createdAt - right.createdAt || (left.uid < right.uid ? -1 : 1)

/** A name may come back under another client id, which it does not hold. */
const holdingsOf = (client: RegisteredClient): string[] => namesOf(client).map((name) => `${name} ${keyOf(client)}`)

function conflictOf(client: RegisteredClient, registry: Registry): Rejection {
  const { namespace, name, clientId, shard, version } = client
  const isId = registry.clients.holder(clientId) !== undefined
  const holder = registry.clients.holder(isId ? clientId : (client.api ?? ''))
  const what = isId ? 'client id' : 'identifier'
  const message = `the ${what} is taken by ${holder === undefined ? 'another client' : keyOf(holder)}`
  return {
    namespace,
    name,
    clientId,
    shard,
    message,
    field: isId ? 'spec.clientId' : 'spec.resourceServer.identifier',
    code: 'CLIENT_ID_CONFLICT',
    generation: version.generation,
  }
}
