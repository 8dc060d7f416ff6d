// The port to where people come from: PostgreSQL here, a directory later. Each implementation passes test/conformance/user-source.ts.
import type { AttemptKeys } from '../store/attempts.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { Profile } from '../store/users.ts'
import type { PasswordFault } from './passwords.ts'

export interface Account {
  /** The subject of tokens; a UUID. */
  readonly id: string
  readonly username: string
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly name: string | undefined
  readonly locale: string | undefined
  readonly profile: Profile
  readonly passwordChangeRequired: boolean
}

export type SignInOutcome =
  | {
      readonly kind: 'passed'
      readonly account: Account
      /** Names, sorted. */
      readonly groups: readonly string[]
      readonly amr: readonly ['pwd']
      /** Plain JSON. Give it to `signIns.finish` as `clearAttempts`: that forgets the failures of before. */
      readonly attempt: AttemptKeys
      /** The same for as long as no password was set and no sessions were ended; opaque. The sign-in counts while it is. */
      readonly standing: string
    }
  /** The reason is for the audit log only: text, status and time are the same for each. */
  | {
      readonly kind: 'refused'
      readonly reason: 'wrong-password' | 'unknown-user' | 'locked' | 'disabled'
      readonly userId: string | undefined
    }
  /** Too much at once from this address, or for this server: 429. */
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }

export type ChangePasswordOutcome =
  /** The standing of now, and since when by the clock that sessions are compared with. */
  | { readonly kind: 'changed'; readonly standing: string; readonly since: Date }
  | { readonly kind: 'refused'; readonly faults: readonly PasswordFault[] }
  /** The person does not have the standing any more, is disabled, or has no need to change. */
  | { readonly kind: 'ended' }

export interface UserSource {
  /** One word for logs and settings, such as `postgres`. */
  readonly id: string
  /** @param login user name or e-mail address in any spelling
   *  @throws CodedError STORE_UNAVAILABLE: never an outcome, and never counted */
  tryPassword(login: string, password: string, context: { address: string }): Promise<SignInOutcome>
  /** Takes a new password after its rules: other sessions and their grants end, a required change is done.
   *  @param change.standing of the proof that a required change rests on: whoever proved the password first must not
   *  choose over a later change
   *  @param change.keepSession the session that it was changed in
   *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL, USER_UNKNOWN */
  changePassword(change: {
    userId: string
    next: string
    standing?: string | undefined
    keepSession?: string | undefined
    event: AuditEvent
  }): Promise<ChangePasswordOutcome>
}
