// Builds the next registry from a registry and a shard. Only changed clients are checked; a rejected one keeps its version.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { lastingUid } from '@nauthera/proto/shard-entry'
import { assignNames } from './assign-names.ts'
import type { CheckClient } from './check-client.ts'
import { keyOf } from './check-shard.ts'
import type { PlannedClient } from './check-shard.ts'
import { namesOf } from './client-index.ts'
import type { RegisteredClient } from './registered-client.ts'
import { createRegistry } from './registry.ts'
import type { LiveShard, Registry, Rejection, ShardRefValue, WaitingClient } from './registry.ts'
import { resolveClient } from './resolve-client.ts'
import { createSlices } from './slices.ts'
import type { Clocks } from './verifiers.ts'

export interface ShardInput {
  readonly ref: ShardRefValue
  readonly clients: readonly PlannedClient[]
}

/** Builds the next registry; the old one stays unchanged.
 *  @param shard from `planShard`: well formed and newer than the live one
 *  @returns the next registry, the rejected clients of the shard, and how many clients were checked */
export async function buildRegistry(
  current: Registry,
  shard: ShardInput,
  needs: { checkClient: CheckClient; clocks: Clocks },
): Promise<{ registry: Registry; rejected: Rejection[]; changed: number }> {
  const { ref } = shard
  const past = current.shards.get(ref.shard)
  const served = servedIn(current, ref.shard)
  const clients: RegisteredClient[] = []
  const earlier = new Map<RegisteredClient, RegisteredClient>()
  const byDigest = new Map<string, RegisteredClient>()
  const rejected: Rejection[] = []
  let changed = 0
  const sliceOver = createSlices()
  for (const planned of shard.clients) {
    if (planned.kind === 'kept') {
      const before = past?.earlier.get(planned.client)
      clients.push(planned.client)
      byDigest.set(planned.digest, planned.client)
      if (before) earlier.set(planned.client, before)
      continue
    }
    changed++
    const { entry, digest } = planned
    const old = served.get(keyOf(entry))
    // an object that was created again inherits nothing
    const live = old?.uid === lastingUid(entry) ? old : undefined
    const { client, before, rejection } = await resolveClient(entry, live, { shard: ref.shard, ...needs })
    if (client !== undefined) clients.push(client)
    if (client !== undefined && before !== undefined) earlier.set(client, before)
    if (client !== undefined && isServedAsSaid(entry, client)) byDigest.set(digest, client)
    if (rejection !== undefined) rejected.push(rejection)
    const turn = sliceOver()
    if (turn) await turn
  }
  // no await from here on
  await nextTurn()
  const shardNow: LiveShard = { ref, clients, earlier, byDigest, rejected }
  const shards = new Map(current.shards).set(ref.shard, shardNow)
  const names = assignNames(current, shardNow)
  // before the set is complete, an older client may still come
  if (current.isWhole) keepOnly(earlier, new Set(names.blocked.map((one) => one.client)))
  const registry = createRegistry({ ...names, shards, isWhole: current.isWhole })
  const blockedHere = registry.blocked.filter(({ client }) => client.shard === ref.shard)
  return { registry, rejected: [...rejected, ...blockedHere.map((one) => conflictOf(one, registry))], changed }
}

function keepOnly<Key>(map: Map<Key, unknown>, keys: ReadonlySet<Key>): void {
  for (const key of map.keys()) if (!keys.has(key)) map.delete(key)
}

/** @returns the served version of each client of a shard, by `namespace/name` */
function servedIn({ shards, blocked, clients }: Registry, shard: number): ReadonlyMap<string, RegisteredClient> {
  const waiting = blocked.filter(({ client }) => client.shard === shard).flatMap(({ served }) => served ?? [])
  const all = [...(shards.get(shard)?.clients ?? []), ...waiting]
  return new Map(all.filter((one) => clients.get(one.clientId) === one).map((one) => [keyOf(one), one]))
}

/** Whether the entry describes what is served. Otherwise the client is checked at each shard. */
const isServedAsSaid = ({ desired, verifiers }: ShardEntry, client: RegisteredClient): boolean =>
  desired?.config === client.version.config && verifiers.length === client.verifiers.length

/** All present rejections, by shard and name. */
export function rejectionsOf(registry: Registry): Rejection[] {
  const own = [...registry.shards.values()].flatMap((shard) => shard.rejected)
  return [...own, ...registry.blocked.map((one) => conflictOf(one, registry))]
}

/** @returns other shards whose rejections changed, with all rejections of each: a client id may have changed its holder */
export function movedStandings(
  before: Registry,
  next: Registry,
  shard: number,
): { shard: number; rejected: Rejection[] }[] {
  const byShard = (registry: Registry) => Map.groupBy(rejectionsOf(registry), (one) => one.shard)
  const was = byShard(before)
  const is = byShard(next)
  const says = (rejected: readonly Rejection[] = []): string =>
    rejected
      .map(({ namespace, name, generation, message }) => `${namespace}/${name} ${generation} ${message}`)
      .join('\n')
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((other) => other !== shard && says(was.get(other)) !== says(is.get(other)))
    .map((other) => ({ shard: other, rejected: is.get(other) ?? [] }))
}

/** Another client holds the name: see docs/errors.md. */
export const conflictCode = 'CLIENT_ID_CONFLICT'

function conflictOf({ client }: WaitingClient, registry: Registry): Rejection {
  const { namespace, name, clientId, shard, version } = client
  const key = keyOf(client)
  const holders = namesOf(client).map((each) => registry.clients.holder(each))
  const [byId, byApi] = holders.map((holder) => (holder && keyOf(holder) !== key ? holder : undefined))
  const holder = byId ?? byApi
  const message = `the ${byId ? 'client id' : 'identifier'} is taken by ${holder ? keyOf(holder) : 'another client'}`
  return {
    namespace,
    name,
    clientId,
    shard,
    message,
    field: byId ? 'spec.clientId' : 'spec.resourceServer.identifier',
    code: conflictCode,
    generation: version.generation,
  }
}
