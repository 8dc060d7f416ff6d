// The port to the library's resume endpoint, where a sign-in ends. Calling it directly saves the browser a redirect.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import type { LibraryPart } from './library-part.ts'

/** @returns the redirect to the client, with the cookies that go with it; undefined when the browser has to ask, `unanswered` when it has to and PostgreSQL may
 *    have stored the sign-in */
export type Resume = (of: {
  /** URL of the resume endpoint. */
  readonly returnTo: string
  readonly uid: string
  readonly redirectUri: string
  /** Gives the interaction to the request that takes the place of the browser's. */
  readonly hand: (request: IncomingMessage) => void
  /** The person, when they were loaded just now. */
  readonly account?: { readonly key: string; readonly account: Promise<LoadedAccount | undefined> } | undefined
}) => Promise<{ readonly location: string; readonly cookies: readonly string[] } | 'unanswered' | undefined>

/** Whether an interaction has the usual end: a redirect, about which nothing is used up unless it succeeds. */
export function endsByRedirect({ params, deviceCode, parJti, sealedRequest }: LibraryPart): boolean {
  const { response_mode: mode } = params
  const isPushed = parJti !== undefined || sealedRequest !== undefined
  return deviceCode === undefined && !isPushed && (mode === undefined || mode === 'query')
}

/** Whether a redirect leads back to the client with an answer, good or bad, and not to a further question. */
export function isAnswer(location: string, redirectUri: string): boolean {
  const [to, back] = [URL.parse(location), URL.parse(redirectUri)]
  if (!to || !back || to.protocol !== back.protocol || to.host !== back.host || to.pathname !== back.pathname)
    return false
  return to.searchParams.has('code') || to.searchParams.has('error')
}

/** Adds cookies to those that a response already sets; of two with one name and path the later one counts. */
export function addCookies(response: ServerResponse, cookies: readonly string[]): void {
  response.appendHeader('set-cookie', cookies)
}
