// Finds which client holds a name, by the stored entries.
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** By `namespace/name`. */
type Entries = ReadonlyMap<string, { readonly entry: ShardEntry }>

const identifiersBefore = new WeakMap<ShardEntry, readonly string[]>()
const holdersBefore = new WeakMap<Entries, ReadonlyMap<string, readonly string[]>>()

/** @param entries of one shard
 *  @returns `namespace/name` of the clients with this client id or API identifier */
export function holdersIn(entries: Entries, name: string): readonly string[] {
  let holders = holdersBefore.get(entries)
  if (!holders) holdersBefore.set(entries, (holders = indexOf(entries)))
  return holders.get(name) ?? []
}

/** Caches names by entry: most entries did not change since the last write. */
function indexOf(entries: Entries): ReadonlyMap<string, readonly string[]> {
  const holders = new Map<string, readonly string[]>()
  for (const [key, { entry }] of entries)
    for (const name of heldNamesOf(entry)) holders.set(name, [...(holders.get(name) ?? []), key])
  return holders
}

/** @returns the client id, and the identifiers of APIs */
export const heldNamesOf = (entry: ShardEntry): readonly string[] => [
  ...new Set([entry.clientId, ...heldIdentifiersOf(entry)]),
]

/** @returns the identifiers of APIs in the versions that replicas may serve */
export function heldIdentifiersOf(entry: ShardEntry): readonly string[] {
  const known = identifiersBefore.get(entry)
  if (known) return known
  const found = [...new Set([entry.desired, entry.accepted].flatMap(identifierOf))]
  identifiersBefore.set(entry, found)
  return found
}

/** Only versions of APIs are parsed, and few clients are APIs. */
function identifierOf(version: ClientVersion | undefined): readonly string[] {
  if (!version?.config.includes('"resourceServer"')) return []
  try {
    return [parseVersion(version).resourceServer?.identifier ?? ''].filter(Boolean)
  } catch {
    return []
  }
}
