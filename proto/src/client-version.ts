// One version of a client: compared as text, decoded by who must know what it says.
import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { ClientConfigSchema, ClientVersionSchema } from './generated/nauthera/config/v1/config_pb.ts'
import type { ClientConfig, ClientVersion } from './generated/nauthera/config/v1/config_pb.ts'

/** A longer text is not decoded: what it says could take many times its length in memory. Characters. */
export const maxVersionLength = 1024 * 1024

/** @returns the version that says this; two configs that differ in their generation alone give the same text */
export function renderVersion(config: ClientConfig): ClientVersion {
  const text = toJsonString(ClientConfigSchema, { ...config, generation: 0n })
  return create(ClientVersionSchema, { generation: config.generation, config: text })
}

/** Unknown fields are ignored.
 *  @throws Error when the text is no ClientConfig */
export function parseVersion(version: Pick<ClientVersion, 'generation' | 'config'>): ClientConfig {
  if (version.config.length > maxVersionLength) throw new Error(`has more than ${maxVersionLength} characters`)
  const config = fromJsonString(ClientConfigSchema, version.config, { ignoreUnknownFields: true })
  config.generation = version.generation
  return config
}
