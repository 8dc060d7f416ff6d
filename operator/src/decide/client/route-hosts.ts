// Reads at which hosts an Ingress or an HTTPRoute serves https.
// Source: Gateway API v1, HTTPRouteSpec.hostnames, Listener and RouteParentStatus; networking.k8s.io/v1, IngressTLS.
import { ageOf } from '@nauthera/rules/age'
import type { LabelSelector } from '../../api/label-selector.ts'
import type { RouteKind } from '../../api/redirect-sources.ts'
import { selects } from './policies.ts'

/** An Ingress or HTTPRoute, as far as redirect URIs follow it. Hosts are in small letters. */
export interface HostRoute {
  readonly kind: RouteKind
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** RFC 3339. */
  readonly createdAt: number
  /** Every host that it names, also those that it does not serve; with wildcards. */
  readonly names: readonly string[]
  readonly served: readonly ServedHost[]
  /** Why it serves no more than that: what follows its name in a sentence. */
  readonly faults: readonly string[]
  /** Its controller accepted an earlier generation and has yet to look at this one. */
  readonly isSettling: boolean
  /** A controller has taken it, so it may get what browsers bring. Anybody may write one that no controller looks at. */
  readonly isTaken: boolean
}

/** A host where an object serves https. */
export interface ServedHost {
  readonly host: string
  readonly port: number
}

/** How much of one object is read. Whoever may write it must not be able to fill the memory of the operator. */
export const routeLimits = {
  /** Hosts of an Ingress, and of an HTTPRoute with the ports of its listeners. */
  hosts: 500,
  /** What the schemas of the Gateway API allow. */
  hostnames: 16,
  parents: 32,
  listeners: 64,
  /** Labels of a host. */
  labels: 16,
  /** Objects of one kind in one namespace, with the hosts that they name. */
  ofNamespace: 4_000,
} as const

interface RouteMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly generation?: number
  readonly creationTimestamp?: string
}

/** What is read of an Ingress. */
export interface Ingress {
  readonly metadata: RouteMeta
  readonly spec?: {
    readonly tls?: readonly { readonly hosts?: readonly string[] }[]
    readonly rules?: readonly { readonly host?: string }[]
    /** How many hosts were not read (intake/cut-routes.ts). */
    readonly leftOut?: number
  }
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] }
  }
}

/** What is read of an HTTPRoute. */
export interface HttpRoute {
  readonly metadata: RouteMeta
  readonly spec?: { readonly hostnames?: readonly string[]; readonly parentRefs?: readonly ParentRef[] }
  readonly status?: {
    readonly parents?: readonly {
      readonly parentRef: ParentRef
      readonly conditions?: readonly {
        readonly type: string
        readonly status: string
        readonly reason: string
        readonly observedGeneration?: number
      }[]
    }[]
  }
}

interface ParentRef {
  readonly group?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name: string
  readonly sectionName?: string
  readonly port?: number
}

/** What is read of a Gateway. */
export interface Gateway {
  readonly metadata: RouteMeta
  readonly spec?: { readonly listeners?: readonly Listener[] }
}

interface Listener {
  readonly name: string
  readonly hostname?: string
  readonly port: number
  readonly protocol: string
  readonly allowedRoutes?: {
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[]
    readonly namespaces?: { readonly from?: string; readonly selector?: LabelSelector }
  }
}

const gatewayGroup = 'gateway.networking.k8s.io'

/** Whether a controller has given it an address. */
export const isTakenIngress = ({ status }: Ingress): boolean =>
  status?.loadBalancer?.ingress?.some(({ ip, hostname }) => Boolean(ip ?? hostname)) === true

/** Hosts count that are in `spec.tls`, once a controller has given it an address. */
export function readIngress(ingress: Ingress): HostRoute {
  const { metadata, spec } = ingress
  const secure = new Set(hostsOf((spec?.tls ?? []).flatMap(({ hosts = [] }) => hosts)))
  const names = hostsOf([...secure, ...(spec?.rules ?? []).flatMap(({ host }) => host ?? [])])
  const hasAddress = isTakenIngress(ingress)
  const open = names.filter((host) => !secure.has(host))
  const leftOut = spec?.leftOut ?? 0
  return {
    ...identityOf('Ingress', metadata),
    names,
    served: hasAddress ? Array.from(secure, (host) => ({ host, port: httpsPort })) : [],
    faults: [
      ...(hasAddress ? [] : ['has no address in its status; see its controller']),
      ...(names.length === 0 ? ['names no host'] : []),
      ...(leftOut > 0 ? [`names ${names.length + leftOut} hosts, of which the first ${names.length} are read`] : []),
      ...(open.length > 0
        ? [`has ${shortList(open)} without TLS; add ${open.length > 1 ? 'them' : 'it'} to spec.tls`]
        : []),
    ],
    isSettling: false,
    isTaken: hasAddress,
  }
}

/** @returns the first few, and how many more there are */
function shortList(texts: readonly string[], most = 3): string {
  const more = texts.length - most
  return more > 0 ? `${texts.slice(0, most).join(', ')} and ${more} more` : texts.join(', ')
}

/** @param about.gateway by namespace and name; undefined when there is none
 *  @param about.labels of a namespace */
export interface AboutParents {
  readonly gateway: (namespace: string, name: string) => Gateway | undefined
  readonly labels: (namespace: string) => Readonly<Record<string, string>> | undefined
}

/** Hosts count that it shares with an HTTPS listener of a Gateway that has accepted its present generation. */
export function readHttpRoute(route: HttpRoute, about: AboutParents): HostRoute {
  const identity = identityOf('HTTPRoute', route.metadata)
  const found = (route.spec?.parentRefs ?? []).map((parent) => readParent(route, parent, about))
  const served = distinct(found.flatMap((one) => one.served))
  return {
    ...identity,
    names: hostsOf([...(route.spec?.hostnames ?? []), ...served.map(({ host }) => host)]),
    served: served.slice(0, routeLimits.hosts),
    faults: found.length === 0 ? ['has no Gateway in spec.parentRefs'] : found.flatMap(({ fault }) => fault ?? []),
    isSettling: found.some(({ isSettling }) => isSettling),
    isTaken: isTakenHttpRoute(route),
  }
}

/** Whether a Gateway accepted it. */
export const isTakenHttpRoute = ({ status }: HttpRoute): boolean =>
  (status?.parents ?? []).some(({ conditions = [] }) => conditions.some(isAcceptance))

const isAcceptance = ({ type, status }: { readonly type: string; readonly status: string }): boolean =>
  type === 'Accepted' && status === 'True'

interface ParentFound {
  readonly served: readonly ServedHost[]
  readonly fault?: string
  readonly isSettling: boolean
}

function readParent(route: HttpRoute, parent: ParentRef, { gateway: find, labels }: AboutParents): ParentFound {
  const own = route.metadata.namespace ?? ''
  const { group = gatewayGroup, kind = 'Gateway', namespace = own, name } = parent
  const title = `${kind} ${namespace}/${name}`
  const nothing = (fault: string, isSettling = false): ParentFound => ({ served: [], fault, isSettling })
  if (group !== gatewayGroup || kind !== 'Gateway') return nothing(`has the parent ${title}, which is no Gateway`)
  const standing = standingAt(route, parent)
  if (standing.kind === 'settling') return nothing(`waits for ${title} to accept its last change`, true)
  if (standing.kind === 'refused') return nothing(`is not accepted by ${title}${standing.why}`)
  const gateway = find(namespace, name)
  if (!gateway) return nothing(`has the parent ${title}, which is not there`)
  const listeners = (gateway.spec?.listeners ?? []).filter(
    (listener) =>
      listener.protocol === 'HTTPS' &&
      (parent.sectionName ?? listener.name) === listener.name &&
      (parent.port ?? listener.port) === listener.port &&
      admits(listener, { own, namespace, labels }),
  )
  if (listeners.length === 0) return nothing(`finds no HTTPS listener at ${title} that takes it`)
  const hostnames = hostsOf(route.spec?.hostnames ?? [])
  const served = listeners.flatMap(({ hostname = '', port }) =>
    hostsInBoth(hostnames, hostname.toLowerCase()).map((host) => ({ host, port })),
  )
  return served.length === 0 ? nothing(`has no host in common with ${title}`) : { served, isSettling: false }
}

/** Whether a Gateway accepted the present generation, an earlier one, or none. Several controllers may tell of one parent. */
function standingAt(
  { metadata, status }: HttpRoute,
  parent: ParentRef,
): { readonly kind: 'accepted' | 'settling' } | { readonly kind: 'refused'; readonly why: string } {
  const told = (status?.parents ?? [])
    .filter(({ parentRef }) => isSameParent(parentRef, parent, metadata.namespace))
    .flatMap(({ conditions = [] }) => conditions.filter(({ type }) => type === 'Accepted'))
  const accepting = told.filter((condition) => condition.status === 'True')
  if (accepting.some(({ observedGeneration }) => observedGeneration === metadata.generation))
    return { kind: 'accepted' }
  if (accepting.length > 0) return { kind: 'settling' }
  return { kind: 'refused', why: told[0] ? ` (${told[0].reason})` : '' }
}

function isSameParent(one: ParentRef, other: ParentRef, own: string | undefined): boolean {
  const said = ({ group = gatewayGroup, kind = 'Gateway', namespace = own, name, sectionName, port }: ParentRef) =>
    JSON.stringify([group, kind, namespace, name, sectionName ?? null, port ?? null])
  return said(one) === said(other)
}

/** Whether a listener takes routes of this kind and namespace: an accepted route may be attached to another listener alone. */
function admits(
  { allowedRoutes }: Listener,
  { own, namespace, labels }: { readonly own: string; readonly namespace: string } & Pick<AboutParents, 'labels'>,
): boolean {
  const { kinds, namespaces } = allowedRoutes ?? {}
  const isKind = kinds === undefined || kinds.length === 0 || kinds.some(({ kind }) => kind === 'HTTPRoute')
  if (!isKind) return false
  switch (namespaces?.from ?? 'Same') {
    case 'All':
      return true
    case 'Same':
      return own === namespace
    case 'Selector': {
      const known = labels(own)
      return known !== undefined && namespaces?.selector !== undefined && selects(namespaces.selector, known)
    }
    default:
      return false
  }
}

/** A route without hosts has those of the listener. */
function hostsInBoth(own: readonly string[], listener: string): readonly string[] {
  if (listener === '') return own
  if (own.length === 0) return [listener]
  return own.flatMap((host) => (coversHost(listener, host) ? [host] : coversHost(host, listener) ? [listener] : []))
}

/** @param name a host, or a wildcard such as `*.example.com` for every host below it */
export const coversHost = (name: string, host: string): boolean =>
  name === host || (name.startsWith('*.') && host.endsWith(name.slice(1)) && host.length >= name.length)

const distinct = (served: readonly ServedHost[]): readonly ServedHost[] => [
  ...new Map(served.map((one) => [`${one.host}:${one.port}`, one])).values(),
]

const httpsPort = 443

const hostsOf = (hosts: readonly string[]): readonly string[] => [...new Set(hosts.map((host) => host.toLowerCase()))]

const identityOf = (
  kind: RouteKind,
  { namespace = '', name, uid = '', creationTimestamp = '' }: RouteMeta,
): Pick<HostRoute, 'kind' | 'namespace' | 'name' | 'uid' | 'createdAt'> => ({
  kind,
  namespace,
  name,
  ...ageOf({ uid, creationTimestamp }),
})
