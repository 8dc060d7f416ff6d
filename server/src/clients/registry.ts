// The clients that this replica serves: one immutable value, replaced by one assignment. A request keeps the one it began with.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { PackedConfig } from './registered-client.ts'
import type { LiveVerifier } from './verifiers.ts'

/** A client that is served. The object stays the same across swaps while nothing about the client changes.
 *  `Metadata` is what the check of the protocol library made of it. */
export interface RegisteredClient<Metadata> {
  readonly clientId: string
  /** metadata.uid of the OIDCClient: consents and grants are keyed by it. */
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly shard: number
  readonly verifiers: readonly LiveVerifier[]
  /** Decoded when it is read; the same object while somebody holds it. */
  readonly config: ClientConfig
  /** The config as bytes: two are equal exactly when the configs are. */
  readonly packed: PackedConfig
  /** `config.resourceServer.identifier`: the API that this client is. */
  readonly api: string | undefined
  readonly metadata: Metadata
}

export interface ShardRefValue {
  readonly epoch: number
  readonly shard: number
  readonly seq: bigint
  /** 64 lower-case hex. */
  readonly digest: string
}

/** A client whose desired version is refused; what it had stays. */
export interface Rejection {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly shard: number
  readonly field: string
  readonly code: string
  readonly message: string
  readonly generation: bigint
}

export interface LiveShard<Metadata> {
  readonly ref: ShardRefValue
  readonly clients: readonly RegisteredClient<Metadata>[]
  readonly rejected: readonly Rejection[]
}

export interface Registry<Metadata> {
  readonly clients: ReadonlyMap<string, RegisteredClient<Metadata>>
  readonly shards: ReadonlyMap<number, LiveShard<Metadata>>
  /** Clients whose id another one has; they become live when that one goes. */
  readonly blocked: readonly RegisteredClient<Metadata>[]
  readonly size: number
  find(clientId: string): RegisteredClient<Metadata> | undefined
  /** The client that is the API with this identifier (RFC 8707): the first by client id. */
  findApi(identifier: string): RegisteredClient<Metadata> | undefined
}

export function createRegistry<Metadata>(parts: {
  clients: ReadonlyMap<string, RegisteredClient<Metadata>>
  shards: ReadonlyMap<number, LiveShard<Metadata>>
  blocked: readonly RegisteredClient<Metadata>[]
}): Registry<Metadata> {
  const { clients, shards, blocked } = parts
  let apis: Map<string, RegisteredClient<Metadata>> | undefined
  return {
    clients,
    shards,
    blocked,
    size: clients.size,
    find: (clientId) => clients.get(clientId),
    findApi: (identifier) => (apis ??= apisOf(clients)).get(identifier),
  }
}

export const emptyRegistry = <Metadata>(): Registry<Metadata> =>
  createRegistry({ clients: new Map(), shards: new Map(), blocked: [] })

function apisOf<Metadata>(clients: ReadonlyMap<string, RegisteredClient<Metadata>>) {
  const apis = new Map<string, RegisteredClient<Metadata>>()
  for (const client of clients.values()) {
    if (client.api === undefined) continue
    const first = apis.get(client.api)
    if (first === undefined || client.clientId < first.clientId) apis.set(client.api, client)
  }
  return apis
}

export interface RegistryHolder<Metadata> {
  current(): Registry<Metadata>
  swap(next: Registry<Metadata>): void
  /** @returns how to stop it */
  onSwap(listener: (next: Registry<Metadata>) => void): () => void
}

export function createRegistryHolder<Metadata>(): RegistryHolder<Metadata> {
  let current = emptyRegistry<Metadata>()
  const listeners = new Set<(next: Registry<Metadata>) => void>()
  return {
    current: () => current,
    swap(next) {
      current = next
      for (const listener of listeners) listener(next)
    },
    onSwap(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
