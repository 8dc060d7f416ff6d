import { hasShape } from '@nauthera/runtime/json'
import type { AttemptKeys } from '../../store/people/attempts.ts'
import type { AgreedNow } from './consent.ts'

/** The library's data of an interaction, as far as we read it. The rest is given back unchanged. */
export interface LibraryPart {
  /** Why the library asks the person. */
  readonly prompt: { readonly name: string; readonly reasons: readonly string[] }
  readonly params: AuthorizationParams
  /** URL of the resume endpoint. */
  readonly returnTo: string
  /** Epoch seconds. */
  readonly exp: number
  /** The browser's session when the interaction began. */
  readonly session?: { readonly accountId?: string; readonly uid?: string }
  /** The result of an earlier interaction of the same request. */
  readonly lastSubmission?: Submission
  readonly result?: Submission
  /** Id of the device code that it is about. */
  readonly deviceCode?: string
  /** What the person typed, in the first interaction for a device. */
  readonly userCode?: string
  /** `jti` of the pushed request that it began with. */
  readonly parJti?: string
  /** The pushed request itself, when it is sealed and its long parameters were left out (pushed-params). */
  readonly sealedRequest?: string
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

export const isAuthorizationParams = (value: unknown): value is AuthorizationParams => hasShape(value, paramsShape)

const paramsShape = {
  required: { client_id: 'string' },
  optional: { redirect_uri: 'string', scope: 'string', claims: 'string', prompt: 'string' },
} as const

/** The result of an interaction. `finish` gives it to the library, and our hooks read it. */
export interface Submission {
  readonly login?: {
    readonly accountId: string
    /** Epoch seconds. */
    readonly ts: number
    /** Absent when nothing is known. */
    readonly amr?: readonly string[]
    readonly acr?: string
    readonly remember: boolean
    /** Counters of failed attempts; cleared when the sign-in is finished. */
    readonly attempt?: AttemptKeys
    /** The account's standing when the password was checked. */
    readonly standing?: string
    /** As in `Login`. */
    readonly beside?: string
    /** The session of another person that this browser had before. It ends with the sign-in. */
    readonly leaves?: { readonly uid: string; readonly accountId: string }
  }
  readonly consent?: AgreedNow
  readonly select_account?: object
  /** The person said that the device is theirs. */
  readonly deviceConfirmed?: true
  /** The library was asked for the end of the sign-in before, and PostgreSQL gave no answer: it may have been stored. */
  readonly unanswered?: true
  /** Set when the person refused. */
  readonly error?: string
  readonly error_description?: string
}
