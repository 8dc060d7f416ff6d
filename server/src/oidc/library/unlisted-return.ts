// Passes an unregistered post_logout_redirect_uri through the sign-out pages, to show it at the end. Anybody can create such a link, so
// the page shows only a short part of it, without a link. The log has it without its query.
import { currentRequest } from './current-request.ts'
import type { Context } from './shapes.ts'

interface Unlisted {
  readonly clientId: string
  readonly uri: string
}

/** Characters of it that go with the person. */
const longest = 300

/** Characters of it that are shown. */
const longestShown = 120

/** The own scheme of an installed application: a domain, backwards. */
const appScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/

/** @returns what the sign-out has asked for that begins with this request */
export function unlistedNow({ oidc }: Context): Unlisted | undefined {
  const { unlistedReturn: uri } = currentRequest()
  return uri === undefined || oidc.client === undefined ? undefined : { clientId: oidc.client.clientId, uri }
}

/** @returns what the page says of the address in its own; undefined for one that its client has registered */
export function unlistedIn({ oidc, query }: Context): { readonly shown: string | undefined } | undefined {
  const { unlisted: uri } = query
  if (oidc.client === undefined || typeof uri !== 'string' || oidc.client.postLogoutRedirectUriAllowed(uri))
    return undefined
  return { shown: shownOf(uri) }
}

/** @returns where an address of the web or of an application leads, without its query; undefined for what could be words to a person
 *  @internal read by a test alone */
export function shownOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined
  const { protocol, host, pathname, search } = new URL(uri)
  const isWeb = protocol === 'https:' || protocol === 'http:'
  if (!isWeb && !appScheme.test(protocol)) return undefined
  const place = `${host === '' ? '' : `//${host}`}${pathname}`
  if (!place.startsWith('/') || /\s|%20/.test(uri)) return undefined
  const shown = `${protocol}${place}${search === '' ? '' : '?…'}`
  return shown.length > longestShown ? undefined : shown
}

export function withUnlisted(page: string, unlisted: Unlisted | undefined): string {
  if (unlisted === undefined) return page
  const url = new URL(page)
  url.searchParams.set('client_id', unlisted.clientId)
  url.searchParams.set('unlisted', unlisted.uri.slice(0, longest))
  return url.href
}

/** After the confirmation: to the page that says so.
 *  @param location where the library leads
 *  @returns undefined: there */
export function confirmedReturn({ query }: Context, location: string): string | undefined {
  const { client_id: clientId, unlisted: uri } = query
  if (typeof clientId !== 'string' || typeof uri !== 'string' || new URL(location).search !== '') return undefined
  return withUnlisted(location, { clientId, uri })
}
