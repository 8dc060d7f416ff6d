// What the protocol library says about a version of a client.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientFault } from '@nauthera/rules/client-fault'

export type CheckOutcome<Metadata> =
  | { readonly kind: 'accepted'; readonly metadata: Metadata }
  | { readonly kind: 'rejected'; readonly faults: readonly ClientFault[] }

/** What a version of a client is checked with, besides its config. */
export interface ClientIdentity {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly hasSecret: boolean
}

/** The check of the protocol library. It may throw anything: that is a rejection too. */
export type CheckClient<Metadata> = (
  config: ClientConfig,
  identity: ClientIdentity,
) => CheckOutcome<Metadata> | Promise<CheckOutcome<Metadata>>
