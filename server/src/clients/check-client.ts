// Checks a version of a client with the protocol library.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientFault } from '@nauthera/rules/client-fault'

/** What the check needs beside the config. */
export interface ClientIdentity {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly hasSecret: boolean
}

/** @returns faults; empty when the version can be served. A thrown error is a fault too */
export type CheckClient = (
  config: ClientConfig,
  identity: ClientIdentity,
) => readonly ClientFault[] | Promise<readonly ClientFault[]>
