// Who names the hosts for which the operator has no room. They are not followed, and yet no younger object of another namespace may have them.
import { hash } from 'node:crypto'
import { ageOf, byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import type { RouteKind } from '../api/redirect-sources.ts'
import type { HostClaim } from '../decide/client/follow-routes.ts'
import { present } from '../decide/client/present.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import { wildcardsAbove } from './host-names.ts'

/** Names of one namespace that are kept. A few more for each host that somebody follows. */
const mostOfNamespace = 50_000

/** The hosts that clients would follow. */
export interface AskedHosts {
  isAsked(host: string): boolean
  asked(): Iterable<string>
}

/** What one full list of a kind leaves out, and the events after it. The next list begins anew: until then a name stays that was given up. */
export class UnreadHosts {
  readonly #kind: RouteKind
  readonly #hosts: AskedHosts
  /** By the hash of a name: of each namespace the oldest object. */
  readonly #claims = new Map<number, HostClaim | readonly HostClaim[]>()
  /** Names by namespace. */
  readonly #counts = new Map<string, number>()
  /** By the uid of an object: what it claims as it is now. */
  readonly #present = new Map<string, { readonly claim: HostClaim; readonly version: string | undefined }>()
  /** By namespace: the oldest object of which names are not even kept here. */
  readonly #hiding = new Map<string, Age>()
  /** Once names are not kept: the hosts, and wildcards above them, about which everything is known all the same. */
  #certain: ReadonlySet<string> | undefined
  #wantsList = false
  /** Called with names that it did not know of that namespace, or of a younger object. */
  onNews: (claim: HostClaim, names: readonly string[]) => void = () => {}

  /** Called when an object of the namespace was edited or is gone, and its earlier claims are stale. */
  onStale: (namespace: string) => void = () => {}

  constructor(kind: RouteKind, hosts: AskedHosts) {
    this.#kind = kind
    this.#hosts = hosts
  }

  /** Whether nothing was left out. */
  get isEmpty(): boolean {
    return this.#claims.size === 0
  }

  /** Whether the next full list would answer what was asked. */
  get wantsList(): boolean {
    return this.#wantsList
  }

  /** @param names of an object that a controller has taken, and that are not read */
  claim({ metadata }: KubernetesObject, names: Iterable<string>): void {
    const { namespace = '', name, uid = '', creationTimestamp, resourceVersion: version } = metadata
    const age = ageOf({ uid, ...present({ creationTimestamp }) })
    const before = this.#present.get(uid)
    const isEdited = before !== undefined && before.version !== version
    const isSame = before !== undefined && !isEdited
    const claim = isSame ? before.claim : { kind: this.#kind, namespace, name, isTaken: true, ...age }
    const news = Array.from(names, (host) => host.toLowerCase()).filter((host) => this.#add(host, claim))
    if (isEdited || news.length > 0) this.#present.set(uid, { claim, version })
    if (news.length > 0) this.onNews(claim, news)
    if (isEdited) this.onStale(namespace)
  }

  /** An object is gone. */
  forget({ metadata: { namespace = '', uid = '' } }: KubernetesObject): void {
    if (this.#present.delete(uid)) this.onStale(namespace)
  }

  /** @returns of each namespace the oldest that names exactly this */
  of(name: string): readonly HostClaim[] {
    const claims = [this.#claims.get(hashOf(name)) ?? []].flat()
    return claims.map((one) => (this.#present.get(one.uid)?.claim === one ? one : { ...one, isStale: true }))
  }

  /** Whether an object of another namespace, older than this, may name a host of which nothing is kept. */
  mayBeNamed(host: string, { namespace, ...age }: HostClaim): boolean {
    if (this.#isCertain(host)) return false
    const isHidden = [...this.#hiding].some(([other, oldest]) => other !== namespace && byAge(oldest, age) < 0)
    this.#wantsList ||= isHidden
    return isHidden
  }

  /** @returns all that it says of a host, for comparison */
  about(host: string): string {
    return JSON.stringify([[host, ...wildcardsAbove(host)].map((name) => this.of(name)), this.#isCertain(host)])
  }

  #isCertain(host: string): boolean {
    return this.#certain === undefined || this.#certain.has(host)
  }

  /** @returns whether that is news */
  #add(name: string, claim: HostClaim): boolean {
    const key = hashOf(name)
    const known = [this.#claims.get(key) ?? []].flat()
    const before = known.find(({ namespace }) => namespace === claim.namespace)
    if (before ? byAge(before, claim) < 0 : !this.#hasRoom(name, claim)) return false
    const others = known.filter((one) => one !== before)
    this.#claims.set(key, others.length === 0 ? claim : [...others, claim])
    return before?.uid !== claim.uid
  }

  #hasRoom(name: string, { namespace, ...age }: HostClaim): boolean {
    const count = this.#counts.get(namespace) ?? 0
    if (count < mostOfNamespace) {
      this.#counts.set(namespace, count + 1)
      return true
    }
    this.#certain ??= new Set([...this.#hosts.asked()].flatMap((host) => [host, ...wildcardsAbove(host)]))
    if (this.#certain.has(name) || this.#hosts.isAsked(name)) return true
    const oldest = this.#hiding.get(namespace)
    if (!oldest || byAge(age, oldest) < 0) this.#hiding.set(namespace, age)
    return false
  }
}

/** 48 bits of a name. Whoever finds two names with one hash gains nothing: they could name the other one, too. */
const hashOf = (name: string): number => hash('sha256', name, 'buffer').readUIntBE(0, 6)
