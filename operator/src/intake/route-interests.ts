// Knows on which Ingresses, HTTPRoutes and hosts the redirect URIs of each client depend.
import { splitKey } from '../kubernetes/objects.ts'
import { wildcardsAbove } from './host-names.ts'
import { KeysBy } from './keys-by.ts'

/** What the last look at a client depended on. */
interface RouteInterest {
  /** `Ingress namespace/name`. */
  readonly objects: ReadonlySet<string>
  /** Hosts for which it counts who has them. */
  readonly hosts: ReadonlySet<string>
  /** Hosts whose object is gone: they end when anybody else names them, or a wildcard above them. */
  readonly gone: readonly string[]
}

/** A host, and the namespaces that had it and have it; undefined: nobody. */
interface HandedHost {
  readonly host: string
  readonly from: string | undefined
  readonly to: string | undefined
}

export class RouteInterests {
  /** By the key of a client. */
  readonly #interests = new Map<string, RouteInterest>()
  /** Keys of clients. */
  readonly #byObject = new KeysBy()
  readonly #byHost = new KeysBy()
  /** Of the few clients that have any. */
  readonly #gone = new Map<string, readonly string[]>()

  keys(): Iterable<string> {
    return this.#interests.keys()
  }

  hosts(): Iterable<string> {
    return this.#byHost.all()
  }

  isAsked(host: string): boolean {
    return this.#byHost.count(host) > 0
  }

  /** @returns the clients of which one host at least is such */
  clientsOf(isSuch: (host: string) => boolean): readonly string[] {
    const hosts = [...this.hosts()].filter(isSuch)
    return [...new Set(hosts.flatMap((host) => [...this.#byHost.of(host)]))]
  }

  set(client: string, interest: RouteInterest): void {
    this.remove(client)
    this.#interests.set(client, interest)
    for (const object of interest.objects) this.#byObject.add(object, client)
    for (const host of interest.hosts) this.#byHost.add(host, client)
    if (interest.gone.length > 0) this.#gone.set(client, interest.gone)
  }

  remove(client: string): void {
    const before = this.#interests.get(client)
    if (!before) return
    this.#interests.delete(client)
    this.#gone.delete(client)
    for (const object of before.objects) this.#byObject.remove(object, client)
    for (const host of before.hosts) this.#byHost.remove(host, client)
  }

  /** @param change.object it is another one now; undefined: one that is not read
   *  @param change.names what it names now and did not before, or the other way round
   *  @param change.handed hosts that went from one namespace to another: for all others somebody else has them as before
   *  @returns the clients whose redirect URIs may change */
  concernedBy(change: {
    readonly object?: string
    readonly names: readonly string[]
    readonly handed: readonly HandedHost[]
  }): ReadonlySet<string> {
    const named = new Set(change.names)
    const concerned = new Set(change.object === undefined ? [] : this.#byObject.of(change.object))
    for (const { host, from, to } of change.handed)
      for (const client of this.#byHost.of(host))
        if (from === undefined || to === undefined || [from, to].includes(splitKey(client).namespace))
          concerned.add(client)
    if (named.size > 0)
      for (const [client, hosts] of this.#gone)
        if (hosts.some((host) => [host, ...wildcardsAbove(host)].some((name) => named.has(name)))) concerned.add(client)
    return concerned
  }
}
