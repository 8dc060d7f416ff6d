// A client that is served. Its config is kept as the text that came: a decoded one takes some 4 KB, and of 10,000 clients only those in
// use are read.
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { LiveVerifier } from './verifiers.ts'

/** The object stays the same across swaps while nothing about the client changes.
 *  `Metadata` is what the check of the protocol library made of it. */
export interface RegisteredClient<Metadata> {
  readonly clientId: string
  /** metadata.uid of the OIDCClient: consents and grants are keyed by it. */
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly shard: number
  readonly verifiers: readonly LiveVerifier[]
  /** The version that is served. */
  readonly version: Readonly<Pick<ClientVersion, 'generation' | 'config'>>
  /** `version`, decoded when it is read; the same object while somebody holds it. */
  readonly config: ClientConfig
  /** `config.resourceServer.identifier`: the API that this client is. */
  readonly api: string | undefined
  readonly metadata: Metadata
}

export function createRegisteredClient<Metadata>(
  fields: Omit<RegisteredClient<Metadata>, 'config'>,
): RegisteredClient<Metadata> {
  return new StoredClient(fields)
}

class StoredClient<Metadata> implements RegisteredClient<Metadata> {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly shard: number
  readonly verifiers: RegisteredClient<Metadata>['verifiers']
  readonly version: RegisteredClient<Metadata>['version']
  readonly api: string | undefined
  readonly metadata: Metadata
  #config: WeakRef<ClientConfig> | undefined

  constructor(fields: Omit<RegisteredClient<Metadata>, 'config'>) {
    this.clientId = fields.clientId
    this.uid = fields.uid
    this.namespace = fields.namespace
    this.name = fields.name
    this.shard = fields.shard
    this.verifiers = fields.verifiers
    this.version = fields.version
    this.api = fields.api
    this.metadata = fields.metadata
  }

  get config(): ClientConfig {
    const known = this.#config?.deref()
    if (known !== undefined) return known
    const config = parseVersion(this.version)
    this.#config = new WeakRef(config)
    return config
  }
}
