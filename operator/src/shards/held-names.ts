// Which names the stored entries hold: what replicas serve under a name stays with whoever has it.
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** By `namespace/name`. */
type Entries = ReadonlyMap<string, { readonly entry: ShardEntry }>

const identifiersBefore = new WeakMap<ShardEntry, readonly string[]>()
const holdersBefore = new WeakMap<Entries, ReadonlyMap<string, readonly string[]>>()

/** @param entries of one shard
 *  @returns `namespace/name` of those that have the name as client id, or as the identifier of the API that they are */
export function holdersIn(entries: Entries, name: string): readonly string[] {
  let holders = holdersBefore.get(entries)
  if (!holders) holdersBefore.set(entries, (holders = indexOf(entries)))
  return holders.get(name) ?? []
}

/** Most entries are the objects of the write before, so that their versions are not read again. */
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

/** Few clients are APIs, and only the version of such a one is read. */
function identifierOf(version: ClientVersion | undefined): readonly string[] {
  if (!version?.config.includes('"resourceServer"')) return []
  try {
    return [parseVersion(version).resourceServer?.identifier ?? ''].filter(Boolean)
  } catch {
    return []
  }
}
