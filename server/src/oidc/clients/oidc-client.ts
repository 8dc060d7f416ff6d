import type { RegisteredClient, RegistryHolder } from '../../clients/registry.ts'

/** What is registered with the library for a client: RFC 7591 metadata, every key checked (client-mapping). */
export type ProviderMetadata = Readonly<Record<string, unknown>>

export type OidcClient = RegisteredClient<ProviderMetadata>
export type OidcRegistry = RegistryHolder<ProviderMetadata>
