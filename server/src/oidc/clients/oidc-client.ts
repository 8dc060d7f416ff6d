import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { RegisteredClient } from '../../clients/registered-client.ts'
import type { RegistryHolder } from '../../clients/registry.ts'

/** RFC 7591 metadata of a client, as it is registered with the library (see mapping.ts). */
export type ProviderMetadata = Readonly<Record<string, unknown>>

export type OidcClient = RegisteredClient
/** Whether the client does not authenticate. */
export const isPublic = ({ tokenEndpointAuthMethod }: Pick<ClientConfig, 'tokenEndpointAuthMethod'>): boolean =>
  tokenEndpointAuthMethod === 'none'

export type OidcRegistry = RegistryHolder

/** The used part of the library's client class. Each Provider has its own. */
export interface ClientClass {
  new (metadata: ProviderMetadata): LibraryClient
  /** Checks RFC 7591 metadata, except keys, and builds the library's metadata. Throws as the constructor does. */
  readonly Schema: new (metadata: ProviderMetadata) => Readonly<Record<string, unknown>>
}

export interface LibraryClient {
  /** Undefined: userinfo is plain JSON. */
  readonly userinfoSignedResponseAlg?: string | undefined
  redirectUriAllowed(uri: string): boolean
}
