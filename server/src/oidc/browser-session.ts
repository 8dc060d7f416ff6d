// Loads and renews the browser's session, for pages outside of an authorization request.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { LoadedAccount } from '../store/sessions/accounts.ts'
import { sessionCounts } from '../store/tokens/what-counts.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import { acrOf } from './acr.ts'
import { readCookies, setCookie } from './cookies.ts'
import type { CookieScope, Exchange } from './cookies.ts'
import type { SessionCookies, SessionPayload } from './session-cookie.ts'

/** The session of a browser, for pages that belong to no authorization request. */
export interface BrowserSessions {
  /** The session in the cookie. Only the database knows whether it has ended. */
  shown(request: IncomingMessage): SessionPayload | undefined
  /** Loads the session, with one query of the database.
   *  @returns undefined when the session has ended or expired, or the person is disabled or deleted
   *  @throws CodedError STORE_UNAVAILABLE */
  load(request: IncomingMessage): Promise<LiveSession | undefined>
  /** Sets the session cookie with a new version; cookies of lower versions are refused.
   *  @param raised.amr the new `amr`; default: unchanged */
  renew(exchange: Exchange, raised: { version: number; amr?: readonly string[] }): void
}

export interface LiveSession {
  readonly uid: string
  /** Of the cookie. */
  readonly version: number
  /** Epoch seconds of the last authentication. */
  readonly authTime: number
  readonly amr: readonly string[]
  readonly acr: string | undefined
  readonly account: LoadedAccount
}

/** @param needs.now epoch milliseconds */
export function createBrowserSessions(needs: {
  sessions: SessionCookies
  scope: CookieScope
  users: Pick<UserSources, 'load'>
  now: () => number
}): BrowserSessions {
  const shown = (request: IncomingMessage) => needs.sessions.verify(readCookies(request).get(needs.scope.session) ?? '')
  return {
    shown,
    renew({ request, response }, raised) {
      const session = shown(request)
      if (session === undefined) return
      const value = needs.sessions.sign({ ...session, ...raised, jti: randomBytes(16).toString('base64url') })
      const maxAge =
        session.transient === true ? {} : { maxAge: Math.max(0, session.exp - Math.floor(needs.now() / 1000)) }
      setCookie(response, needs.scope, { name: needs.scope.session, value, ...maxAge })
    },
    async load(request) {
      const session = shown(request)
      if (session?.accountId === undefined || session.loginTs === undefined) return undefined
      const { uid, version = 1, accountId: userId, loginTs: authTime, amr = [] } = session
      const account = await needs.users.load({
        userId,
        session: { uid, version, authTime: new Date(authTime * 1000) },
      })
      if (account === undefined || !sessionCounts(account)) return undefined
      return { uid, version, authTime, amr, acr: acrOf(amr), account }
    },
  }
}
