// Knows every Ingress and HTTPRoute, and wakes the clients whose redirect URIs may change with one.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { RouteKind } from '../api/redirect-sources.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { followRoutes, redirectsTold } from '../decide/client/follow-routes.ts'
import type { FollowedRedirects, FollowInput, KnownRoutes } from '../decide/client/follow-routes.ts'
import { coversHost } from '../decide/client/route-hosts.ts'
import type { HostRoute } from '../decide/client/route-hosts.ts'
import { KeysBy } from './keys-by.ts'

export type RouteCollection = RouteKind | 'Gateway'

/** What the redirect URIs of a client depend on. */
interface Interest {
  /** `Ingress namespace/name`. */
  readonly objects: ReadonlySet<string>
  readonly hosts: ReadonlySet<string>
}

export class RouteBook {
  readonly #tell: (keys: readonly string[]) => void
  /** By `Ingress namespace/name`. */
  readonly #routes = new Map<string, HostRoute>()
  /** Their keys by the hosts that they name. */
  readonly #naming = new KeysBy()
  /** Why a collection is not known. */
  readonly #faults = new Map<RouteCollection, string>()
  /** Collections that may have objects and were never read. */
  readonly #unread = new Set<RouteCollection>(['Ingress', 'HTTPRoute', 'Gateway'])
  /** By the key of a client. */
  readonly #interests = new Map<string, Interest>()
  /** What each client followed at its last look. */
  readonly #given = new Map<string, { readonly uid: string; readonly uris: FollowInput['former'] }>()

  /** @param tell looks at these clients */
  constructor(tell: (keys: readonly string[]) => void) {
    this.#tell = tell
    for (const collection of this.#unread) this.#faults.set(collection, 'has not been read yet')
  }

  /** @param key `namespace/name`; @param route undefined when it is gone */
  set(kind: RouteKind, key: string, route: HostRoute | undefined): void {
    const object = `${kind} ${key}`
    const before = this.#routes.get(object)
    if (JSON.stringify(before) === JSON.stringify(route)) return
    for (const name of before?.names ?? []) this.#naming.remove(name, object)
    if (route) this.#routes.set(object, route)
    else this.#routes.delete(object)
    for (const name of route?.names ?? []) this.#naming.add(name, object)
    const names = [...(before?.names ?? []), ...(route?.names ?? [])]
    const concerned = [...this.#interests].filter(
      ([, { objects, hosts }]) =>
        objects.has(object) ||
        names.some((name) => hosts.has(name) || [...hosts].some((host) => coversHost(name, host))),
    )
    if (concerned.length > 0) this.#tell(concerned.map(([client]) => client))
  }

  /** @param fault why it is not known; undefined when it was read
   *  @param isAbsent the API server does not serve it, so there is none of its objects */
  setFault(collection: RouteCollection, fault: string | undefined, isAbsent = false): void {
    const wasUnread = (fault === undefined || isAbsent) && this.#unread.delete(collection)
    if (this.#faults.get(collection) === fault && !wasUnread) return
    if (fault === undefined) this.#faults.delete(collection)
    else this.#faults.set(collection, fault)
    this.#tell([...this.#interests.keys()])
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
    const sources = [...(about.sources ?? []), ...former.map(({ from }) => from)]
    const objects = new Set(sources.map(({ kind, name }) => `${kind} ${namespace}/${name}`))
    const named = [...objects].flatMap((object) => this.#routes.get(object)?.names ?? [])
    const hosts = new Set([...named, ...former.flatMap(({ uri }) => URL.parse(uri)?.hostname ?? [])])
    this.#interests.set(key, { objects, hosts })
    const followed = followRoutes({ ...about, namespace, former, routes: this.#known() })
    this.#given.set(key, { uid, uris: redirectsTold(followed) })
    return followed
  }

  /** The client is gone, or follows nothing. */
  remove(key: string): void {
    this.#interests.delete(key)
    this.#given.delete(key)
  }

  #known(): KnownRoutes {
    return {
      find: (kind, namespace, name) => this.#routes.get(`${kind} ${namespace}/${name}`),
      naming: (host) =>
        [host, ...wildcardsAbove(host)]
          .flatMap((name) => [...this.#naming.of(name)])
          .flatMap((object) => this.#routes.get(object) ?? []),
      fault: (kind) => this.#faults.get(kind) ?? (kind === 'HTTPRoute' ? this.#faults.get('Gateway') : undefined),
      isWhole: this.#unread.size === 0,
    }
  }
}

/** `*.b.example.com`, `*.example.com` and `*.com` for `a.b.example.com`. */
function wildcardsAbove(host: string): readonly string[] {
  const labels = host.split('.')
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
}
