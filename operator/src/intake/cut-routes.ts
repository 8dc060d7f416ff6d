// Cuts what is read of an Ingress, HTTPRoute or Gateway to what redirect URIs follow, and to a size that does not depend on who wrote it.
import { present } from '../decide/client/present.ts'
import { isTakenHttpRoute, isTakenIngress, routeLimits } from '../decide/client/route-hosts.ts'
import type { Gateway, HttpRoute, Ingress } from '../decide/client/route-hosts.ts'
import type { Room } from '../kubernetes/namespace-room.ts'
import type { KubernetesObject, ObjectMeta } from '../kubernetes/objects.ts'
import type { UnreadHosts } from './unread-hosts.ts'

/** @param onLeftOut called with hosts that it names and are not kept */
type Cut<T> = (object: T & KubernetesObject, onLeftOut?: (hosts: readonly string[]) => void) => T & KubernetesObject

/** Of each namespace its oldest objects have room. */
const roomForRoutes: Room<(Ingress & HttpRoute & Gateway) & KubernetesObject> = {
  groupsOf: ({ metadata }) => [{ name: metadata.namespace ?? '', most: routeLimits.ofNamespace }],
  weigh: ({ spec }) => {
    const { tls, rules, hostnames, parentRefs, listeners } = spec ?? {}
    const ofIngress = (tls?.[0]?.hosts?.length ?? 0) + (rules?.length ?? 0)
    // without hosts of its own it has those of its listeners
    const ofRoute = (parentRefs?.length ?? 0) * (hostnames?.length || 8)
    return 1 + ofIngress + ofRoute + (listeners?.length ?? 0)
  },
}

/** @param unread is told whose the hosts are for which there is no room */
export const roomForIngresses = (unread: UnreadHosts): Room<Ingress & KubernetesObject> =>
  roomBeside(unread, {
    cut: cutIngress,
    isTaken: isTakenIngress,
    hosts: ({ spec }) => [
      ...(spec?.tls ?? []).flatMap(({ hosts = [] }) => hosts),
      ...(spec?.rules ?? []).flatMap(({ host }) => host ?? []),
    ],
  })

/** The same for HTTPRoutes. */
export const roomForHttpRoutes = (unread: UnreadHosts): Room<HttpRoute & KubernetesObject> =>
  roomBeside(unread, { cut: cutHttpRoute, isTaken: isTakenHttpRoute, hosts: ({ spec }) => spec?.hostnames ?? [] })

function roomBeside<T extends KubernetesObject & Ingress & HttpRoute>(
  unread: UnreadHosts,
  of: { cut: Cut<T>; isTaken: (object: T) => boolean; hosts: (object: T) => readonly string[] },
): Room<T> {
  const claim = (object: T, hosts: readonly string[]): void => {
    unread.claim(object, of.isTaken(object) ? hosts : [])
  }
  return {
    ...roomForRoutes,
    cut: (object) => of.cut(object, (hosts) => claim(object, hosts)),
    trim: (object) => {
      claim(object, of.hosts(object))
      return undefined
    },
    forget: (object) => unread.forget(object),
    wantsList: () => unread.wantsList,
  }
}

export const roomForGateways: Room<Gateway & KubernetesObject> = {
  ...roomForRoutes,
  cut: (object) => cutGateway(object),
}

/** Without its paths and backends. Hosts with TLS come first: they alone are followed. */
export const cutIngress: Cut<Ingress> = ({ metadata, spec, status }, onLeftOut) => {
  const secure = new Set((spec?.tls ?? []).flatMap(({ hosts = [] }) => hosts.filter(isShort)))
  const open = (spec?.rules ?? []).map(({ host = '' }) => host).filter(isShort)
  const all = [...new Set([...secure, ...open])]
  const kept = all.slice(0, routeLimits.hosts)
  const leftOut = all.length - kept.length
  onLeftOut?.(all.slice(kept.length))
  const address = status?.loadBalancer?.ingress?.find(({ ip, hostname }) => Boolean(ip ?? hostname))
  return {
    metadata: cutMetadata(metadata),
    spec: {
      tls: [{ hosts: kept.filter((host) => secure.has(host)) }],
      rules: kept.flatMap((host) => (secure.has(host) ? [] : [{ host }])),
      ...(leftOut > 0 ? { leftOut } : {}),
    },
    ...(address ? { status: { loadBalancer: { ingress: [address] } } } : {}),
  }
}

/** Without its rules, and of its status whether its parents accepted it. */
export const cutHttpRoute: Cut<HttpRoute> = ({ metadata, spec, status }, onLeftOut) => {
  const all = (spec?.hostnames ?? []).filter(isShort)
  const hostnames = all.slice(0, routeLimits.hostnames)
  onLeftOut?.(all.slice(hostnames.length))
  return {
    metadata: cutMetadata(metadata),
    spec: { hostnames, parentRefs: (spec?.parentRefs ?? []).slice(0, routeLimits.parents) },
    status: {
      parents: (status?.parents ?? []).slice(0, routeLimits.parents).map(({ parentRef, conditions = [] }) => ({
        parentRef,
        conditions: conditions.flatMap(({ type, status: is, reason, observedGeneration }) =>
          type === 'Accepted' ? [{ type, status: is, reason, ...present({ observedGeneration }) }] : [],
        ),
      })),
    },
  }
}

/** Without what its listeners say of TLS. */
export const cutGateway: Cut<Gateway> = ({ metadata, spec }) => ({
  metadata: cutMetadata(metadata),
  spec: {
    listeners: (spec?.listeners ?? [])
      // as of any object, such a host is nobody's
      .filter(({ hostname }) => !hostname || isShort(hostname))
      .slice(0, routeLimits.listeners)
      .map(({ name, hostname, port, protocol, allowedRoutes }) => ({
        name,
        ...present({ hostname }),
        port,
        protocol,
        ...(allowedRoutes ? { allowedRoutes: isSmall(allowedRoutes) ? allowedRoutes : letsNobodyIn } : {}),
      })),
  },
})

/** Of a listener whose selector is larger than anybody needs. */
const letsNobodyIn = { namespaces: { from: 'None' } } as const

/** Characters. */
const mostOfSelector = 4_096

const isSmall = (value: unknown): boolean => JSON.stringify(value).length <= mostOfSelector

/** 253 characters are the most in DNS. */
const isShort = (host: string): boolean =>
  host !== '' && host.length <= 253 && host.split('.', routeLimits.labels + 1).length <= routeLimits.labels

const cutMetadata = ({
  name,
  namespace,
  uid,
  generation,
  creationTimestamp,
  resourceVersion,
}: ObjectMeta): ObjectMeta => ({
  name,
  ...present({ namespace, uid, generation, creationTimestamp, resourceVersion }),
})
