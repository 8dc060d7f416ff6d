// The names and paths of the cookies.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { paths } from '@nauthera/rules/endpoints'

/** A request and its response, to read cookies from and to set them on. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Where an interaction goes on when its person was asked: at the authorization endpoint, or at that of devices. */
export type ResumePlace = 'resume' | 'device'
/** Paths to which a browser sends the cookie of an interaction. */
export type InteractionPlace = 'pages' | ResumePlace

/** How cookies of this issuer are named and bound. */
export interface CookieScope {
  readonly secure: boolean
  /** Path of the issuer, at least `/`. */
  readonly path: string
  readonly session: string
  /** Tells a browser that somebody signed in with before from a new one. It opens nothing. */
  readonly browser: string
  /** The browser sends an interaction's cookie only to the pages or the resume endpoint of that interaction. So a
   *  request carries the cookies of one tab, however many tabs are open. */
  readonly interaction: (uid: string) => { readonly name: string } & Readonly<Record<InteractionPlace, string>>
  /** Names of the two cookies that the library itself sets for an interaction: one for its pages, one for its resume
   *  endpoint. */
  readonly library: { readonly pages: string; readonly resume: string }
  /** The cookie that lists the interactions this browser has begun. It is sent to the authorization and resume
   *  endpoints, where interactions begin and end; those of devices have a list of their own. */
  readonly begun: Readonly<Record<'name' | ResumePlace, string>>
  /** Names what was done just now, for the next page that the person sees. It is not signed: at most it shows a text of ours. */
  readonly said: string
  /** What a person who links a sign-in at another provider was sent there with, encrypted. */
  readonly linking: { readonly name: string; readonly path: string }
  /** Lists who signed in with this browser and wanted to stay signed in. It opens nothing. */
  readonly remembered: { readonly name: string; readonly path: string }
  /** Names the session that has just ended, for the page that says what ended with it. */
  readonly ended: { readonly name: string; readonly path: string }
}

/** The session cookie is `__Host-` (no Domain, Path=/, Secure) when the issuer has no path. When it has one, another
 *  application may share the host, so the cookie gets that path and `__Secure-`, as the narrower ones have. */
export function cookieScope(issuer: URL): CookieScope {
  const secure = issuer.protocol === 'https:'
  const base = issuer.pathname.replace(/\/$/, '')
  const narrow = secure ? '__Secure-' : ''
  return {
    secure,
    path: base || '/',
    session: `${secure && base === '' ? '__Host-' : narrow}nauthera_session`,
    browser: `${secure && base === '' ? '__Host-' : narrow}nauthera_browser`,
    interaction: (uid) => ({
      name: `${narrow}nauthera_i_${uid}`,
      pages: `${base}${paths.interaction}/${uid}`,
      resume: `${base}${paths.authorization}/${uid}`,
      device: `${base}${paths.device}/${uid}`,
    }),
    library: { pages: 'nauthera_interaction', resume: 'nauthera_resume' },
    begun: {
      name: `${narrow}nauthera_begun`,
      resume: `${base}${paths.authorization}`,
      device: `${base}${paths.device}`,
    },
    said: `${narrow}nauthera_said`,
    linking: { name: `${narrow}nauthera_linking`, path: `${base}${paths.account}/security/upstream` },
    remembered: { name: `${narrow}nauthera_remembered`, path: `${base}${paths.interaction}` },
    ended: { name: `${narrow}nauthera_ended`, path: `${base}${paths.endSession}` },
  }
}

/** @returns cookies by name; of several with one name the first (RFC 6265 section 5.4 puts the longest path first) */
export function readCookies({ headers }: IncomingMessage): ReadonlyMap<string, string> {
  const { cookie = '' } = headers
  const known = parsed.get(headers)
  if (known?.cookie === cookie) return known.cookies
  const cookies = new Map<string, string>()
  for (const part of cookie.split(';')) {
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim()
    if (at > 0 && !cookies.has(name)) cookies.set(name, part.slice(at + 1).trim())
  }
  parsed.set(headers, { cookie, cookies })
  return cookies
}

/** By the headers of a request: its cookies are read several times. */
const parsed = new WeakMap<object, { readonly cookie: string; readonly cookies: ReadonlyMap<string, string> }>()

/** Sets a cookie; replaces one with the same name and path that this response already sets.
 *  @param cookie.path default: the issuer's
 *  @param cookie.maxAge seconds; absent: until the browser ends; 0 removes it */
export function setCookie(
  response: ServerResponse,
  scope: CookieScope,
  cookie: { name: string; value: string; path?: string; maxAge?: number },
): void {
  if (response.headersSent) return
  const { name, value, path = scope.path, maxAge } = cookie
  const present = response.getHeader('set-cookie')
  const list = Array.isArray(present) ? present : present === undefined ? [] : [String(present)]
  const isSame = (line: string) =>
    (line.startsWith(`${name}=`) || line.startsWith(`${name}.sig=`)) && pathOf(line) === path
  const age = maxAge === undefined ? '' : `; Max-Age=${maxAge}`
  const line = `${name}=${value}; Path=${path}${age}; HttpOnly; SameSite=Lax${scope.secure ? '; Secure' : ''}`
  response.setHeader('set-cookie', [...list.filter((other) => !isSame(other)), line])
}

const pathOf = (line: string): string | undefined => /; *path=([^;]*)/i.exec(line)?.[1]
