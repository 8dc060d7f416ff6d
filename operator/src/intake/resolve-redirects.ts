// Gives a judged client the redirect URIs that follow its Ingresses and HTTPRoutes.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import type { FollowedRedirects, SharedList } from '../decide/client/follow-routes.ts'
import { keyOf } from '../decide/client/client-names.ts'
import type { RouteBook } from './route-book.ts'

/** What a client follows: `off` when this operator follows nothing, undefined when the client does not. */
export type ResolvedRedirects = FollowedRedirects | 'off' | undefined

/** @param client with the status that was applied last
 *  @param about.routes undefined when the operator follows nothing
 *  @param about.list where they stand in one list with its own
 *  @param about.now epoch milliseconds */
export function resolveRedirects(
  client: OIDCClient,
  { serve, binding }: Pick<Judgement, 'serve' | 'binding'>,
  {
    routes,
    list,
    now,
  }: {
    readonly routes: Pick<RouteBook, 'formerOf' | 'resolve' | 'remove'> | undefined
    readonly list?: SharedList | undefined
    readonly now: number
  },
): ResolvedRedirects {
  // the spec of a refused client may have any shape
  const sources = serve.kind === 'desired' ? (client.spec.redirectURIsFrom ?? []) : undefined
  const former = routes?.formerOf(client) ?? client.status?.redirectURIs ?? []
  const follows = (sources ?? former).length > 0
  if (!follows) routes?.remove(keyOf(client))
  if (!follows) return undefined
  return routes ? routes.resolve(client, { sources, policies: binding, list, now }) : 'off'
}

export const urisOf = (redirects: ResolvedRedirects): readonly string[] =>
  redirects === undefined || redirects === 'off' ? [] : redirects.uris.map(({ uri }) => uri)

/** The same client with all its redirect URIs, as its Secret and a mirror of it list them. Its version stays: it has only what is written. */
export function withRedirects(judgement: Judgement, redirects: ResolvedRedirects): Judgement {
  const followed = urisOf(redirects)
  if (followed.length === 0 || judgement.serve.kind !== 'desired') return judgement
  const { client } = judgement
  const redirectURIs = [...new Set([...(client.spec.redirectURIs ?? []), ...followed])]
  return { ...judgement, client: { ...client, spec: { ...client.spec, redirectURIs } } }
}
