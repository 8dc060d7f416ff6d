// The names and paths of the cookies.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { paths } from '@nauthera/rules/endpoints'

/** A request and its response, to read cookies from and to set them on. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Where an interaction resumes: at the authorization endpoint or the device endpoint. */
export type ResumePlace = 'resume' | 'device'
/** Paths to which a browser sends the cookie of an interaction. */
export type InteractionPlace = 'pages' | ResumePlace

/** How cookies of this issuer are named and bound. */
export interface CookieScope {
  readonly secure: boolean
  /** Path of the issuer, at least `/`. */
  readonly path: string
  readonly session: string
  /** Recognizes a browser that was used before. It grants nothing. */
  readonly browser: string
  /** An interaction's cookie has the path of its pages or its resume endpoint, so a request only carries the cookies of one tab. */
  readonly interaction: (uid: string) => { readonly name: string } & Readonly<Record<InteractionPlace, string>>
  /** Names of the library's own two cookies for an interaction: for pages and for the resume endpoint. */
  readonly library: { readonly pages: string; readonly resume: string }
  /** The list of this browser's interactions. It is sent to the authorization and resume endpoints; devices have their own list. */
  readonly begun: Readonly<Record<'name' | ResumePlace, string>>
  /** The key of a message for the next page. Unsigned: it can only show one of our texts. */
  readonly said: string
  /** The encrypted state of a redirect to link an identity. */
  readonly linking: { readonly name: string; readonly path: string }
  /** A random value, so that a form that stands for nobody is this browser's. It grants nothing. */
  readonly form: string
  /** The remembered accounts of this browser. It grants nothing. */
  readonly remembered: { readonly name: string; readonly path: string }
  /** The session that just ended, for the page that describes what ended. */
  readonly ended: { readonly name: string; readonly path: string }
}

/** The session cookie is `__Host-` (no Domain, Path=/, Secure) for an issuer without a path. With a path another application may share the
 *  host, so the cookie gets the path and `__Secure-`. */
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
    form: `${secure && base === '' ? '__Host-' : narrow}nauthera_form`,
    linking: { name: `${narrow}nauthera_linking`, path: `${base}${paths.account}/security/upstream` },
    remembered: { name: `${narrow}nauthera_remembered`, path: `${base}${paths.interaction}` },
    ended: { name: `${narrow}nauthera_ended`, path: `${base}${paths.endSession}` },
  }
}

/** @returns cookies by name; the first of several (RFC 6265 section 5.4: the longest path comes first) */
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

/** Parsed cookies by request headers. */
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
  const others = list.filter((line) => !isSame(line))
  // Node checks every value of a header that is set, and of one that is added to only what is new
  if (others.length < list.length) response.setHeader('set-cookie', others)
  const age = maxAge === undefined ? '' : `; Max-Age=${maxAge}`
  const line = `${name}=${value}; Path=${path}${age}; HttpOnly; SameSite=Lax${scope.secure ? '; Secure' : ''}`
  response.appendHeader('set-cookie', [line])
}

/** @returns the value of a cookie that tells this browser from others, which is set when it is missing
 *  @param maxAge seconds, from each time on */
export function nameBrowser(
  { request, response }: Exchange,
  scope: CookieScope,
  { name, maxAge }: { name: string; maxAge?: number },
): string {
  const shown = readCookies(request).get(name) ?? ''
  const isKnown = browserName.test(shown)
  const value = isKnown ? shown : randomBytes(16).toString('base64url')
  if (!isKnown || maxAge !== undefined)
    setCookie(response, scope, { name, value, ...(maxAge === undefined ? {} : { maxAge }) })
  return value
}

const browserName = /^[\w-]{22}$/

const pathOf = (line: string): string | undefined => /; *path=([^;]*)/i.exec(line)?.[1]
