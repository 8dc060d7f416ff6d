import type { Route } from '../../reply.ts'

/** The route of a request, with the parameters of its path. */
export interface FoundRoute {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

export interface RouteTable {
  /** HEAD uses the route of GET. @param path of the request, still encoded
   *  @returns undefined when no route matches
   *  @throws URIError for a parameter that cannot be decoded */
  find(method: string, path: string): FoundRoute | undefined
  /** @returns the methods of a path; none for an unknown path */
  methodsOf(path: string): readonly string[]
}

interface Entry {
  readonly route: Route
  readonly segments: readonly string[]
}

/** Finds a route by the number of path segments, then in order. It is case-sensitive, and a trailing slash counts.
 *  @param basePath the issuer's path, '' when it has none */
export function createRouteTable(routes: readonly Route[], basePath: string): RouteTable {
  const entries = routes.map((route) => ({ route, segments: `${basePath}${route.path}`.split('/') }))
  const byLength = Map.groupBy(entries, ({ segments }) => segments.length)
  const matching = (path: string): { given: readonly string[]; entries: readonly Entry[] } => {
    const given = path.split('/')
    return { given, entries: byLength.get(given.length)?.filter(({ segments }) => fits(segments, given)) ?? [] }
  }
  return {
    find(method, path) {
      const wanted = method === 'HEAD' ? 'GET' : method
      const { given, entries: found } = matching(path)
      const entry = found.find(({ route }) => route.method === wanted)
      return entry && { route: entry.route, params: paramsOf(entry.segments, given) }
    },
    methodsOf(path) {
      const methods = new Set(matching(path).entries.map(({ route }) => route.method))
      return [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    },
  }
}

const isParameter = (segment: string): boolean => segment.startsWith(':')

const fits = (segments: readonly string[], given: readonly string[]): boolean =>
  segments.every((segment, at) => (isParameter(segment) ? given[at] !== '' : segment === given[at]))

const paramsOf = (segments: readonly string[], given: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    segments.flatMap((segment, at) =>
      isParameter(segment) ? [[segment.slice(1), decodeURIComponent(given[at]!)] as const] : [],
    ),
  )
