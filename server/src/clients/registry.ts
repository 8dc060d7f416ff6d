// The served clients of this replica: one immutable value, swapped by one assignment. A request keeps the registry that it began with.
import { nameOfApi } from './api-names.ts'
import { ClientIndex } from './client-index.ts'
import type { RegisteredClient } from './registered-client.ts'

export interface ShardRefValue {
  readonly shard: number
  readonly seq: bigint
  /** 64 lower-case hex. */
  readonly digest: string
}

/** A client whose desired version is rejected; its live version stays. */
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

export interface LiveShard {
  readonly ref: ShardRefValue
  /** Clients in their wanted versions. */
  readonly clients: readonly RegisteredClient[]
  /** The served version of a client until it has its names. */
  readonly earlier: ReadonlyMap<RegisteredClient, RegisteredClient>
  /** By the digest of their line (digestOfLine); without clients that are served in an earlier version. */
  readonly byDigest: ReadonlyMap<string, RegisteredClient>
  readonly rejected: readonly Rejection[]
}

/** A client that wants a name of another client. */
export interface WaitingClient {
  /** The wanted version. */
  readonly client: RegisteredClient
  /** Its earlier version with today's secrets and access; undefined when nothing is served. */
  readonly served: RegisteredClient | undefined
}

export interface Registry {
  readonly clients: ClientIndex<RegisteredClient>
  readonly shards: ReadonlyMap<number, LiveShard>
  /** Clients that wait for a name of another client. */
  readonly blocked: readonly WaitingClient[]
  /** Whether a complete set was applied. Before that no request is answered, and the order of shards does not matter. */
  readonly isWhole: boolean
  readonly size: number
  find(clientId: string): RegisteredClient | undefined
  /** The client that declares the API with this URI (RFC 8707; api-names). */
  findApi(uri: string): RegisteredClient | undefined
  /** The APIs that clients by metadata document may call. */
  documentApis(): readonly RegisteredClient[]
  /** The sector documents that clients name. */
  sectors(): readonly string[]
  /** Whether a client lists this origin in corsOrigins. */
  listsOrigin(origin: string): boolean
  /** All declared types of authorization details, sorted, each once. */
  detailTypes(): readonly string[]
  /** The clients with this ServiceAccount of their own namespace as an identity. */
  ofServiceAccount(account: ServiceAccountName): readonly RegisteredClient[]
}

export interface ServiceAccountName {
  readonly namespace: string
  readonly name: string
}

export function createRegistry(parts: Pick<Registry, 'clients' | 'shards' | 'blocked' | 'isWhole'>): Registry {
  const { clients } = parts
  let accounts: Map<string, RegisteredClient[]> | undefined
  let detailTypes: readonly string[] | undefined
  let origins: ReadonlySet<string> | undefined
  let withDocuments: readonly RegisteredClient[] | undefined
  const named = (): RegisteredClient[] => [
    ...[...parts.shards.values()].flatMap(namedOf).filter((client) => clients.get(client.clientId) === client),
    ...parts.blocked.flatMap(({ served }) => served ?? []),
  ]
  return {
    ...parts,
    size: clients.size,
    find: (clientId) => clients.get(clientId),
    findApi: (uri) => {
      const identifier = nameOfApi(uri)
      const found = clients.holder(identifier)
      return found?.api === identifier ? found : undefined
    },
    documentApis: () => (withDocuments ??= named().filter(({ documents }) => documents.length > 0)),
    sectors: () => [...new Set(named().flatMap(({ sector }) => sector ?? []))],
    listsOrigin: (origin) => (origins ??= new Set(named().flatMap(openOriginsOf))).has(origin),
    detailTypes: () => (detailTypes ??= [...new Set(named().flatMap(openTypesOf))].toSorted()),
    ofServiceAccount: (account) => (accounts ??= byAccount(named())).get(accountKey(account)) ?? [],
  }
}

const openTypesOf = ({ detailTypes, restraint }: RegisteredClient): readonly string[] =>
  restraint?.suspended ? [] : (detailTypes ?? [])

const openOriginsOf = ({ origins, restraint }: RegisteredClient): readonly string[] =>
  restraint?.suspended ? [] : (origins ?? [])

const namedOfShard = new WeakMap<LiveShard, readonly RegisteredClient[]>()

/** The few clients of a shard that are found by more than their id; cached by shard, since a change leaves 15 of 16 shards as they are. */
function namedOf(shard: LiveShard): readonly RegisteredClient[] {
  const known = namedOfShard.get(shard)
  if (known) return known
  const named = shard.clients.filter(
    ({ api, accounts, documents, sector, detailTypes, origins }) =>
      (api ?? accounts ?? sector ?? detailTypes ?? origins) !== undefined || documents.length > 0,
  )
  namedOfShard.set(shard, named)
  return named
}

export const emptyRegistry = (): Registry =>
  createRegistry({ clients: ClientIndex.empty(), shards: new Map(), blocked: [], isWhole: false })

const accountKey = ({ namespace, name }: ServiceAccountName): string => `${namespace}/${name}`

function byAccount(clients: Iterable<RegisteredClient>) {
  const found = new Map<string, RegisteredClient[]>()
  for (const client of clients) {
    for (const name of client.accounts ?? []) {
      const key = accountKey({ namespace: client.namespace, name })
      found.set(key, [...(found.get(key) ?? []), client])
    }
  }
  return found
}

export interface RegistryHolder {
  current(): Registry
  swap(next: Registry): void
  /** @returns how to stop it */
  onSwap(listener: (next: Registry) => void): () => void
}

export function createRegistryHolder(): RegistryHolder {
  let current = emptyRegistry()
  const listeners = new Set<(next: Registry) => void>()
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
