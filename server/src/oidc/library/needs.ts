import type { Identity } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import type { Log } from '@nauthera/runtime/log'
import type { SeenRefusal } from '../../clients/refusals.ts'
import type { Outbox } from '../../store/outbox/outbox.ts'
import type { Devices } from '../../store/sessions/devices.ts'
import type { Redemptions } from '../../store/sessions/redemptions.ts'
import type { Renewals } from '../../store/sessions/renewals.ts'
import type { SignIns } from '../../store/sessions/sign-ins.ts'
import type { DeviceCodes } from '../../store/tokens/device-codes.ts'
import type { Grants } from '../../store/tokens/grants.ts'
import type { OneTime } from '../../store/tokens/one-time.ts'
import type { PushedRequests } from '../../store/tokens/pushed-requests.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import type { GrantEvents } from '../artefacts/granted-tokens.ts'
import type { Places } from '../artefacts/place.ts'
import type { SealedRequests } from '../artefacts/sealed-requests.ts'
import type { Sealer } from '../artefacts/sealed.ts'
import type { CertificateProofs } from '../certificates/certificate-proof.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { SigningDefaults } from '../clients/mapping.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { CookieScope } from '../cookies.ts'
import type { KeySet } from '../keys/key-set.ts'
import type { Fetch } from '../outbound/outbound-fetch.ts'
import type { SectorDocuments } from '../outbound/sector-documents.ts'
import type { PlatformProofs } from '../authentication/platform-proof.ts'
import type { ProtocolPages } from './protocol-pages.ts'

/** Everything that a Provider is built from. Each file of this folder takes the part that it needs. */
export interface LibraryNeeds {
  readonly settings: ProtocolSettings
  readonly keys: KeySet
  readonly store: ProtocolTables
  readonly users: UserSources
  readonly clients: ClientInstances
  readonly platforms: PlatformProofs
  readonly sectors: SectorDocuments
  /** Undefined where no client can show a certificate. */
  readonly certificates: CertificateProofs | undefined
  readonly places: Places
  readonly sealer: Sealer
  readonly sealedRequests: SealedRequests
  /** Of the store; it rises with each restore. */
  readonly epoch: () => number
  readonly scope: CookieScope
  readonly fetch: Fetch
  readonly pages: ProtocolPages
  readonly events: ProtocolEvents
  /** Called when a client's secret matched. */
  readonly usedSecret: (client: OidcClient, secretId: string) => void
  /** Called when a token of a client's platform has proved it. */
  readonly usedIdentity: (client: OidcClient, identity: Identity) => void
  /** Called with what the document of a client's sector says of it; empty: nothing is wrong. */
  readonly provedSector: (client: OidcClient, fault: string) => void
  /** Milliseconds: `now` since the epoch; `monotonicNow` is not affected by changes of the clock. */
  readonly now: () => number
  readonly monotonicNow: () => number
}

/** The tables that the protocol reads and writes. */
export interface ProtocolTables {
  readonly signIns: SignIns
  readonly grants: Grants
  readonly redemptions: Redemptions
  readonly renewals: Renewals
  readonly devices: Pick<Devices, 'endSession'>
  readonly deviceCodes: DeviceCodes
  readonly pushedRequests: PushedRequests
  readonly oneTime: OneTime
  readonly outbox: Pick<Outbox, 'sendsMail'>
}

/** The server's settings that the protocol needs. */
export interface ProtocolSettings {
  readonly issuer: string
  readonly signing: SigningDefaults & { readonly algorithms: readonly SigningAlgorithm[] }
  readonly refreshGraceMs: number
  /** Whether the lane answers the most frequent requests; otherwise the library answers all. */
  readonly lane: 'on' | 'off'
  readonly secondFactor: SecondFactorPolicy
  readonly clientMetadataDocuments: { readonly hosts: readonly string[] }
  /** Where clients with a certificate reach us, when it is not the issuer: an origin. */
  readonly mutualTlsUrl?: string | undefined
  /** False when all requests come from one untrusted proxy. */
  readonly addressesKnown: boolean
}

export interface ProtocolEvents extends GrantEvents {
  readonly log: Log
  /** A request in the name of a client was refused. */
  readonly refused: (client: OidcClient, refusal: SeenRefusal) => void
}
