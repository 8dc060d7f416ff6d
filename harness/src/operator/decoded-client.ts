import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** A client of a shard whose versions can be read. */
export type DecodedClient = Omit<ShardEntry, 'desired' | 'accepted'> & {
  readonly desired: ClientConfig | undefined
  readonly accepted: ClientConfig | undefined
}

/** Each entry is asked for again and again. */
const decoded = new WeakMap<ShardEntry, DecodedClient>()

export function decodeClient(entry: ShardEntry): DecodedClient {
  const known = decoded.get(entry)
  if (known) return known
  const { desired, accepted } = entry
  const client = { ...entry, desired: desired && parseVersion(desired), accepted: accepted && parseVersion(accepted) }
  decoded.set(entry, client)
  return client
}
