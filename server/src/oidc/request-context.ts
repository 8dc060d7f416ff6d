import type { RequestPeer } from '../reply.ts'
import type { AuditEvent } from '../store/audit/audit-event.ts'
import type { GrantedAccount, LoadedAccount } from '../store/sessions/accounts.ts'
import type { Presented } from './certificates/presented.ts'
import type { Exchange } from './cookies.ts'

/** Data of one request that our hooks share. The library itself passes nothing from one hook to another. */
export interface RequestContext extends Exchange {
  readonly correlationId: string
  readonly peer: RequestPeer
  /** The certificate that the request shows. */
  readonly certificate: Presented
  /** It came to the address for clients with certificates, which is not that of the issuer. */
  readonly isAtAlias?: boolean
  /** Payload of the code or token that the request is about. */
  artefact?: Readonly<Record<string, unknown>>
  /** The sealed `request_uri` that this request began with, or its interaction did. */
  sealedRequest?: string
  /** The JWT that the request is about (introspection, revocation). */
  signedToken?: string
  /** What it says, once it was verified. */
  verifiedToken?: Promise<Readonly<Record<string, unknown>> | undefined>
  /** Account and session, loaded by one query for the whole request. */
  loaded?: { readonly key: string; readonly account: LoadedAccount | undefined }
  /** The query for it, also one that failed: it is asked once. */
  loading?: { readonly key: string; readonly account: Promise<LoadedAccount | undefined> }
  /** The same of the code or token that the request is about, with its grant. */
  granted?: { readonly key: string; readonly account: Promise<GrantedAccount | undefined> }
  /** Whether the token without a grant that the request is about was revoked; asked once, too. */
  revoked?: { readonly jti: string; readonly is: Promise<boolean> }
  /** The refresh family, after this request has rotated it. */
  family?: RotatedFamily
  /** What the protocol tells the audit log, of a request whose answer may still be thrown away (library/resume-in-place.ts). */
  deferred?: AuditEvent[]
  /** Set when PostgreSQL did not answer: the response becomes 503, whatever the library made of the error. */
  unavailable?: boolean
  /** The scopes that an authorization request asks for and its client does not list (clients/left-out). */
  leftOut?: { readonly scopes: string | undefined }
  /** The API that this request means without naming it (clients/asked: meantApi). */
  meantApi?: string
  /** The same client secret came in the header and in the body. */
  secretTwice?: true
  /** The access token that this request trades for another one (RFC 8693), once it was judged. */
  exchange?: ExchangedToken
  /** Passes the request to the next handler, for paths that the library does not have. @param error for the handler of errors */
  passOn?: (error?: unknown) => void
  /** Where a sign-out was to lead, which its client has not registered. */
  unlistedReturn?: string
  /** The access token of the answer; an ID token beside it has its hash. */
  accessToken?: unknown
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

/** What is exchanged for what. */
export interface ExchangedToken {
  readonly subject: {
    readonly clientId: string
    readonly accountId: string
    readonly grantId: string
    readonly sessionUid: string | undefined
    /** Epoch seconds. */
    readonly exp: number
    /** The key and the certificate that whoever shows it must prove to have. */
    readonly jkt: string | undefined
    readonly certificate: string | undefined
  }
  /** The API that the new token is for, and its scopes. */
  readonly api: string
  readonly scope: string | undefined
  readonly act: Actor
  /** How the person signed in: what the subject token says of it. */
  readonly signIn: { readonly acr?: string; readonly auth_time?: number }
}

/** Who acts for the person; `act` is who acted before (RFC 8693 section 4.1). */
export interface Actor {
  readonly sub: string
  readonly act?: Actor
}

/** What every audit event says about the request. */
export function auditedRequest({
  peer,
  correlationId,
}: Pick<RequestContext, 'peer' | 'correlationId'>): Pick<AuditEvent, 'address' | 'agent' | 'correlationId'> {
  return { address: peer.address, agent: peer.userAgent, correlationId }
}
