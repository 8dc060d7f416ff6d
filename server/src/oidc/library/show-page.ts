// The library's request, as our pages are told of it, and a page as its answer.
import type { RenderedPage } from '../../reply.ts'
import type { PageAsk } from './protocol-pages.ts'
import { parameterOf, sessionOf } from './shapes.ts'
import type { Context } from './shapes.ts'

/** What is known of the request that a page answers. */
export function pageAsk(context: Context): PageAsk {
  // an error may come before the library has set `oidc`
  const client = context.oidc?.client
  const session = context.oidc && sessionOf(context)
  return {
    request: context.req,
    client: client && { clientId: client.clientId, redirectUris: client.redirectUris ?? [] },
    accountId: session?.accountId,
    sessionUid: session?.uid,
    parameter: (name) => parameterOf(context, name),
  }
}

/** Answers with a page. */
export function show(context: Context, page: RenderedPage): void {
  context.status = page.status
  for (const [name, value] of Object.entries(page.headers)) context.set(name, value)
  context.body = page.body
}
