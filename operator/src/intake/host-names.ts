// Which Ingresses and HTTPRoutes name a host: of each namespace one, since a namespace may have thousands.
import { byRight } from '../decide/client/follow-routes.ts'
import type { HostRoute } from '../decide/client/route-hosts.ts'
import { KeysBy } from './keys-by.ts'

export class HostNames {
  /** Namespaces by the host that they name. */
  readonly #namespaces = new KeysBy()
  /** By namespace and host; several stand in a list, the one that has the most right to it first. */
  readonly #routes = new Map<string, Map<string, HostRoute | readonly HostRoute[]>>()

  add(route: HostRoute): void {
    const byHost = this.#routes.get(route.namespace) ?? new Map<string, HostRoute | readonly HostRoute[]>()
    this.#routes.set(route.namespace, byHost)
    for (const host of route.names) {
      const before = byHost.get(host)
      byHost.set(host, before === undefined ? route : withRoute([before].flat(), route))
      this.#namespaces.add(host, route.namespace)
    }
  }

  remove(route: HostRoute): void {
    const byHost = this.#routes.get(route.namespace)
    for (const host of route.names) {
      const left = [byHost?.get(host) ?? []].flat().filter((one) => one !== route)
      if (left.length > 0) byHost?.set(host, left.length === 1 ? left[0]! : left)
      else {
        byHost?.delete(host)
        this.#namespaces.remove(host, route.namespace)
      }
    }
    if (byHost?.size === 0) this.#routes.delete(route.namespace)
  }

  /** @param name a host, or a wildcard as it is written
   *  @returns of each namespace the one with the most right to exactly this name */
  of(name: string): readonly HostRoute[] {
    return [...this.#namespaces.of(name)].flatMap((namespace) =>
      [this.#routes.get(namespace)?.get(name) ?? []].flat().slice(0, 1),
    )
  }
}

function withRoute(ordered: readonly HostRoute[], route: HostRoute): readonly HostRoute[] {
  const place = ordered.findIndex((one) => byRight(one, route) > 0)
  return ordered.toSpliced(place === -1 ? ordered.length : place, 0, route)
}

/** `*.b.example.com`, `*.example.com` and `*.com` for `a.b.example.com`. */
export function wildcardsAbove(host: string): readonly string[] {
  const labels = host.split('.')
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
}
