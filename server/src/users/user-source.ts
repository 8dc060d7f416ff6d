// The port to where people come from: our own database, or a directory that others run. What is ours alone stays in PostgreSQL
// whatever the source: the record of a person with its id, sessions, grants, consents, preferences, the lockout. A source says who
// somebody is, and whether a password is theirs. Each one passes test/conformance/user-source.ts.
import type { LoadedAccount } from '../store/accounts.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { Person, User } from '../store/users.ts'
import type { PasswordFault } from './passwords.ts'

export interface UserSource {
  /** One word for logs and records, such as `postgres`. Never renamed: it is in the records of its people. */
  readonly id: string
  /** Milliseconds: how old an answer of `look` may be at most. 0: as of now. */
  readonly maxAgeMs: number
  /** What it says of somebody now, or said within `maxAgeMs`.
   *  @returns undefined when it has no such person any more
   *  @throws CodedError STORE_UNAVAILABLE when it does not answer: never "no such person" */
  look(user: User): Promise<Person | undefined>
  /** Whether a password is somebody's. Who may try, and how often, has been decided before.
   *  @param attempt.known whom the login names by our records; absent: nobody
   *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL: never an answer */
  checkPassword(attempt: { login: string; password: string; known: KnownPerson | undefined }): Promise<PasswordAnswer>
  /** Takes as long as a wrong password, and asks nobody: an account that is locked must not be told from one that is not. */
  pretendToCheck(password: string): Promise<void>
  /** Absent where passwords are changed elsewhere.
   *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL */
  changePassword?(account: LoadedAccount, change: PasswordChange): Promise<ChangePasswordOutcome>
}

export interface KnownPerson {
  readonly user: User
  /** PHC string; absent: this database has none of theirs. */
  readonly passwordHash: string | undefined
}

export type PasswordAnswer =
  /** `found`: as the source knows them, for the record to be made or renewed. Absent: the record is all there is. */
  | { readonly kind: 'right'; readonly found?: { readonly key: string; readonly person: Person } | undefined }
  | { readonly kind: 'wrong' }
  /** The login names nobody here. */
  | { readonly kind: 'unknown' }

export interface PasswordChange {
  readonly next: string
  /** Of the proof that a required change rests on: whoever proved the password first must not choose over a later change. */
  readonly standing?: string | undefined
  /** The session that it was changed in. */
  readonly keepSession?: string | undefined
  readonly event: AuditEvent
}

export type ChangePasswordOutcome =
  /** The standing after the change, and since when by the clock that sessions are compared with. */
  | { readonly kind: 'changed'; readonly standing: string; readonly since: Date }
  | { readonly kind: 'refused'; readonly faults: readonly PasswordFault[] }
  /** The person does not have the standing any more, is disabled, or has no need to change. */
  | { readonly kind: 'ended' }
