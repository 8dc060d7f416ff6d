import type { Peer } from '../reply.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { LoadedAccount } from '../store/accounts.ts'
import type { Presented } from './certificates/presented.ts'
import type { Exchange } from './cookies.ts'

/** Data of one request that our hooks share. The library itself passes nothing from one hook to another. */
export interface RequestContext extends Exchange {
  readonly correlationId: string
  readonly peer: Peer
  /** The certificate that the request shows. */
  readonly certificate: Presented
  /** Payload of the code or token that the request is about. */
  artefact?: Readonly<Record<string, unknown>>
  /** The sealed `request_uri` that this request began with, or its interaction did. */
  sealedRequest?: string
  /** The JWT that the request is about (introspection, revocation). */
  signedToken?: string
  /** What it says, once it was verified. */
  verifiedToken?: Promise<Readonly<Record<string, unknown>> | undefined>
  /** Grant, account and session, loaded by one query for the whole request. */
  loaded?: { readonly key: string; readonly account: LoadedAccount | undefined }
  /** The refresh family, after this request has rotated it. */
  family?: RotatedFamily
  /** Set when PostgreSQL did not answer: the response becomes 503, whatever the library made of the error. */
  unavailable?: boolean
  /** Passes the request to the next handler, for paths that the library does not have. */
  passOn?: () => void
  /** Which identity a token of the client's platform has proved, in words. */
  identity?: string
  /** Which of the client's valid secrets matched. */
  secret?: { readonly secretId: string; readonly previous: boolean }
}

/** A refresh family after one rotation. Times in epoch milliseconds. */
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
