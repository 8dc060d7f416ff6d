import type { IncomingMessage } from 'node:http'
import type { RenderedPage } from '../../reply.ts'
import { parameterOf, sessionOf } from './shapes.ts'
import type { Context } from './shapes.ts'

/** How the protocol's own pages look (http/protocol-pages). */
export interface ProtocolPages {
  error(ask: PageAsk, out: ErrorOut, fault: ProtocolFault): RenderedPage
  /** @param form where it goes, and the library's own token */
  logout(ask: PageAsk, form: { action: string; xsrf: string }): Promise<RenderedPage>
  signedOut(ask: PageAsk): RenderedPage
}

/** What such a page is about. Before the library has looked at the request, little of it is known. */
export interface PageAsk {
  readonly request: IncomingMessage & { readonly originalUrl?: string }
  readonly client: { readonly clientId: string; readonly redirectUris: readonly string[] } | undefined
  /** Whose the browser's session is. */
  readonly accountId: string | undefined
  /** A parameter of the request that came once. */
  readonly parameter: (name: string) => string | undefined
}

/** What the client would be told. */
export interface ErrorOut {
  readonly error: string
  readonly error_description?: string | undefined
}

/** What we read of an error that the library caught: its own, ours, or one of a broken world. */
export interface ProtocolFault {
  readonly name?: unknown
  readonly code?: unknown
  readonly status?: number
  readonly statusCode?: number
  /** For developers. */
  readonly error_detail?: string
}

export function pageAsk(context: Context): PageAsk {
  // an error may come before there is an `oidc`
  const client = context.oidc?.client
  return {
    request: context.req,
    client: client && { clientId: client.clientId, redirectUris: client.redirectUris ?? [] },
    accountId: context.oidc && sessionOf(context)?.accountId,
    parameter: (name) => parameterOf(context, name),
  }
}

/** Answers with a page. */
export function show(context: Context, page: RenderedPage): void {
  context.status = page.status
  for (const [name, value] of Object.entries(page.headers)) context.set(name, value)
  context.body = page.body
}
