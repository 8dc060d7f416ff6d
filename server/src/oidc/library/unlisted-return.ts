// Where a sign-out was to lead, when that address is not registered: it goes with the person, in the addresses of the pages, to the one that says so. Whoever
// writes such an address by hand sees what they wrote: it is shown as text, and leads nowhere.
import { currentRequest } from './current-request.ts'
import type { Context } from './shapes.ts'

interface Unlisted {
  readonly clientId: string
  readonly uri: string
}

/** Characters that are shown of it. */
const longest = 300

/** @returns what the sign-out has asked for that begins with this request */
export function unlistedNow({ oidc }: Context): Unlisted | undefined {
  const { unlistedReturn: uri } = currentRequest()
  return uri === undefined || oidc.client === undefined ? undefined : { clientId: oidc.client.clientId, uri }
}

/** @returns what the address of this page says; undefined for what its client has registered, and for what is no address */
export function unlistedIn({ oidc, query }: Context): string | undefined {
  const { unlisted: uri } = query
  if (oidc.client === undefined || typeof uri !== 'string' || uri.length > longest || !URL.canParse(uri))
    return undefined
  return oidc.client.postLogoutRedirectUriAllowed(uri) ? undefined : uri
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
