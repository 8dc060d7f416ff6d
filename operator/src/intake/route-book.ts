// Knows every Ingress and HTTPRoute, and wakes the clients whose redirect URIs may change with one.
import { byAge } from '@nauthera/rules/age'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { RouteKind } from '../api/redirect-sources.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { followRoutes, holderOf, redirectsTold } from '../decide/client/follow-routes.ts'
import type { FollowedRedirects, FollowInput, HostClaim, KnownRoutes } from '../decide/client/follow-routes.ts'
import type { HostRoute } from '../decide/client/route-hosts.ts'
import { splitKey } from '../kubernetes/objects.ts'
import { HostNames, wildcardsAbove } from './host-names.ts'
import { RouteInterests } from './route-interests.ts'
import type { AskedHosts, UnreadHosts } from './unread-hosts.ts'

export type RouteCollection = RouteKind | 'Gateway'

interface RouteBookNeeds {
  /** Looks at these clients. */
  readonly tell: (keys: readonly string[]) => void
  readonly isCut: KnownRoutes['isCut']
}

export class RouteBook implements AskedHosts {
  readonly #needs: RouteBookNeeds
  /** By `Ingress namespace/name`. */
  readonly #routes = new Map<string, HostRoute>()
  readonly #naming = new HostNames()
  /** Hosts for which there is no room. */
  readonly #leftOut = new Map<RouteKind, UnreadHosts>()
  /** Why a collection is not known. */
  readonly #faults = new Map<RouteCollection, string>()
  /** Collections that may have objects and were never read. */
  readonly #unread = new Set<RouteCollection>(['Ingress', 'HTTPRoute', 'Gateway'])
  readonly #interests = new RouteInterests()
  /** What each client followed at its last look. */
  readonly #given = new Map<string, { readonly uid: string; readonly uris: FollowInput['former'] }>()

  constructor(needs: RouteBookNeeds) {
    this.#needs = needs
    for (const collection of this.#unread) this.#faults.set(collection, 'has not been read yet')
  }

  /** @param key `namespace/name`; @param route undefined when it is gone */
  set(kind: RouteKind, key: string, route: HostRoute | undefined): void {
    const object = `${kind} ${key}`
    const before = this.#routes.get(object)
    if (JSON.stringify(before) === JSON.stringify(route)) return
    const names = changedNames(before, route)
    const holders = names.map((name) => this.#holdersOf(name))
    if (before) this.#naming.remove(before)
    if (route) {
      this.#routes.set(object, route)
      this.#naming.add(route)
    } else this.#routes.delete(object)
    const handed = names.flatMap((host, index) =>
      this.#holdersOf(host).flatMap((to, view) => {
        const [from, now] = [holders[index]?.[view]?.namespace, to?.namespace]
        return from === now ? [] : [{ host, from, to: now }]
      }),
    )
    const concerned = this.#interests.concernedBy({ object, names, handed })
    if (concerned.size > 0) this.#needs.tell([...concerned])
  }

  /** @param fault why it is not known; undefined when it was read
   *  @param isAbsent the API server does not serve it, so there is none of its objects */
  setFault(collection: RouteCollection, fault: string | undefined, isAbsent = false): void {
    const wasUnread = (fault === undefined || isAbsent) && this.#unread.delete(collection)
    if (this.#faults.get(collection) === fault && !wasUnread) return
    if (fault === undefined) this.#faults.delete(collection)
    else this.#faults.set(collection, fault)
    this.#needs.tell([...this.#interests.keys()])
  }

  /** @param hosts what the last full list left out */
  setLeftOut(kind: RouteKind, hosts: UnreadHosts): void {
    const before = this.#leftOut.get(kind)
    this.#leftOut.set(kind, hosts)
    hosts.onNews = (claim, names) => this.#onNews(claim, names)
    hosts.onStale = (namespace) => {
      const isStale = (host: string) => hosts.of(host).some((one) => one.isStale && one.namespace === namespace)
      const concerned = this.#interests.clientsOf(isStale).filter((key) => splitKey(key).namespace === namespace)
      if (concerned.length > 0) this.#needs.tell(concerned)
    }
    if (hosts.isEmpty && before?.isEmpty !== false) return
    this.#needs.tell(this.#interests.clientsOf((host) => before?.about(host) !== hosts.about(host)))
  }

  isAsked(host: string): boolean {
    return this.#interests.isAsked(host)
  }

  asked(): Iterable<string> {
    return this.#interests.hosts()
  }

  /** @returns the URIs that the client had after its last look: servers may have them, also when its status could not be written */
  formerOf(client: Pick<OIDCClient, 'metadata' | 'status'>): FollowInput['former'] {
    const given = this.#given.get(keyOf(client))
    return given?.uid === client.metadata.uid ? given.uris : (client.status?.redirectURIs ?? [])
  }

  /** @returns the redirect URIs that the client follows now. From now on it is woken when they may change */
  resolve(client: OIDCClient, about: Pick<FollowInput, 'sources' | 'policies' | 'list' | 'now'>): FollowedRedirects {
    const { namespace, uid } = client.metadata
    const key = keyOf(client)
    const former = this.formerOf(client)
    const asked = { objects: new Set<string>(), hosts: new Set<string>() }
    const followed = followRoutes({ ...about, namespace, former, routes: this.#known(asked) })
    const gone = followed.uris.flatMap(({ uri, goneSince }) => (goneSince === undefined ? [] : [new URL(uri).hostname]))
    this.#interests.set(key, { ...asked, gone })
    this.#given.set(key, { uid, uris: redirectsTold(followed) })
    return followed
  }

  /** The client is gone, or follows nothing. */
  remove(key: string): void {
    this.#interests.remove(key)
    this.#given.delete(key)
  }

  /** @param asked gets what the look depends on */
  #known(asked: { readonly objects: Set<string>; readonly hosts: Set<string> }): KnownRoutes {
    return {
      find: (kind, namespace, name) => {
        const object = `${kind} ${namespace}/${name}`
        asked.objects.add(object)
        return this.#routes.get(object)
      },
      naming: (host) => {
        asked.hosts.add(host)
        return this.#claimsOf(host)
      },
      covering: (host) => wildcardsAbove(host).flatMap((name) => this.#claimsOf(name)),
      mayBeNamed: (host, by) => [...this.#leftOut.values()].some((one) => one.mayBeNamed(host, by)),
      isCut: this.#needs.isCut,
      fault: (kind) => this.#faults.get(kind) ?? (kind === 'HTTPRoute' ? this.#faults.get('Gateway') : undefined),
      isWhole: this.#unread.size === 0,
    }
  }

  /** Names of what there is no room for: they end what is gone, and take what a younger object has. */
  #onNews(claim: HostClaim, names: readonly string[]): void {
    const taken = names.filter((host) => this.isAsked(host) && this.#holdersOf(host).includes(claim))
    const handed = taken.map((host) => ({ host, from: undefined, to: claim.namespace }))
    const concerned = this.#interests.concernedBy({ names, handed })
    if (concerned.size > 0) this.#needs.tell([...concerned])
  }

  /** @returns who names exactly this */
  #claimsOf(name: string): readonly HostClaim[] {
    return [...this.#naming.of(name), ...[...this.#leftOut.values()].flatMap((one) => one.of(name))]
  }

  /** @returns who has a host, with what is stale and without: not all clients see the same */
  #holdersOf(host: string): readonly (HostClaim | undefined)[] {
    const claims = this.#claimsOf(host)
    return [claims, claims.filter(({ isStale }) => isStale !== true)].map((some) => holderOf(some))
  }
}

/** @returns the names that only one of the two has; all of them when the age is another one. What no controller has taken has none: it keeps a
 *  host from nobody */
function changedNames(one: HostRoute | undefined, other: HostRoute | undefined): readonly string[] {
  const [before, after] = [one, other].map((route) => new Set(route?.isTaken === true ? route.names : []))
  const isAsOld = one === undefined || other === undefined || byAge(one, other) === 0
  return [...(isAsOld ? before!.symmetricDifference(after!) : before!.union(after!))]
}
