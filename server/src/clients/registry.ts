// The clients that this replica serves: one immutable value, replaced by one assignment. A request keeps the one it began with.
import { ClientIndex } from './client-index.ts'
import type { RegisteredClient } from './registered-client.ts'

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
  /** By the digest of the line that says what is served of them (digestOfLine); without those that are served as they were before. */
  readonly byDigest: ReadonlyMap<string, RegisteredClient<Metadata>>
  readonly rejected: readonly Rejection[]
}

export interface Registry<Metadata> {
  readonly clients: ClientIndex<RegisteredClient<Metadata>>
  readonly shards: ReadonlyMap<number, LiveShard<Metadata>>
  /** Clients whose id another one has; they become live when that one goes. */
  readonly blocked: readonly RegisteredClient<Metadata>[]
  readonly size: number
  find(clientId: string): RegisteredClient<Metadata> | undefined
  /** The client that is the API with this identifier (RFC 8707): the first by client id. */
  findApi(identifier: string): RegisteredClient<Metadata> | undefined
}

export function createRegistry<Metadata>(
  parts: Pick<Registry<Metadata>, 'clients' | 'shards' | 'blocked'>,
): Registry<Metadata> {
  const { clients } = parts
  let apis: Map<string, RegisteredClient<Metadata>> | undefined
  return {
    ...parts,
    size: clients.size,
    find: (clientId) => clients.get(clientId),
    findApi: (identifier) => (apis ??= apisOf(clients.values())).get(identifier),
  }
}

export const emptyRegistry = <Metadata>(): Registry<Metadata> =>
  createRegistry<Metadata>({ clients: ClientIndex.empty(), shards: new Map(), blocked: [] })

function apisOf<Metadata>(clients: Iterable<RegisteredClient<Metadata>>) {
  const apis = new Map<string, RegisteredClient<Metadata>>()
  for (const client of clients) {
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
