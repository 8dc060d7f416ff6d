// Decides which redirect URIs of a client follow its Ingresses and HTTPRoutes. A host in such an object is an unproven string, so a
// policy has to list it, and an older object of another namespace keeps it.
import { byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { maxVersionBytes, mostRedirectUris } from '@nauthera/rules/limits'
import { followLimits } from '../../api/redirect-sources.ts'
import type { RedirectSource, RouteKind } from '../../api/redirect-sources.ts'
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { matches, patterns } from '../../api/patterns.ts'
import { timeOf, timeText } from '../../api/time-text.ts'
import { listsHost } from './allowed-hosts.ts'
import type { BindingPolicies } from './policies.ts'
import { present } from './present.ts'
import { routeLimits } from './route-hosts.ts'
import type { HostRoute } from './route-hosts.ts'

/** Of an object that is there, or is not. */
const notRead = `is not read: the older objects of its namespace name ${routeLimits.ofNamespace} hosts already; name fewer, or delete some`

/** How long a URI stays that its object does not give any more. Milliseconds. */
const graceMs = 600_000

/** An object that names a host, or a wildcard. */
export interface HostClaim extends Age {
  readonly kind: RouteKind
  readonly namespace: string
  readonly name: string
  readonly isTaken: boolean
  /** It was edited, or is gone: the next full list says what it names now. Until then it keeps the host from others, and gives its own
   *  namespace nothing. */
  readonly isStale?: boolean
}

/** What is known of the cluster's Ingresses and HTTPRoutes. */
export interface KnownRoutes {
  find(kind: RouteKind, namespace: string, name: string): HostRoute | undefined
  /** Of every namespace: those that name the host, also where there is no room to read it. */
  naming(host: string): readonly HostClaim[]
  /** The same of those that name a wildcard above it. */
  covering(host: string): readonly HostClaim[]
  /** Whether an object of another namespace, older than this, may name the host, and the next full list says whether it does. */
  mayBeNamed(host: string, by: HostClaim): boolean
  /** Whether objects of this kind are left out in the namespace, because it has too many. */
  isCut(kind: RouteKind, namespace: string): boolean
  /** Why objects of this kind are not known now; undefined when they are. */
  fault(kind: RouteKind): string | undefined
  /** False while a kind that may have objects was never read: nobody can say then who else names a host. */
  readonly isWhole: boolean
}

/** A redirect URI that follows an object. */
export interface FollowedRedirect {
  readonly uri: string
  readonly from: Pick<RedirectSource, 'kind' | 'name'>
  /** Since when the object does not give it any more, epoch milliseconds. */
  readonly goneSince?: number
}

export interface FollowedRedirects {
  /** In a stable order: those of before come first. */
  readonly uris: readonly FollowedRedirect[]
  /** What is left out, or ends, and why: a sentence each. */
  readonly left: readonly string[]
  /** When the next URI ends. Milliseconds from now; undefined when none does. */
  readonly endsIn: number | undefined
}

export interface FollowInput {
  /** Of the client; undefined when its present spec is refused: then it gets nothing new, and keeps what its objects still give. */
  readonly sources: readonly RedirectSource[] | undefined
  readonly namespace: string
  /** What its status says. */
  readonly former: NonNullable<OIDCClientStatus['redirectURIs']>
  /** Undefined when the object cannot be read. */
  readonly policies: BindingPolicies | undefined
  readonly routes: KnownRoutes
  /** Where those that are followed stand in one list with its own; undefined where they stand apart. */
  readonly list?: SharedList | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

/** The redirect URIs of a mirror: its own, and those that its client follows. */
export interface SharedList {
  readonly own: readonly string[]
  /** Of the version of the client without those that it follows. */
  readonly bytes: number
}

/** A missing or unreadable input never takes a URI away. */
export function followRoutes(input: FollowInput): FollowedRedirects {
  const { sources = [], former } = input
  const left: string[] = []
  const formerHosts = former.flatMap(({ uri }) => URL.parse(uri)?.hostname ?? [])
  const look: Look = { left, hosts: new Set(formerHosts), refusals: new Map() }
  const given = sources.flatMap((source) => givenBy(source, input, look))
  const isGiven = new Set(given.map(({ uri }) => uri))
  const kept = former.flatMap((one) => (isGiven.has(one.uri) ? [] : keptOf(one, input, look)))
  const all = new Map([...given, ...kept].map((one) => [one.uri, one]))
  const ordered = [...former.flatMap(({ uri }) => all.get(uri) ?? []), ...given]
  const uris = withinLimits([...new Map(ordered.map((one) => [one.uri, one])).values()], input.list, left)
  const ends = uris.flatMap(({ goneSince }) => (goneSince === undefined ? [] : [goneSince + graceMs - input.now]))
  return { uris, left: [...new Set(left)], endsIn: ends.length === 0 ? undefined : Math.max(1, Math.min(...ends)) }
}

/** @returns the URIs as the status says them, from which the next look goes on */
export const redirectsTold = ({ uris }: Pick<FollowedRedirects, 'uris'>): FollowInput['former'] =>
  uris.map(({ uri, from, goneSince }) => ({
    uri,
    from,
    ...present({ goneSince: goneSince === undefined ? undefined : timeText(goneSince) }),
  }))

/** One look at a client. */
interface Look {
  /** What it does not get, and why. */
  readonly left: string[]
  /** The hosts of its objects that were looked at. */
  readonly hosts: Set<string>
  /** By host. */
  readonly refusals: Map<string, string | undefined>
}

/** What an object gives now. */
function givenBy(source: RedirectSource, input: FollowInput, look: Look): readonly FollowedRedirect[] {
  const { left } = look
  const { routes, namespace, former } = input
  const title = `${source.kind} ${source.name}`
  const fault = routes.fault(source.kind)
  const route = routes.find(source.kind, namespace, source.name)
  if (fault !== undefined) left.push(`${title}: ${fault}; what it gave before stays`)
  else if (!route) left.push(`${title} ${routes.isCut(source.kind, namespace) ? notRead : 'is not there'}`)
  if (fault !== undefined || !route) return []
  if (!route.isSettling) left.push(...route.faults.map((one) => `${title} ${one}`))
  const { hosts } = look
  const looked = route.served.filter(({ host }) =>
    hosts.size < followLimits.looked ? hosts.add(host) : hosts.has(host),
  )
  const more = route.served.length - looked.length
  if (more > 0)
    left.push(`${title}: ${more} hosts are left out: a client is looked at for at most ${followLimits.looked}`)
  return looked.flatMap((served) => {
    const uri = uriOf(served, source.path)
    const isNew = !former.some((one) => one.uri === uri)
    const refusal = refusalOf(served.host, input, look) ?? (isNew ? waitOf(served.host, route, routes) : undefined)
    if (refusal === undefined) return [{ uri, from: fromOf(source) }]
    left.push(`${title}: ${served.host} ${refusal}`)
    return []
  })
}

/** What its object does not give now stays: as it is while nobody can say what the object gives, else for the grace. It ends at once
 *  when its host is somebody else's, or may not be followed any more. */
function keptOf(
  { uri, from, goneSince }: FollowInput['former'][number],
  input: FollowInput,
  look: Look,
): readonly FollowedRedirect[] {
  const { sources, routes, namespace, now } = input
  const { left } = look
  const url = URL.parse(uri)
  const isWanted = sources === undefined || sources.some((source) => isFrom(uri, from, source))
  if (url === null || !isWanted) return []
  const host = url.hostname
  const title = `${from.kind} ${from.name}`
  const refusal = refusalOf(host, input, look)
  if (refusal !== undefined) return []
  const one = { uri, from: fromOf(from) }
  const route = routes.find(from.kind, namespace, from.name)
  if (routes.fault(from.kind) !== undefined || route?.isSettling === true) return [one]
  // of a refused spec nobody knows the path
  if (sources === undefined && route?.served.some((served) => served.host === host) === true) return [one]
  // perhaps it is there, and has no room: what an older object of the namespace takes ends nothing
  const isUnread = !route && routes.isCut(from.kind, namespace)
  if (isUnread && holderFor(namespace, routes.naming(host))?.namespace === namespace) return [one]
  const others = [...routes.naming(host), ...routes.covering(host)]
  if (others.some((other) => other.isTaken && other.namespace !== namespace)) {
    left.push(`${title}: ${host} ended: it does not give it any more, and another namespace names it`)
    return []
  }
  if (isUnread) return [one]
  const since = timeOf(goneSince) ?? now
  if (now - since >= graceMs) return []
  left.push(`${title} does not give ${uri} any more: it ends ${timeText(since + graceMs)}`)
  return [{ ...one, goneSince: since }]
}

/** @returns why a host is not followed: what comes after it in a sentence */
function refusalOf(host: string, input: FollowInput, { refusals }: Look): string | undefined {
  if (!refusals.has(host)) refusals.set(host, findRefusal(host, input))
  return refusals.get(host)
}

function findRefusal(host: string, { namespace, policies, routes }: FollowInput): string | undefined {
  if (host.includes('*')) return 'is a wildcard; name each host'
  if (!matches(host, patterns.hostName)) return 'is no whole host name'
  const lists = (policies ?? []).filter(({ spec }) => spec.allow?.redirectHosts !== undefined)
  if (policies && lists.length === 0) return 'needs a policy that lists it in allow.redirectHosts'
  const leaving = lists.find(({ spec }) => !listsHost(spec.allow?.redirectHosts ?? [], host))
  if (leaving) return `is not in allow.redirectHosts of policy ${leaving.name}`
  const holder = holderFor(namespace, routes.naming(host))
  return holder && holder.namespace !== namespace
    ? `is that of the older ${holder.kind} ${holder.name} in namespace ${holder.namespace}`
    : undefined
}

/** For sorting objects that name a host: those that a controller has taken come first, of both the oldest. */
export const byRight = (one: HostClaim, other: HostClaim): number =>
  Number(other.isTaken) - Number(one.isTaken) || byAge(one, other)

/** @param naming the objects that name a host
 *  @returns the one that has it; undefined when no controller has taken any */
export const holderOf = (naming: readonly HostClaim[]): HostClaim | undefined =>
  naming.toSorted(byRight).find(({ isTaken }) => isTaken)

/** @returns who has a host, as it counts for a client of the namespace */
const holderFor = (namespace: string, naming: readonly HostClaim[]): HostClaim | undefined =>
  holderOf(naming.filter((one) => one.isStale !== true || one.namespace !== namespace))

/** @returns why nobody can say yet whose a host is that the client did not have before */
function waitOf(host: string, route: HostRoute, routes: KnownRoutes): string | undefined {
  if (!routes.isWhole) return 'waits until all Ingresses and HTTPRoutes can be read'
  if (!routes.mayBeNamed(host, route)) return undefined
  return 'waits for the next full list: another namespace has an older object, and more hosts than are kept'
}

function withinLimits(
  uris: readonly FollowedRedirect[],
  list: SharedList | undefined,
  left: string[],
): readonly FollowedRedirect[] {
  const hosts = [...new Set(uris.map(({ uri }) => new URL(uri).host))].slice(0, followLimits.hosts)
  const followed = uris.filter(({ uri }) => hosts.includes(new URL(uri).host)).slice(0, followLimits.uris)
  const within = list ? roomIn(list, followed) : followed
  const most = `at most ${followLimits.hosts} hosts and ${followLimits.uris} URIs are followed`
  const together = `; in a joined cluster the hub takes ${mostRedirectUris} with those of redirectURIs, and ${maxVersionBytes / 1024} KiB for the client`
  const isWithin = new Set(within.map(({ uri }) => uri))
  for (const { uri, from } of uris)
    if (!isWithin.has(uri)) left.push(`${from.kind} ${from.name}: ${uri} is left out: ${most}${list ? together : ''}`)
  return within
}

/** Bytes of a version that the hub may fill in. */
const hubBytes = 512

/** @returns those for which a mirror has room beside what it has anyway */
function roomIn({ own, bytes }: SharedList, followed: readonly FollowedRedirect[]): readonly FollowedRedirect[] {
  let [places, left] = [mostRedirectUris - own.length, maxVersionBytes - hubBytes - bytes]
  return followed.filter(({ uri }) => {
    if (own.includes(uri)) return true
    const needed = Buffer.byteLength(JSON.stringify(uri)) + 1
    if (places < 1 || left < needed) return false
    places -= 1
    left -= needed
    return true
  })
}

const uriOf = ({ host, port }: { readonly host: string; readonly port: number }, path: string): string =>
  `https://${host}${port === 443 ? '' : `:${port}`}${path}`

const fromOf = ({ kind, name }: FollowedRedirect['from']): FollowedRedirect['from'] => ({ kind, name })

const isFrom = (uri: string, from: FollowedRedirect['from'], { kind, name, path }: RedirectSource): boolean =>
  kind === from.kind && name === from.name && uri.slice(uri.indexOf('/', 'https://'.length)) === path
