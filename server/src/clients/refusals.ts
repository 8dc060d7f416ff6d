// Counts refused requests by client and code. Counting does no I/O: a flood of them stays cheap.
import { hash } from 'node:crypto'
import { hostBits, keepDetails, networkBits } from '@nauthera/rules/refusal-details'
import type { RefusalDetail } from '@nauthera/rules/refusal-details'
import { refusalKinds, refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'
import { placeOf } from '@nauthera/runtime/log'
import { networksOf } from '../address-ranges.ts'
import type { RegisteredClient } from './registered-client.ts'
import type { Registry } from './registry.ts'

/** One refused request. */
export interface SeenRefusal {
  readonly code: RefusalCode
  readonly by: RefusedBy
  /** As it came. Nothing of a person, and no secret. */
  readonly detail?: string | undefined
  /** The address that the request came from. */
  readonly from: string
}

export interface CountedRefusal {
  readonly code: RefusalCode
  readonly by: RefusedBy
  readonly details: readonly RefusalDetail[]
  /** Since this server began to count them. */
  readonly count: number
  /** Epoch milliseconds. */
  readonly lastSeen: number
}

export interface ClientRefusals {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly refusals: readonly CountedRefusal[]
}

type Entry = { -readonly [Field in keyof CountedRefusal]: CountedRefusal[Field] }

interface OfClient {
  client: RegisteredClient
  /** Where the client itself says that it is. */
  ownPlaces: ReadonlySet<string>
  readonly entries: Map<string, Entry>
  /** Of the news about it. */
  order: number
  /** Epoch milliseconds; undefined while all that is counted was told. */
  dueAt: number | undefined
}

/** A client of which nothing is counted any more, which is news too. */
interface Over {
  readonly client: RegisteredClient
  readonly order: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** For how long it is told that all refusals of a client are over: of two agents' streams, one may be dead and take the news. Milliseconds. */
const overToldMs = 60_000

/** Of a detail, before it is made harmless. */
const longestRead = 500

/** Bounded by refusalLimits. Each code has a place of its own. In a full house the client whose last request is the longest ago gives way:
 *  its status still says for an hour what it was told. */
export class RefusalCounts {
  /** By client id: those with a request of a proven program, and the others. The one whose last request is the longest ago comes first. */
  readonly #clients: Readonly<Record<RefusedBy, Map<string, OfClient>>> = { Client: new Map(), Anyone: new Map() }
  readonly #over = new Map<string, Over>()
  readonly #now: () => number

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** @param order of this refusal; @returns whether its code or its detail is new, which is reported at once */
  count(client: RegisteredClient, seen: SeenRefusal, order: number): boolean {
    // a client by metadata document has no object to tell
    if (client.namespace === '') return false
    const now = this.#now()
    const { code, by } = seen
    const known = this.#roomOf(client, by, order)
    const key = `${code} ${by}`
    const entry = known.entries.get(key) ?? { code, by, details: [], count: 0, lastSeen: now }
    known.entries.set(key, entry)
    const details = detailsWith(entry.details, known, { ...seen, now })
    const isNews = entry.count === 0 || details.some((one) => !hasDetail(entry.details, one))
    Object.assign(entry, { count: entry.count + 1, lastSeen: now, details })
    if (isNews) known.order = order
    known.dueAt = isNews ? undefined : (known.dueAt ?? now + refusalLimits.renewMs)
    return isNews
  }

  /** @param nextOrder for what falls due now
   *  @returns the clients of which something is to be told that was not told up to `cursor`; without refusals when all are over */
  since(cursor: number, nextOrder: () => number): ClientRefusals[] {
    const now = this.#now()
    const changed: ClientRefusals[] = []
    for (const [clientId, { client, order, at }] of this.#over) {
      if (now - at >= overToldMs) this.#over.delete(clientId)
      else if (order > cursor) changed.push(toldOf(client, []))
    }
    for (const clients of Object.values(this.#clients))
      for (const [clientId, known] of clients) {
        removeOld(known.entries, now)
        if (known.entries.size === 0) {
          this.#end(clientId, known, nextOrder())
          changed.push(toldOf(known.client, []))
          continue
        }
        if (known.dueAt !== undefined && known.dueAt <= now) {
          known.order = nextOrder()
          known.dueAt = undefined
        }
        if (known.order > cursor) changed.push(toldOf(known.client, [...known.entries.values()]))
      }
    return changed
  }

  /** Removes the clients that are gone. */
  removeAllBut(registry: Registry): void {
    for (const clients of [...Object.values(this.#clients), this.#over])
      for (const [clientId, { client }] of clients)
        if (registry.find(clientId)?.uid !== client.uid) clients.delete(clientId)
  }

  /** @returns what is counted of the client, as the last one to give way */
  #roomOf(client: RegisteredClient, by: RefusedBy, order: number): OfClient {
    const { clientId, uid } = client
    const { Client: proven, Anyone: others } = this.#clients
    const before = proven.get(clientId) ?? others.get(clientId)
    const clients = by === 'Client' || proven.has(clientId) ? proven : others
    for (const each of [proven, others, this.#over]) each.delete(clientId)
    const isSame = before?.client.uid === uid
    if (clients.size >= refusalLimits.clients) this.#endOldest(clients, order)
    const known = isSame
      ? before
      : { client, ownPlaces: ownPlacesOf(client), entries: new Map(), order, dueAt: undefined }
    if (known.client !== client) Object.assign(known, { client, ownPlaces: ownPlacesOf(client) })
    clients.set(clientId, known)
    return known
  }

  #endOldest(clients: ReadonlyMap<string, OfClient>, order: number): void {
    for (const [clientId, known] of clients) return this.#end(clientId, known, order)
  }

  #end(clientId: string, { client }: OfClient, order: number): void {
    for (const clients of Object.values(this.#clients)) clients.delete(clientId)
    this.#over.set(clientId, { client, order, at: this.#now() })
  }
}

const toldOf = (
  { namespace, name, clientId }: RegisteredClient,
  refusals: readonly CountedRefusal[],
): ClientRefusals => ({ namespace, name, clientId, refusals: refusals.map((one) => ({ ...one })) })

/** Removes what was refused too long ago. */
function removeOld(entries: Map<string, Entry>, now: number): void {
  const isOld = ({ lastSeen }: { readonly lastSeen: number }) => now - lastSeen >= refusalLimits.keptMs
  for (const [key, entry] of entries) {
    if (isOld(entry)) entries.delete(key)
    else if (entry.details.some(isOld)) entry.details = entry.details.filter((detail) => !isOld(detail))
  }
}

/** @returns those that are kept, with the one of a request */
function detailsWith(
  details: readonly RefusalDetail[],
  { client, ownPlaces }: OfClient,
  { code, by, detail = '', from, now }: SeenRefusal & { readonly now: number },
): readonly RefusalDetail[] {
  const text = harmless({ code, detail }, ownPlaces)
  if (text === '') return details
  const isOwn = isOwnPlace({ code, text }, ownPlaces)
  const one = { text, isOwn, sender: senderOf(client.uid, from), lastSeen: now }
  return keepDetails([...details, one], refusalLimits.places[by])
}

const hasDetail = (details: readonly RefusalDetail[], { text, sender }: RefusalDetail): boolean =>
  details.some((one) => one.text === text && one.sender === sender)

/** Too few bits to find an address by, and other ones for each client: the operator tells senders apart, and learns nothing of them. */
function senderOf(uid: string, address: string): number {
  const { wide, narrow } = networksOf(address)
  const bitsOf = (text: string, bits: number) =>
    hash('sha256', `${uid} ${text}`, 'buffer').readUInt32BE() >>> (32 - bits)
  return bitsOf(wide, networkBits) * 2 ** hostBits + bitsOf(narrow, hostBits)
}

/** @returns the host of an address, or the scheme that an installed application has as its own; empty for what is no address */
function whoseOf(text: string): string {
  if (!URL.canParse(text)) return ''
  const { hostname, protocol } = new URL(text)
  return hostname || protocol
}

/** Where the client itself says that it is. */
function ownPlacesOf({ config }: RegisteredClient): ReadonlySet<string> {
  const { redirectUris, postLogoutRedirectUris, corsOrigins, audiences } = config
  const places = [...redirectUris, ...postLogoutRedirectUris, ...corsOrigins, ...audiences].map(whoseOf)
  return new Set(places.filter((place) => place !== ''))
}

const isOwnPlace = ({ code, text }: { readonly code: RefusalCode; readonly text: string }, own: ReadonlySet<string>) =>
  refusalKinds[code].detail === 'uri' && own.has(whoseOf(text))

/** A detail in a form that is safe for the client's owner to read: the sender of the request chose every character. */
function harmless({ code, detail }: { readonly code: RefusalCode; readonly detail: string }, own: ReadonlySet<string>) {
  const read = detail.slice(0, longestRead)
  const text = refusalKinds[code].detail === 'uri' ? placeOf(read) : read
  const ascii = text.replace(/[^\x20-\x7e]/g, '_')
  // nobody follows an address that a stranger has written
  const broken = isOwnPlace({ code, text }, own) ? ascii : ascii.replace(/([a-z0-9-])\.(?=[a-z0-9-])/gi, '$1[.]')
  // a copy: a slice would keep the whole request, up to 16 KiB, in memory
  return Buffer.from(broken.slice(0, refusalLimits.detail)).toString()
}
