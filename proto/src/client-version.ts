// One version of a client. It is text: processes compare it, and only those that need its content decode it.
import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { ClientConfigSchema, ClientVersionSchema } from './generated/nauthera/config/v1/config_pb.ts'
import type { ClientConfig, ClientVersion } from './generated/nauthera/config/v1/config_pb.ts'

/** Characters. A longer text is refused, because its content could take many times its length in memory. */
export const maxVersionLength = 1024 * 1024

/** @returns the config as a version; two configs that differ only in their generation give the same text */
export function renderVersion(config: ClientConfig): ClientVersion {
  const text = toJsonString(ClientConfigSchema, { ...config, generation: 0n })
  return create(ClientVersionSchema, { generation: config.generation, config: text })
}

/** Unknown fields are ignored.
 *  @throws Error when the text is not a ClientConfig */
export function parseVersion(version: Pick<ClientVersion, 'generation' | 'config'>): ClientConfig {
  if (version.config.length > maxVersionLength) throw new Error(`has more than ${maxVersionLength} characters`)
  const config = fromJsonString(ClientConfigSchema, version.config, { ignoreUnknownFields: true })
  config.generation = version.generation
  return config
}
