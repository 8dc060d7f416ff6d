import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { RegisteredClient } from '../../clients/registered-client.ts'
import type { RegistryHolder } from '../../clients/registry.ts'

/** RFC 7591 metadata of a client, as it is registered with the library (see mapping.ts). */
export type ProviderMetadata = Readonly<Record<string, unknown>>

export type OidcClient = RegisteredClient
/** Whether anybody can ask in the name of this client: it proves nothing. */
export const isPublic = ({ tokenEndpointAuthMethod }: Pick<ClientConfig, 'tokenEndpointAuthMethod'>): boolean =>
  tokenEndpointAuthMethod === 'none'

export type OidcRegistry = RegistryHolder

/** The library's class of clients, as far as we use it. Each Provider has one of its own. */
export interface ClientClass {
  new (metadata: ProviderMetadata): LibraryClient
  /** The checks of RFC 7591 metadata, keys apart; makes the metadata that the library would keep. Throws as the constructor does. */
  readonly Schema: new (metadata: ProviderMetadata) => Readonly<Record<string, unknown>>
}

export interface LibraryClient {
  /** Undefined: userinfo is plain JSON. */
  readonly userinfoSignedResponseAlg?: string | undefined
  redirectUriAllowed(uri: string): boolean
}
