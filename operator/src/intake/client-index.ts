import type { OIDCClient } from '../api/oidc-client.ts'
import { clientIdOf } from '../decide/acceptance.ts'
import { secretNameOf } from '../decide/secret.ts'

/** The clients of this release, and which of them claim the same thing. */
export interface ClientIndex {
  get(key: string): OIDCClient | undefined
  /** Sets or removes a client. @returns the keys that the change concerns: its own, and those it shared a claim with */
  set(key: string, client: OIDCClient | undefined): readonly string[]
  keys(): Iterable<string>
  /** Keys in a namespace, or all. */
  keysIn(namespace: string | undefined): readonly string[]
  /** The client and every other that claims the same id, identifier or Secret, however many steps away. */
  rivals(key: string): readonly OIDCClient[]
  /** Those that name this identifier as their resourceServer. */
  declaring(identifier: string): readonly OIDCClient[]
  /** How many clients of the same namespace are older; of two of one age, the name decides. */
  olderInNamespace(client: OIDCClient): number
  readonly size: number
}

export function createClientIndex(): ClientIndex {
  const clients = new Map<string, OIDCClient>()
  const byClaim = new Map<string, Set<string>>()
  const byNamespace = new Map<string, Set<string>>()
  /** Age ranks, by namespace and key: counted when they are asked for, and forgotten when a client comes or goes. */
  const ranks = new Map<string, ReadonlyMap<string, number>>()

  const rivalKeys = (key: string): Set<string> => {
    const found = new Set<string>([key])
    for (const each of found) {
      const client = clients.get(each)
      for (const claim of client ? claimsOf(client) : []) for (const rival of byClaim.get(claim) ?? []) found.add(rival)
    }
    return found
  }

  const ranksIn = (namespace: string): ReadonlyMap<string, number> => {
    const known = ranks.get(namespace)
    if (known) return known
    const keys = [...(byNamespace.get(namespace) ?? [])]
    keys.sort((one, other) => (isOlder(clients.get(one)!, clients.get(other)!) ? -1 : 1))
    const counted = new Map(keys.map((key, rank) => [key, rank]))
    ranks.set(namespace, counted)
    return counted
  }

  return {
    get: (key) => clients.get(key),
    set: (key, client) => {
      const touched = rivalKeys(key)
      const previous = clients.get(key)
      if (!previous || !client || isOlder(previous, client) || isOlder(client, previous)) {
        ranks.delete((client ?? previous)?.metadata.namespace ?? '')
      }
      if (previous) {
        for (const claim of claimsOf(previous)) unlink(byClaim, claim, key)
        unlink(byNamespace, previous.metadata.namespace, key)
        clients.delete(key)
      }
      if (client) {
        clients.set(key, client)
        for (const claim of claimsOf(client)) link(byClaim, claim, key)
        link(byNamespace, client.metadata.namespace, key)
        for (const rival of rivalKeys(key)) touched.add(rival)
      }
      return [...touched]
    },
    keys: () => clients.keys(),
    keysIn: (namespace) => [...(namespace === undefined ? clients.keys() : (byNamespace.get(namespace) ?? []))],
    rivals: (key) => [...rivalKeys(key)].flatMap((each) => clients.get(each) ?? []),
    declaring: (identifier) => [...(byClaim.get(apiClaim(identifier)) ?? [])].flatMap((key) => clients.get(key) ?? []),
    olderInNamespace: ({ metadata: { namespace, name } }) => ranksIn(namespace).get(`${namespace}/${name}`) ?? 0,
    get size() {
      return clients.size
    },
  }
}

function link(index: Map<string, Set<string>>, at: string, key: string): void {
  const keys = index.get(at) ?? new Set()
  keys.add(key)
  index.set(at, keys)
}

function unlink(index: Map<string, Set<string>>, at: string, key: string): void {
  const keys = index.get(at)
  keys?.delete(key)
  if (keys?.size === 0) index.delete(at)
}

function claimsOf(client: OIDCClient): string[] {
  const identifier = client.spec.resourceServer?.identifier
  const secret = `secret ${client.metadata.namespace}/${secretNameOf(client)}`
  return [`id ${clientIdOf(client)}`, secret, ...(identifier === undefined ? [] : [apiClaim(identifier)])]
}

const apiClaim = (identifier: string): string => `api ${identifier}`

function isOlder(one: OIDCClient, other: OIDCClient): boolean {
  const [a, b] = [one.metadata.creationTimestamp, other.metadata.creationTimestamp]
  return a < b || (a === b && one.metadata.name < other.metadata.name)
}
