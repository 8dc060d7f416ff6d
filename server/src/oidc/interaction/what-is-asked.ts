// The questions of a sign-in, in their order.
import { parseJsonRecord } from '@nauthera/runtime/json'
import { isEnough } from '../acr.ts'
import type { NeededAcr } from '../acr.ts'
import { isOfAllowedGroup } from '../../store/tokens/what-counts.ts'
import { allowedGroupsOf } from '../clients/access.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { ConsentVerdict } from './consent.ts'

/** What is known when the library decides whether to ask a person something. */
export interface AuthorizationState {
  readonly client: Pick<OidcClient, 'config'>
  /** The account of the browser's session. */
  readonly sessionAccountId: string | undefined
  /** The `sub` under which the client knows that account. */
  readonly sessionSubject: string | undefined
  /** Whether that account exists, is enabled, and its session is valid. */
  readonly hasAccount: boolean
  /** An `id_token_hint` that the library has not compared with the session. */
  readonly uncheckedHint: string | undefined
  /** How the person of the session signed in, and what the request needs. */
  readonly acr: string | undefined
  readonly neededAcr: () => NeededAcr
  /** Seconds since the person of the session proved who they are, and how many the request allows (`max_age`). */
  readonly signInAge: number | undefined
  readonly maxAge: number | undefined
  /** Names of the person's groups. */
  readonly groups: readonly string[]
  /** Computed on demand. */
  readonly consent: () => ConsentVerdict
}

/** The reason to ask a person whose session is not alive any more. */
export const sessionEnded = 'session_ended'

/** The reason to ask a person who has a session for a second factor. */
export const acrNotReached = 'acr_not_reached'

/** Seconds that a person has for the pages behind a sign-in, however short `max_age` is: else it would be asked for again and again. */
const leastAge = 60

/** A question that a page asks a person. */
export interface Question {
  readonly prompt: 'select_account' | 'login' | 'access' | 'consent'
  /** Whether a request may name it in `prompt`. */
  readonly requestable: boolean
  /** When the question is asked. The library adds its own reasons for `login` and for the `prompt` of a request. */
  readonly reasons: readonly Reason[]
}

export interface Reason {
  readonly name: string
  readonly description: string
  /** The error that a request with `prompt=none` gets. */
  readonly error: string
  readonly holds: (state: AuthorizationState) => boolean
  /** The error of a request for which it still holds when the person has just answered: the page would come again and again. */
  readonly whenAnswered?: 'unmet_authentication_requirements'
}

/** Asked in this order: the first question that has a reason. */
export const questions: readonly Question[] = [
  { prompt: 'select_account', requestable: true, reasons: [] },
  {
    prompt: 'login',
    requestable: true,
    reasons: [
      {
        name: sessionEnded,
        description: 'the session has ended',
        error: 'login_required',
        holds: ({ sessionAccountId, hasAccount }) => sessionAccountId !== undefined && !hasAccount,
      },
      {
        // the library compares the hint at /authorize only, not after a sign-in; tokens of another person must never go out
        // (OpenID Connect Core 3.1.2.2)
        name: 'id_token_hint_of_another',
        description: 'the person who is signed in is not the one in id_token_hint',
        error: 'login_required',
        holds: ({ uncheckedHint, sessionSubject }) =>
          uncheckedHint !== undefined && subjectOf(uncheckedHint) !== sessionSubject,
      },
      {
        // the library looks at this before it asks, not when the person has answered: a consent page may have stood open meanwhile
        name: 'sign_in_too_old',
        description: 'the sign-in became older than max_age while its pages were open',
        error: 'login_required',
        holds: ({ signInAge, maxAge }) =>
          signInAge !== undefined && maxAge !== undefined && signInAge > Math.max(maxAge, leastAge),
      },
      {
        name: acrNotReached,
        description: 'the sign-in of this session is not the one that the request needs (acr)',
        error: 'login_required',
        whenAnswered: 'unmet_authentication_requirements',
        holds: ({ sessionAccountId, acr, neededAcr }) => sessionAccountId !== undefined && !isEnough(neededAcr(), acr),
      },
    ],
  },
  {
    prompt: 'access',
    requestable: false,
    reasons: [
      {
        name: 'not_allowed',
        description: 'the account is in no group that may use this client',
        error: 'access_denied',
        holds: ({ client, groups }) => !isOfAllowedGroup(allowedGroupsOf(client), groups),
      },
    ],
  },
  {
    prompt: 'consent',
    requestable: true,
    reasons: [
      {
        name: 'not_agreed',
        description: 'the person has not agreed to everything that the request asks for',
        error: 'consent_required',
        holds: ({ consent }) => consent().open !== undefined,
      },
    ],
  },
]

/** Does not verify the token: that was done when its request came in, and it was in an encrypted cookie since. */
function subjectOf(idToken: string): unknown {
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()
  return parseJsonRecord(payload)?.['sub']
}
