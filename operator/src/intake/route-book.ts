// Knows every Ingress and HTTPRoute, and wakes the clients whose redirect URIs may change with one.
import { byAge } from '@nauthera/rules/age'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { RouteKind } from '../api/redirect-sources.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { followRoutes, holderOf, redirectsTold } from '../decide/client/follow-routes.ts'
import type { FollowedRedirects, FollowInput, KnownRoutes } from '../decide/client/follow-routes.ts'
import type { HostRoute } from '../decide/client/route-hosts.ts'
import { HostNames, wildcardsAbove } from './host-names.ts'
import { RouteInterests } from './route-interests.ts'

export type RouteCollection = RouteKind | 'Gateway'

interface RouteBookNeeds {
  /** Looks at these clients. */
  readonly tell: (keys: readonly string[]) => void
  readonly isCut: KnownRoutes['isCut']
}

export class RouteBook {
  readonly #needs: RouteBookNeeds
  /** By `Ingress namespace/name`. */
  readonly #routes = new Map<string, HostRoute>()
  readonly #naming = new HostNames()
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
    const holders = names.map((name) => this.#holderOf(name))
    if (before) this.#naming.remove(before)
    if (route) {
      this.#routes.set(object, route)
      this.#naming.add(route)
    } else this.#routes.delete(object)
    const handed = names.flatMap((host, index) => {
      const [from, to] = [holders[index], this.#holderOf(host)]
      return from === to ? [] : [{ host, from, to }]
    })
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
        return [host, ...wildcardsAbove(host)].flatMap((name) => this.#naming.of(name))
      },
      isCut: this.#needs.isCut,
      fault: (kind) => this.#faults.get(kind) ?? (kind === 'HTTPRoute' ? this.#faults.get('Gateway') : undefined),
      isWhole: this.#unread.size === 0,
    }
  }

  /** @returns the namespace that has a host */
  #holderOf(host: string): string | undefined {
    return holderOf(this.#naming.of(host))?.namespace
  }
}

/** @returns the names that only one of the two has; all of them when the age is another one. What no controller has taken has none: it keeps a
 *  host from nobody */
function changedNames(one: HostRoute | undefined, other: HostRoute | undefined): readonly string[] {
  const [before, after] = [one, other].map((route) => new Set(route?.isTaken === true ? route.names : []))
  const isAsOld = one === undefined || other === undefined || byAge(one, other) === 0
  return [...(isAsOld ? before!.symmetricDifference(after!) : before!.union(after!))]
}
