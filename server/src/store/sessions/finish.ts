// What a sign-in ends with, all of it or nothing.
import type { Mail } from '../../mails.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AttemptKeys } from '../people/attempts.ts'
import type { AddedConsent, Consent } from '../people/consents.ts'
import type { NewGrant } from '../tokens/grants.ts'

/** A session of a person, and the client that it is used for now. */
export interface DeviceUse {
  readonly sessionUid: string
  readonly userId: string
  /** Of the session cookie. Cookies with an older version are refused from now on. */
  readonly version: number
  readonly authTime: Date
  /** Milliseconds from now. */
  readonly lifeMs: number
  readonly agent?: string | undefined
  readonly ip?: string | undefined
  /** All three, or none when the session is for no client (account pages). */
  readonly clientUid?: string | undefined
  readonly clientId?: string | undefined
  readonly sid?: string | undefined
}

interface PersonOfFinish {
  readonly userId: string
  readonly standing: string
  /** The client that the person had allowed something for good, and since when. Nothing is written when they have taken it back. */
  readonly consentedTo?: Pick<Consent, 'clientUid' | 'grantedAt'> | undefined
  /** Another session of theirs, beside which they signed in. Nothing is written when it has ended. */
  readonly beside?: string | undefined
}

export interface Finish {
  /** Whose sign-in it is, and their standing when it began. Nothing is written when it has changed, or the person is disabled. */
  readonly person?: PersonOfFinish | undefined
  /** The interaction that this answers; it can be answered once. Undefined when there was none: no page was shown. */
  readonly mark?: { readonly id: string; readonly expiresAt: Date } | undefined
  readonly device?: DeviceUse | undefined
  readonly consent?: AddedConsent | undefined
  readonly grant?: NewGrant | undefined
  /** Counters of the attempt that succeeded; cleared with the rest. */
  readonly clearAttempts?: AttemptKeys | undefined
  /** The browser that the person signed in with, by a hash of its cookie. When they have used others but not this one, the mail is queued. */
  readonly browser?: { readonly id: string; readonly mail: Mail | undefined } | undefined
  /** The device that it is for, with what its tokens are made of. Nothing is written when somebody decided on it before. */
  readonly deviceCode?: { readonly id: string; readonly payload: Readonly<Record<string, unknown>> } | undefined
  /** The session of another person that the browser had before: it ends with this sign-in, and stays without it. */
  readonly leaves?: { readonly sessionUid: string; readonly audit: readonly AuditEvent[] } | undefined
  readonly audit: readonly AuditEvent[]
}
