// What a page is asked, and what it answers. `login/` and `oidc/` return these values; `http/` turns them into bytes. What each page shows
// is in `reply/`, a file an area. Nothing else of ours is imported here.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccountPages } from './reply/account-pages.ts'
import type { AdminPages } from './reply/admin-pages.ts'
import type { FactorPages } from './reply/factor-pages.ts'
import type { GeneralPages } from './reply/general-pages.ts'
import type { MailPages } from './reply/mail-pages.ts'
import type { PersonOnPage } from './reply/on-page.ts'
import type { SignInPages } from './reply/sign-in-pages.ts'

/** Every view (`views/<name>.eta`) with what it needs. Addresses (`…Action`) are paths below the origin. */
export interface Views extends SignInPages, FactorPages, MailPages, AccountPages, AdminPages, GeneralPages {}

export type ViewName = keyof Views

/** A page to render. `formTargets` are URLs to which a form of this page leads by redirects (the client's redirect URI): Chromium applies
 *  `form-action` to those too. */
export type Page = {
  [Name in ViewName]: {
    readonly kind: 'page'
    readonly view: Name
    readonly model: Views[Name]
    readonly status?: number | undefined
    readonly formTargets?: readonly string[] | undefined
    /** `ui_locales` of the request: they come first. */
    readonly languages?: readonly string[] | undefined
    /** Who reads it, when that is known: their language comes next, then Accept-Language. Of a page with an area it is the person there. */
    readonly reader?: PersonOnPage | undefined
    /** Seconds. */
    readonly retryAfter?: number | undefined
  }
}[ViewName]

/** A redirect to another address by GET (303). */
export interface Redirect {
  readonly kind: 'redirect'
  readonly location: string
}

export type Reply = Page | Redirect

/** A request as the handler of a page gets it: parsed once, by the page router. */
export interface PageRequest {
  readonly method: 'GET' | 'POST'
  readonly params: Readonly<Record<string, string>>
  /** What follows the `?` of the address. */
  readonly query: URLSearchParams
  /** Fields of a POST that has passed the form guard; empty for GET. */
  readonly form: URLSearchParams
  readonly peer: RequestPeer
  /** Tags of the browser, the most wanted first. */
  readonly languages: readonly string[]
  readonly correlationId: string
  readonly raw: { readonly request: IncomingMessage; readonly response: ServerResponse }
}

/** Who asks, for lockout, devices and audit. */
export interface RequestPeer {
  /** The address of the connection, or the one that a trusted proxy gives. */
  readonly address: string
  readonly userAgent: string
}

/** One row of a route table. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Below the issuer; a segment that begins with a colon is a parameter: `/interaction/:uid/sign-in`. */
  readonly path: string
  /** `session`: its forms are bound to the session of the browser. Each path with a POST then has a GET too: a form whose session is over
   *  leads there. `browser`: to this browser, of whom nobody signs in here. Else to the interaction or the mail link in the address. */
  readonly boundTo?: 'session' | 'browser'
  /** For a form of a page that is not for everybody: what somebody gets whom the page does not let in. It is asked before the form's own
   *  faults are told, so that a form tells no more than its page. */
  turnAway?(request: PageRequest): Promise<Reply | undefined>
  handle(request: PageRequest): Promise<Reply>
}

/** A page as bytes. */
export interface RenderedPage {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Renders a page for one request, for hooks of oidc-provider, which write their answer themselves. The Content-Security-Policy with
 *  the page's form targets is among the headers. */
export type RenderPage = (page: Page, request: IncomingMessage) => RenderedPage
