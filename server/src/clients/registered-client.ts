// A client in the registry. Its config is kept as bytes: a decoded one takes some 4 KB, and 10,000 of them would cost more memory
// than the rest of the server, while only those in use are read.
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { RegisteredClient } from './registry.ts'

/** A config as a string of bytes (latin1): small, and equal exactly when the configs are. */
export type PackedConfig = string & { readonly packed: unique symbol }

export const packConfig = (config: ClientConfig): PackedConfig =>
  Buffer.from(toBinary(ClientConfigSchema, config)).toString('latin1') as PackedConfig

type Fields<Metadata> = Omit<RegisteredClient<Metadata>, 'config' | 'packed'>

class PackedClient<Metadata> implements RegisteredClient<Metadata> {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly shard: number
  readonly api: string | undefined
  readonly verifiers: RegisteredClient<Metadata>['verifiers']
  readonly metadata: Metadata
  readonly packed: PackedConfig
  #config: WeakRef<ClientConfig> | undefined

  constructor(fields: Fields<Metadata>, packed: PackedConfig) {
    this.clientId = fields.clientId
    this.uid = fields.uid
    this.namespace = fields.namespace
    this.name = fields.name
    this.shard = fields.shard
    this.api = fields.api
    this.verifiers = fields.verifiers
    this.metadata = fields.metadata
    this.packed = packed
  }

  get config(): ClientConfig {
    const known = this.#config?.deref()
    if (known !== undefined) return known
    const config = fromBinary(ClientConfigSchema, Buffer.from(this.packed, 'latin1'))
    this.#config = new WeakRef(config)
    return config
  }
}

export function createRegisteredClient<Metadata>(
  fields: Fields<Metadata>,
  packed: PackedConfig,
): RegisteredClient<Metadata> {
  return new PackedClient(fields, packed)
}
