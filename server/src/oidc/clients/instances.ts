// Builds the library's client objects on first use.
import type { ServiceAccountName } from '../../clients/registry.ts'
import type { ClientDocuments } from './documents.ts'
import { isDocumentId } from './metadata-document.ts'
import type { ClientClass, LibraryClient, OidcClient, OidcRegistry, ProviderMetadata } from './oidc-client.ts'

/** The library's client objects, of one Provider. Each is built on first use: 10,000 at once would block the event loop for 0.4 s. An
 *  unchanged registry entry keeps its object. */
export interface ClientInstances {
  /** @returns undefined for an unknown or suspended client */
  find(Client: ClientClass, clientId: string): LibraryClient | undefined
  /** The object of an entry, suspended or not. */
  build(Client: ClientClass, entry: OidcClient): LibraryClient
  /** The entry that an object was built from. @throws TypeError for an object that was not built here */
  registered(client: object): OidcClient
  /** The entry of the registry; undefined for an unknown or suspended client */
  registeredById(clientId: string): OidcClient | undefined
  /** The clients with this ServiceAccount of their own namespace as an identity. */
  ofServiceAccount(account: ServiceAccountName): readonly OidcClient[]
  /** Fetches the metadata document of a client, if it is one; does nothing for other clients.
   *  @returns why it is refused */
  ensure(clientId: string): Promise<string | undefined>
  /** Whether a client lists this origin, or its host may publish metadata documents. */
  mayHaveOrigin(origin: string): boolean
  /** The client that is this API (spec.resourceServer; RFC 8707). */
  findApi(identifier: string): OidcClient | undefined
  isSuspendedApi(identifier: string): boolean
}

/** @param render builds the library's metadata of a client; not cached, since few clients are used
 *  @param documents clients by metadata document; undefined when they are off
 *  @param own the client of this server's own pages; it is in no registry */
export function createClientInstances(
  registry: OidcRegistry,
  render: (client: OidcClient) => ProviderMetadata,
  own?: OidcClient,
  documents?: ClientDocuments,
): ClientInstances {
  const built = new WeakMap<ClientClass, WeakMap<OidcClient, LibraryClient>>()
  const entries = new WeakMap<object, OidcClient>()
  const registeredById = (clientId: string): OidcClient | undefined => {
    if (clientId === own?.clientId) return own
    if (isDocumentId(clientId)) return documents?.known(clientId)
    const entry = registry.current().find(clientId)
    return entry === undefined || entry.config.suspended ? undefined : entry
  }
  const build = (Client: ClientClass, entry: OidcClient): LibraryClient => {
    let ofProvider = built.get(Client)
    if (!ofProvider) built.set(Client, (ofProvider = new WeakMap()))
    let client = ofProvider.get(entry)
    if (!client) {
      client = new Client(render(entry))
      ofProvider.set(entry, client)
      entries.set(client, entry)
    }
    return client
  }
  return {
    registeredById,
    async ensure(clientId) {
      if (documents === undefined || !isDocumentId(clientId)) return undefined
      const loaded = await documents.load(clientId)
      return loaded.kind === 'refused' ? loaded.why : undefined
    },
    find(Client, clientId) {
      const entry = registeredById(clientId)
      return entry && build(Client, entry)
    },
    build,
    registered(client) {
      const entry = entries.get(client)
      if (entry === undefined) throw new TypeError('this client object was not built from the registry')
      return entry
    },
    ofServiceAccount: (account) =>
      registry
        .current()
        .ofServiceAccount(account)
        .filter(({ config }) => !config.suspended),
    mayHaveOrigin: (origin) => registry.current().listsOrigin(origin) || documents?.mayHaveOrigin(origin) === true,
    findApi: (identifier) => {
      const entry = registry.current().findApi(identifier)
      return entry?.config.suspended ? undefined : entry
    },
    isSuspendedApi: (identifier) => registry.current().findApi(identifier)?.config.suspended === true,
  }
}
