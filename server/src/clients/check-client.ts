// What the protocol library says about a version of a client.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientFault } from '@nauthera/rules/client-fault'

/** What a version of a client is checked with, besides its config. */
export interface ClientIdentity {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly hasSecret: boolean
}

/** Faults, none when the version can be served. It may throw anything: that is a fault too. */
export type CheckClient = (
  config: ClientConfig,
  identity: ClientIdentity,
) => readonly ClientFault[] | Promise<readonly ClientFault[]>
