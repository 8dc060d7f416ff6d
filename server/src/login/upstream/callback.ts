// The address to which a provider leads back; it changes nothing.
import { paths } from '@nauthera/rules/endpoints'
import type { PageRequest, Reply, Route } from '../../reply.ts'
import { interactionPaths } from '../attempt/attempt.ts'
import { overPage } from '../attempt/over-page.ts'
import type { Federation } from './federation.ts'
import { movingOnPage } from './leave.ts'

/** The parameters of a provider's answer that are passed on. */
const carried = ['code', 'state', 'iss', 'error'] as const
/** Characters of one of them. */
const longest = 4000

/** A state with this prefix belongs to the account area. Any other begins with the uid of an interaction, which is longer. */
export const accountPrefix = 'account'

/** The address to which every provider sends the browser. It leads on to the interaction that the state names, or to the account area: the
 *  cookie that checks the answer is sent only there. It changes nothing.
 *
 *  A page, not a redirect: the provider's own page has a policy for what follows its form (`form-action`), which knows us but not the
 *  application that the person goes to in the end. */
export function createCallbackRoute(needs: { federation: Pick<Federation, 'upstreams'>; basePath: string }): Route {
  return {
    method: 'GET',
    path: `${paths.federation}/:upstream/callback`,
    handle: async (request) => lead(needs, request),
  }
}

function lead({ federation, basePath }: Parameters<typeof createCallbackRoute>[0], request: PageRequest): Reply {
  const upstream = federation.upstreams.find(({ id }) => id === request.params['upstream'])
  const answer = answerOf(request)
  const [, begun] = /^(account|[\w-]{10,64})\.[\w-]{20,100}$/.exec(answer?.get('state') ?? '') ?? []
  if (upstream === undefined || answer === undefined || begun === undefined) return overPage({ kind: 'absent' })
  const page = begun === accountPrefix ? `${basePath}${paths.account}/security` : interactionPaths(basePath, begun).page
  return movingOnPage(`${page}/upstream/${upstream.id}/back?${answer.toString()}`)
}

/** The parameters of the answer; undefined when one is there twice, or is too long.
 *  Source: RFC 6749 section 3.1. */
export function answerOf({ query: given }: Pick<PageRequest, 'query'>): URLSearchParams | undefined {
  const answer = new URLSearchParams()
  for (const name of carried) {
    const values = given.getAll(name)
    if (values.length > 1 || (values[0]?.length ?? 0) > longest) return undefined
    if (values[0] !== undefined) answer.set(name, values[0])
  }
  return answer
}
