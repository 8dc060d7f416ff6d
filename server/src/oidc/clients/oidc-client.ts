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
  readonly asymmetricKeyStore: ClientKeys
  redirectUriAllowed(uri: string): boolean
}

/** The public keys of a client. */
export interface ClientKeys extends Iterable<object> {
  /** Whether those of `jwks_uri` need not be fetched yet; true for keys in the metadata. */
  fresh(): boolean
  /** Seconds since the epoch; undefined before those of `jwks_uri` were fetched. */
  readonly freshUntil?: number
  /** Fetches those of `jwks_uri` when they are not fresh. */
  refresh(): Promise<void>
  /** The keys with which a signature of this kind can be verified. */
  selectForVerify(signature: { readonly alg: string; readonly kid?: string }): readonly object[]
}
