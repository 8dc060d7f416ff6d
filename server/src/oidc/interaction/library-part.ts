import type { AttemptKeys } from '../../store/attempts.ts'
import type { AgreedNow } from './consent.ts'

/** What the library keeps of an interaction, as far as we read it. The rest it gets back as it was. */
export interface LibraryPart {
  /** Why it asks. */
  readonly prompt: { readonly name: string; readonly reasons: readonly string[] }
  readonly params: AuthorizationParams
  /** Where the library goes on. */
  readonly returnTo: string
  /** Epoch seconds. */
  readonly exp: number
  /** The browser's session when the interaction began. */
  readonly session?: { readonly accountId?: string; readonly uid?: string }
  /** What was answered in the interaction before this one, of the same request. */
  readonly lastSubmission?: Submission
  readonly result?: Submission
  /** Of the pushed request that it began with. */
  readonly parJti?: string
  readonly [name: string]: unknown
}

/** Parameters of an authorization request, as the library has checked them. */
export interface AuthorizationParams {
  readonly client_id: string
  readonly redirect_uri?: string
  readonly scope?: string
  readonly claims?: string
  readonly prompt?: string
  readonly resource?: string | readonly string[]
  readonly login_hint?: string
  readonly ui_locales?: string
  readonly [name: string]: unknown
}

/** How an interaction ended: what `finish` hands to the library, and the library's hooks read. */
export interface Submission {
  readonly login?: {
    readonly accountId: string
    /** Epoch seconds. */
    readonly ts: number
    readonly amr: readonly string[]
    readonly acr?: string
    readonly remember: boolean
    /** Counters that the end of the sign-in clears. */
    readonly attempt?: AttemptKeys
    /** Of the account when it was proved. */
    readonly standing?: string
  }
  readonly consent?: AgreedNow
  readonly select_account?: object
  /** Refused by the person. */
  readonly error?: string
  readonly error_description?: string
}
