import type { Peer } from '../reply.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { LoadedAccount } from '../store/accounts.ts'
import type { Exchange } from './cookies.ts'

/** What one request carries past the library, whose hooks see too little of each other. */
export interface RequestContext extends Exchange {
  readonly correlationId: string
  readonly peer: Peer
  /** The sealed artefact that the request is about, as its payload. */
  artefact?: Readonly<Record<string, unknown>>
  /** One query serves grant, account and session of a request. */
  loaded?: { readonly key: string; readonly account: LoadedAccount | undefined }
  /** The refresh family after this request's use of it. */
  family?: RotatedFamily
  /** Set when PostgreSQL failed this request: the answer becomes 503, whatever the library made of it. */
  unavailable?: boolean
  /** Hands the request to the next handler: the library has no such path. */
  passOn?: () => void
  /** Which live secret of the client matched. */
  secret?: { readonly secretId: string; readonly previous: boolean }
}

/** A refresh family at one use of it. Epoch milliseconds. */
export interface RotatedFamily {
  readonly seq: number
  readonly rotatedAt: number
  readonly expiresAt: number
}

/** What every audit event says about the request. */
export function auditedRequest({
  peer,
  correlationId,
}: Pick<RequestContext, 'peer' | 'correlationId'>): Pick<AuditEvent, 'address' | 'agent' | 'correlationId'> {
  return { address: peer.address, agent: peer.userAgent, correlationId }
}
