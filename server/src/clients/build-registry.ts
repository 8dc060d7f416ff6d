// A registry and a shard -> the next registry. Only clients that changed are checked; one that fails keeps what it had.
import type { ClientConfig, ClientEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { ClientFault } from '@nauthera/rules/client-fault'
import { createRegisteredClient, packConfig } from './registered-client.ts'
import type { PackedConfig } from './registered-client.ts'
import { createRegistry } from './registry.ts'
import type { LiveShard, RegisteredClient, Registry, Rejection, ShardRefValue } from './registry.ts'
import { applyVerifiers } from './verifiers.ts'
import type { Clocks, LiveVerifier } from './verifiers.ts'

export type CheckOutcome<Metadata> =
  | { readonly kind: 'accepted'; readonly metadata: Metadata }
  | { readonly kind: 'rejected'; readonly faults: readonly ClientFault[] }

/** What a version of a client is checked with, besides its config. */
export interface ClientIdentity {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly hasSecret: boolean
}

/** The check of the protocol library. It may throw anything: that is a rejection too. */
export type CheckClient<Metadata> = (
  config: ClientConfig,
  identity: ClientIdentity,
) => CheckOutcome<Metadata> | Promise<CheckOutcome<Metadata>>

export interface ShardInput {
  readonly ref: ShardRefValue
  readonly clients: readonly ClientEntry[]
}

/** Milliseconds of checking at a stretch; then requests get their turn. */
const sliceMs = 4

/** Builds beside the old registry; touches nothing.
 *  @param shard well formed and newer than what is live: `faultOfShard` and `isStale` have seen it */
export async function buildRegistry<Metadata>(
  current: Registry<Metadata>,
  shard: ShardInput,
  needs: { checkClient: CheckClient<Metadata>; clocks: Clocks },
): Promise<{ registry: Registry<Metadata>; rejected: Rejection[]; checked: number }> {
  const before = new Map(current.shards.get(shard.ref.shard)?.clients.map((client) => [keyOf(client), client]))
  const clients: RegisteredClient<Metadata>[] = []
  const rejected: Rejection[] = []
  let checked = 0
  const check = (entry: ClientEntry, config: ClientConfig, hasSecret: boolean) => {
    checked++
    return checkSafely(entry, config, hasSecret, needs.checkClient)
  }
  let sliceEnd = performance.now() + sliceMs
  for (const entry of shard.clients) {
    const old = before.get(keyOf(entry))
    // a re-created object, or one under another id, inherits nothing
    const live = old?.uid === entry.uid && old.clientId === entry.clientId ? old : undefined
    const verifiers = verifiersFor(entry, live, needs.clocks)
    const resolved = await resolveClient(entry, shard.ref.shard, verifiers, live, check)
    if (resolved.rejected !== undefined) rejected.push(resolved.rejected)
    if (resolved.version !== undefined)
      clients.push(registeredOf(entry, shard.ref.shard, verifiers, live, resolved.version))
    if (performance.now() < sliceEnd) continue
    await new Promise((resolve) => setImmediate(resolve))
    sliceEnd = performance.now() + sliceMs
  }
  const registry = assemble(current, { ref: shard.ref, clients, rejected })
  const blockedHere = registry.blocked.filter((client) => client.shard === shard.ref.shard)
  return { registry, rejected: [...rejected, ...blockedHere.map((client) => conflictOf(client, registry))], checked }
}

/** Everything that is refused at present, by shard and then name. */
export function rejectionsOf<Metadata>(registry: Registry<Metadata>): Rejection[] {
  const own = [...registry.shards.values()].flatMap((shard) => shard.rejected)
  return [...own, ...registry.blocked.map((client) => conflictOf(client, registry))]
}

interface Version<Metadata> {
  readonly packed: PackedConfig
  readonly api: string | undefined
  readonly metadata: Metadata
}

type Loaded<Metadata> =
  { kind: 'accepted'; version: Version<Metadata> } | Extract<CheckOutcome<Metadata>, { kind: 'rejected' }>

interface Resolved<Metadata> {
  readonly version?: Version<Metadata> | undefined
  readonly rejected?: Rejection
}

/** A client that authenticates with a secret, in an entry that names none: the operator lost the shard and cannot read the
 *  client's Secret now. What is missing takes nothing away, so those that are live stay to their end. */
function verifiersFor<Metadata>(
  entry: ClientEntry,
  live: RegisteredClient<Metadata> | undefined,
  clocks: Clocks,
): readonly LiveVerifier[] {
  const method = (entry.desired ?? entry.accepted)?.tokenEndpointAuthMethod ?? ''
  if (live === undefined || hasAny(entry.verifiers) || !showsSecret(method))
    return applyVerifiers(entry.verifiers, live?.verifiers ?? [], clocks)
  return live.verifiers.filter(({ deadline }) => clocks.monotonic() < deadline)
}

/** desired, else what is live, else accepted, else absent. */
async function resolveClient<Metadata>(
  entry: ClientEntry,
  shard: number,
  verifiers: readonly LiveVerifier[],
  live: RegisteredClient<Metadata> | undefined,
  check: (entry: ClientEntry, config: ClientConfig, hasSecret: boolean) => Promise<CheckOutcome<Metadata>>,
): Promise<Resolved<Metadata>> {
  const load = async (config: ClientConfig): Promise<Loaded<Metadata>> => {
    const packed = packConfig(config)
    const sameSecrecy = live !== undefined && hasAny(live.verifiers) === hasAny(verifiers)
    if (sameSecrecy && live.packed === packed) return { kind: 'accepted', version: live }
    const outcome = await check(entry, config, hasAny(verifiers))
    if (outcome.kind === 'rejected') return outcome
    return { kind: 'accepted', version: { packed, api: config.resourceServer?.identifier, metadata: outcome.metadata } }
  }
  const acceptedVersion = async (): Promise<Version<Metadata> | undefined> => {
    const outcome = entry.accepted && (await load(entry.accepted))
    return outcome?.kind === 'accepted' ? outcome.version : undefined
  }
  const { desired } = entry
  if (desired === undefined) return { version: await acceptedVersion() }
  const outcome = await load(desired)
  if (outcome.kind === 'accepted') return { version: outcome.version }
  const rejected = rejectionOf(entry, shard, desired.generation, outcome.faults)
  return { version: live ?? (await acceptedVersion()), rejected }
}

const hasAny = (verifiers: readonly unknown[]): boolean => verifiers.length > 0

async function checkSafely<Metadata>(
  entry: ClientEntry,
  config: ClientConfig,
  hasSecret: boolean,
  checkClient: CheckClient<Metadata>,
): Promise<CheckOutcome<Metadata>> {
  const { clientId, uid, namespace, name } = entry
  try {
    return await checkClient(config, { clientId, uid, namespace, name, hasSecret })
  } catch (error) {
    // the protocol library throws plain TypeErrors too
    const message = error instanceof Error ? error.message : 'cannot be served as it is'
    return { kind: 'rejected', faults: [{ field: 'spec', code: 'CLIENT_METADATA_INVALID', message }] }
  }
}

function registeredOf<Metadata>(
  entry: ClientEntry,
  shard: number,
  verifiers: readonly LiveVerifier[],
  live: RegisteredClient<Metadata> | undefined,
  version: Version<Metadata>,
): RegisteredClient<Metadata> {
  if (
    live !== undefined &&
    live.metadata === version.metadata &&
    live.packed === version.packed &&
    sameVerifiers(live.verifiers, verifiers)
  )
    return live
  const { clientId, uid, namespace, name } = entry
  const { api, metadata, packed } = version
  return createRegisteredClient({ clientId, uid, namespace, name, shard, verifiers, api, metadata }, packed)
}

const sameVerifiers = (some: readonly LiveVerifier[], others: readonly LiveVerifier[]): boolean =>
  some.length === others.length && some.every((verifier, index) => verifier === others[index])

/** Puts the shard in the place of its predecessor. Who had a client id keeps it; the next one waits until it is free. */
function assemble<Metadata>(current: Registry<Metadata>, shard: LiveShard<Metadata>): Registry<Metadata> {
  const clients = new Map(current.clients)
  const held = new Set<string>()
  for (const old of current.shards.get(shard.ref.shard)?.clients ?? []) {
    if (clients.get(old.clientId) !== old) continue
    clients.delete(old.clientId)
    held.add(`${old.clientId} ${keyOf(old)}`)
  }
  const isHolder = (client: RegisteredClient<Metadata>) => held.has(`${client.clientId} ${keyOf(client)}`)
  const claims = [
    ...shard.clients.filter(isHolder),
    ...current.blocked.filter((client) => client.shard !== shard.ref.shard),
    ...shard.clients.filter((client) => !isHolder(client)),
  ]
  const blocked: RegisteredClient<Metadata>[] = []
  for (const client of claims) {
    if (clients.has(client.clientId)) blocked.push(client)
    else clients.set(client.clientId, client)
  }
  return createRegistry({ clients, shards: new Map(current.shards).set(shard.ref.shard, shard), blocked })
}

const keyOf = (client: { namespace: string; name: string }): string => `${client.namespace}/${client.name}`

function rejectionOf(entry: ClientEntry, shard: number, generation: bigint, faults: readonly ClientFault[]): Rejection {
  const first = faults[0] ?? { field: 'spec', code: 'CLIENT_METADATA_INVALID', message: 'cannot be served as it is' }
  const message =
    faults.length > 1 ? faults.map((fault) => `${fault.field}: ${fault.message}`).join('; ') : first.message
  const { namespace, name, clientId } = entry
  return { namespace, name, clientId, shard, field: first.field, code: first.code, message, generation }
}

function conflictOf<Metadata>(client: RegisteredClient<Metadata>, registry: Registry<Metadata>): Rejection {
  const holder = registry.clients.get(client.clientId)
  const { namespace, name, clientId, shard, config } = client
  const message = `the client id is taken by ${holder === undefined ? 'another client' : keyOf(holder)}`
  return {
    namespace,
    name,
    clientId,
    shard,
    field: 'spec.clientId',
    code: 'CLIENT_ID_CONFLICT',
    message,
    generation: config.generation,
  }
}
