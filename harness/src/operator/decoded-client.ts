import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** A client of a shard whose versions can be read. */
export type DecodedClient = Omit<ShardEntry, 'desired' | 'accepted'> & {
  readonly desired: ClientConfig | undefined
  readonly accepted: ClientConfig | undefined
}

export function decodeClient(entry: ShardEntry): DecodedClient {
  const { desired, accepted } = entry
  return { ...entry, desired: desired && parseVersion(desired), accepted: accepted && parseVersion(accepted) }
}
