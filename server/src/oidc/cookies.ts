import type { IncomingMessage, ServerResponse } from 'node:http'

/** How cookies of this issuer are named and bound. */
export interface CookieScope {
  readonly secure: boolean
  /** Path of the issuer, at least `/`. */
  readonly path: string
  readonly session: string
  readonly interaction: (uid: string) => string
  readonly interactionPrefix: string
}

/** `__Host-` (no Domain, Path=/, Secure) where the issuer has no path; behind a path another application may share the
 *  host, so the path binds. */
export function cookieScope(issuer: URL): CookieScope {
  const secure = issuer.protocol === 'https:'
  const path = issuer.pathname.replace(/\/$/, '') || '/'
  const prefix = secure ? (path === '/' ? '__Host-' : '__Secure-') : ''
  return {
    secure,
    path,
    session: `${prefix}nauthera_session`,
    interaction: (uid) => `${prefix}nauthera_i_${uid}`,
    interactionPrefix: `${prefix}nauthera_i_`,
  }
}

/** @returns cookies by name; of several with one name the first (RFC 6265 section 5.4 puts the longest path first) */
export function readCookies(request: IncomingMessage): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim()
    if (at > 0 && !cookies.has(name)) cookies.set(name, part.slice(at + 1).trim())
  }
  return cookies
}

/** Sets a cookie, in place of one with that name that this response sets already.
 *  @param options.maxAge seconds; absent: until the browser ends; 0 removes it */
export function setCookie(
  response: ServerResponse,
  scope: CookieScope,
  cookie: { name: string; value: string; maxAge?: number },
): void {
  if (response.headersSent) return
  const present = response.getHeader('set-cookie')
  const list = Array.isArray(present) ? present : present === undefined ? [] : [String(present)]
  const others = list.filter((line) => !line.startsWith(`${cookie.name}=`) && !line.startsWith(`${cookie.name}.sig=`))
  const age = cookie.maxAge === undefined ? '' : `; Max-Age=${cookie.maxAge}`
  const line = `${cookie.name}=${cookie.value}; Path=${scope.path}${age}; HttpOnly; SameSite=Lax${scope.secure ? '; Secure' : ''}`
  response.setHeader('set-cookie', [...others, line])
}
