import { accessOf } from '../clients/access.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { ConsentVerdict } from './consent.ts'

/** What is known when the library looks whether a person must be asked something. */
export interface AuthorizationState {
  readonly client: Pick<OidcClient, 'config'>
  /** Whose the browser's session is. */
  readonly sessionAccountId: string | undefined
  /** Whether that account may go on: it is there, enabled, and the session still holds. */
  readonly hasAccount: boolean
  /** An `id_token_hint` that the library has not compared with the session. */
  readonly uncheckedHint: string | undefined
  /** Of the person, by name. */
  readonly groups: readonly string[]
  /** Worked out when it is asked for. */
  readonly consent: () => ConsentVerdict
}

/** A page's question to a person. */
export interface Question {
  readonly prompt: 'select_account' | 'login' | 'access' | 'consent'
  /** Whether a request may ask for it by `prompt`. */
  readonly requestable: boolean
  /** When it is asked; the library has reasons of its own for `login` and for what a request asks for. */
  readonly reasons: readonly Reason[]
}

export interface Reason {
  readonly name: string
  readonly description: string
  /** The answer to `prompt=none`. */
  readonly error: string
  readonly holds: (state: AuthorizationState) => boolean
}

/** In this order; the first that has a reason is asked. */
export const questions: readonly Question[] = [
  { prompt: 'select_account', requestable: true, reasons: [] },
  {
    prompt: 'login',
    requestable: true,
    reasons: [
      {
        name: 'session_ended',
        description: 'the session has ended',
        error: 'login_required',
        holds: ({ sessionAccountId, hasAccount }) => sessionAccountId !== undefined && !hasAccount,
      },
      {
        // the library compares at /auth; after a sign-in it knows the hint no more (Core 3.1.2.2: never another's tokens)
        name: 'id_token_hint_of_another',
        description: 'another person than the one asked for',
        error: 'login_required',
        holds: ({ uncheckedHint, sessionAccountId }) =>
          uncheckedHint !== undefined && subjectOf(uncheckedHint) !== sessionAccountId,
      },
    ],
  },
  {
    prompt: 'access',
    requestable: false,
    reasons: [
      {
        name: 'not_allowed',
        description: 'the account may not use this client',
        error: 'access_denied',
        holds: ({ client, groups }) => accessOf(client.config, groups).kind === 'refused',
      },
    ],
  },
  {
    prompt: 'consent',
    requestable: true,
    reasons: [
      {
        name: 'not_agreed',
        description: 'the person has not agreed to all of this',
        error: 'consent_required',
        holds: ({ consent }) => consent().open !== undefined,
      },
    ],
  },
]

/** Of an ID token that was verified when its request came in, and lay in an encrypted cookie since. */
function subjectOf(idToken: string): unknown {
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()
  return (JSON.parse(payload) as { sub?: unknown }).sub
}
