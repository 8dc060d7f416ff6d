import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretOutlet } from './outlet.ts'

/** @returns the stored entry that a client takes the place of; undefined once that has left, and where nothing moved */
export function movedEntry(
  { metadata }: OIDCClient,
  shards: Pick<SecretOutlet['shards'], 'stored'>,
): ShardEntry | undefined {
  const { moved } = metadata
  const entry = moved && shards.stored(moved.from)?.entry
  return entry?.clientId === moved?.clientId ? entry : undefined
}
