// The port of a source of people: describes people and checks passwords. PostgreSQL stores the rest for people of every source: record,
// sessions, grants, consents, lockout.
// Every source passes test/conformance/user-source.ts.
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { OtherSessions } from '../../store/people/standing.ts'
import type { Person, User } from '../../store/people/user.ts'
import type { PasswordFault } from '../passwords/passwords.ts'

export interface UserSource {
  /** One word for logs and records, such as `postgres`. It cannot be renamed: it is in the records of its people. */
  readonly id: string
  /** Milliseconds: the greatest age of an answer of `look`. 0: always current. */
  readonly maxAgeMs: number
  /** Milliseconds. Given where somebody else decides how long a check takes: then every refusal, of whichever source and reason, waits
   *  for the next full step, so that its time does not show what it was. */
  readonly refusalStepMs?: number | undefined
  /** Describes a person, with data that are at most `maxAgeMs` old.
   *  @returns undefined when the source no longer has the person
   *  @throws CodedError STORE_UNAVAILABLE when it does not answer: never "no such person" */
  read(user: User): Promise<Person | undefined>
  /** Checks a password. Whether another attempt is allowed was decided before.
   *  @param attempt.known the person whom our records have under this login, if any
   *  @param attempt.mayTry where a person has several names: asked with the source's lasting name of whom it found, before the password is
   *  looked at. False: the account is locked, under whichever name
   *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL: never an answer */
  checkPassword(attempt: PasswordAttempt): Promise<PasswordAnswer>
  /** Whether somebody there has one of these names, as user name, as e-mail address or to sign in with. Absent where all names are in our
   *  records.
   *  @throws CodedError STORE_UNAVAILABLE */
  knows?(names: readonly string[]): Promise<boolean>
  /** Takes as long as the check of a wrong password, and asks nobody: the time must not show that an account is locked. */
  pretendToCheck(password: string): Promise<void>
  /** Absent where passwords are changed elsewhere.
   *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL */
  changePassword?(account: LoadedAccount, change: PasswordChange): Promise<ChangePasswordOutcome>
}

export interface PasswordAttempt {
  readonly login: string
  readonly password: string
  readonly known: KnownPerson | undefined
  readonly mayTry: (key: string) => Promise<boolean>
}

export interface KnownPerson {
  readonly user: User
  /** PHC string; undefined when this database has no password of theirs. */
  readonly passwordHash: string | undefined
}

export type PasswordAnswer =
  /** `found`: how the source describes the person, to create or update the record. Absent: all is in the record. */
  | { readonly kind: 'right'; readonly found?: { readonly key: string; readonly person: Person } | undefined }
  | { readonly kind: 'wrong' }
  /** It is right, and the source wants another one first, which the person has to choose there. */
  | { readonly kind: 'must-change' }
  /** `mayTry` said no. */
  | { readonly kind: 'locked' }
  /** The source has nobody with this login. */
  | { readonly kind: 'unknown' }

export interface PasswordChange {
  readonly next: string
  /** For a required change: the standing at the time of the sign-in. When it has changed since, nothing is done. */
  readonly standing?: string | undefined
  /** For a change that the person wants: the standing when the current password was checked. As above. */
  readonly proved?: string | undefined
  /** The token of a link `reset` that the person got by mail: it is used up by the change, and without a live one nothing is done. */
  readonly link?: string | undefined
  readonly others?: OtherSessions | undefined
  readonly event: AuditEvent
  /** Of the request, for the mail about it. */
  readonly languages?: readonly string[] | undefined
}

export type ChangePasswordOutcome =
  /** The standing after the change, and when it began, by the clock of the database. */
  | { readonly kind: 'changed'; readonly standing: string; readonly since: Date }
  | { readonly kind: 'refused'; readonly faults: readonly PasswordFault[] }
  /** Nothing was changed: the person has another standing by now, is disabled, or does not have to change it. */
  | { readonly kind: 'ended' }
