// Every path of the protocol, below the issuer. OPTIONS and 405, errors as JSON, POST by GET, the names of routes and the shorter list of
// handlers follow from this table.
import { paths } from '@nauthera/rules/endpoints'

interface ProtocolPath {
  readonly methods: readonly string[]
  /** Programs get every error as JSON. What is not for people may be asked for by scripts of other origins, if the protocol lets them. */
  readonly of: 'everybody' | 'programs' | 'people'
  /** What is asked for most: with these methods a shorter list of handlers answers it. */
  readonly straight?: readonly string[]
  /** What lies below it, as in a route table. */
  readonly below?: readonly string[]
  /** A client may send a browser here by POST as well (OpenID Connect Core 1.0 section 3.1.2.1, RP-Initiated Logout 1.0 section 2). */
  readonly postByGet?: true
}

const [document, page] = [
  ['GET', 'HEAD'],
  ['GET', 'HEAD', 'POST'],
]
const program = { of: 'programs', methods: ['POST'], straight: ['POST'] } as const

export const protocolPaths: ReadonlyMap<string, ProtocolPath> = new Map<string, ProtocolPath>([
  ['/', { of: 'everybody', methods: document }],
  [paths.discovery, { of: 'everybody', methods: document }],
  [paths.metadata, { of: 'everybody', methods: document }],
  [paths.jwks, { of: 'everybody', methods: document }],
  [paths.authorization, { of: 'people', methods: page, straight: ['GET'], below: ['/:uid'], postByGet: true }],
  [paths.endSession, { of: 'people', methods: page, below: ['/confirm', '/success'], postByGet: true }],
  [paths.device, { of: 'people', methods: page, below: ['/:uid'] }],
  [paths.userinfo, { of: 'programs', methods: page, straight: ['GET', 'POST'] }],
  [paths.deviceAuthorization, program],
  [paths.token, program],
  [paths.introspection, program],
  [paths.revocation, program],
  [paths.pushedRequest, program],
])

/** Each path and what lies below it, written as in a route table. */
export const protocolRoutes: readonly string[] = [...protocolPaths].flatMap(([path, { below = [] }]) => [
  path,
  ...below.map((rest) => `${path}${rest}`),
])

const [fixed, open] = [new Set<string>(), new Array<string>()]
for (const route of protocolRoutes) {
  if (route.includes('/:')) open.push(route.slice(0, route.indexOf(':')))
  else fixed.add(route)
}

/** Whether the protocol has a path, letter by letter. The library also takes capitals and a slash at the end, and stops at a `#`: what guards a path
 *  here does not know such spellings.
 *  @param path below the issuer, as it was sent */
export const isProtocolPath = (path: string): boolean =>
  fixed.has(path) || open.some((begin) => path.startsWith(begin) && /^[^/#]+$/.test(path.slice(begin.length)))
