// Counts refused requests by client and code. Counting does no I/O: a flood of them stays cheap.
import { refusalKinds, refusalLimits } from '@nauthera/rules/refusals'
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'
import { placeOf } from '@nauthera/runtime/log'
import type { RegisteredClient } from './registered-client.ts'
import type { Registry } from './registry.ts'

/** One refused request. */
export interface SeenRefusal {
  readonly code: RefusalCode
  readonly by: RefusedBy
  /** As it came. Nothing of a person, and no secret. */
  readonly detail?: string | undefined
}

export interface CountedRefusal {
  readonly code: RefusalCode
  readonly by: RefusedBy
  /** ASCII, at most 200 characters; empty for none. */
  readonly detail: string
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

interface Entry {
  readonly code: RefusalCode
  readonly by: RefusedBy
  detail: string
  count: number
  lastSeen: number
}

interface OfClient {
  readonly client: RegisteredClient
  /** No program that proved itself has spoken in its name. */
  isOfAnyone: boolean
  readonly entries: Map<string, Entry>
  /** Of the news about it; 0 while it was never told. */
  order: number
  /** Epoch milliseconds; undefined while all that is counted was told. */
  dueAt: number | undefined
  /** Since when nothing of it is counted any more, epoch milliseconds. */
  overAt: number | undefined
}

/** For how long it is told that all refusals of a client are over: of two agents' streams, one may be dead and take the news. Milliseconds. */
const overToldMs = 60_000

/** Of a detail, as it waits to be made harmless. */
const longestKept = 500

/** Bounded by refusalLimits. When it is full, new refusals are not counted, so that a stranger's requests never push out a client's. */
export class RefusalCounts {
  readonly #clients = new Map<string, OfClient>()
  readonly #now: () => number
  #ofAnyone = 0

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** @param order of this refusal; @returns whether its code is new, which is reported at once */
  count(client: RegisteredClient, { code, by, detail = '' }: SeenRefusal, order: number): boolean {
    // a client by metadata document has no object to tell
    if (client.namespace === '') return false
    const now = this.#now()
    const known = this.#roomOf(client, by)
    if (known === undefined) return false
    const entry = known.entries.get(`${code} ${by}`)
    if (entry !== undefined) {
      entry.count++
      entry.lastSeen = now
      entry.detail = ownCopy(detail)
      known.dueAt ??= now + refusalLimits.renewMs
      return false
    }
    const codes = [...known.entries.values()].filter((one) => one.by === by).length
    if (codes >= refusalLimits.codes) return false
    known.entries.set(`${code} ${by}`, { code, by, detail: ownCopy(detail), count: 1, lastSeen: now })
    known.order = order
    known.dueAt = undefined
    known.overAt = undefined
    return true
  }

  /** @param nextOrder for what falls due now
   *  @returns the clients of which something is to be told that was not told up to `cursor`; without refusals when all are over */
  since(cursor: number, nextOrder: () => number): ClientRefusals[] {
    const now = this.#now()
    const changed: ClientRefusals[] = []
    for (const [clientId, known] of this.#clients) {
      for (const [key, { lastSeen }] of known.entries)
        if (now - lastSeen >= refusalLimits.keptMs) known.entries.delete(key)
      if (known.entries.size === 0 && known.overAt === undefined) {
        known.overAt = now
        known.dueAt = undefined
        known.order = nextOrder()
      }
      if (known.overAt !== undefined && now - known.overAt >= overToldMs) {
        this.#remove(clientId)
        continue
      }
      if (known.dueAt !== undefined && known.dueAt <= now) {
        known.order = nextOrder()
        known.dueAt = undefined
      }
      if (known.order > cursor) changed.push(toldOf(known))
    }
    return changed
  }

  /** Removes the clients that are gone. */
  removeAllBut(registry: Registry): void {
    for (const [clientId, { client }] of this.#clients)
      if (registry.find(clientId)?.uid !== client.uid) this.#remove(clientId)
  }

  /** @returns what is counted of the client; undefined when there is no room for one more */
  #roomOf(client: RegisteredClient, by: RefusedBy): OfClient | undefined {
    const { clientId, uid } = client
    if (this.#clients.get(clientId)?.client.uid !== uid) this.#remove(clientId)
    const before = this.#clients.get(clientId)
    const isOfAnyone = by === 'Anyone'
    if (before?.isOfAnyone === true && !isOfAnyone) {
      before.isOfAnyone = false
      this.#ofAnyone--
    }
    if (before !== undefined) return before
    if (this.#clients.size >= refusalLimits.clients) return undefined
    if (isOfAnyone && this.#ofAnyone >= refusalLimits.clientsOfAnyone) return undefined
    if (isOfAnyone) this.#ofAnyone++
    const known = {
      client,
      isOfAnyone,
      entries: new Map<string, Entry>(),
      order: 0,
      dueAt: undefined,
      overAt: undefined,
    }
    this.#clients.set(clientId, known)
    return known
  }

  #remove(clientId: string): void {
    if (this.#clients.get(clientId)?.isOfAnyone === true) this.#ofAnyone--
    this.#clients.delete(clientId)
  }
}

/** Copies the text: a slice would keep the whole request, up to 16 KiB, in memory. */
const ownCopy = (detail: string): string => Buffer.from(detail.slice(0, longestKept)).toString()

function toldOf({ client, entries }: OfClient): ClientRefusals {
  const { namespace, name, clientId } = client
  const own = ownPlaces(client)
  const refusals = [...entries.values()].map((entry) => ({ ...entry, detail: harmless(entry, own) }))
  return { namespace, name, clientId, refusals }
}

/** @returns the host of an address, or the scheme that an installed application has as its own; empty for what is no address */
function whoseOf(text: string): string {
  if (!URL.canParse(text)) return ''
  const { hostname, protocol } = new URL(text)
  return hostname || protocol
}

/** Where the client itself says that it is. */
function ownPlaces({ config }: RegisteredClient): ReadonlySet<string> {
  const { redirectUris, postLogoutRedirectUris, corsOrigins, audiences } = config
  const places = [...redirectUris, ...postLogoutRedirectUris, ...corsOrigins, ...audiences].map(whoseOf)
  return new Set(places.filter((place) => place !== ''))
}

/** A detail in a form that is safe for the client's owner to read: the sender of the request chose every character. */
function harmless({ code, detail }: Pick<Entry, 'code' | 'detail'>, own: ReadonlySet<string>): string {
  const isUri = refusalKinds[code].detail === 'uri'
  const text = isUri ? placeOf(detail) : detail
  const ascii = text.replace(/[^\x20-\x7e]/g, '_')
  const isOwn = isUri && own.has(whoseOf(text))
  // nobody follows an address that a stranger has written
  const broken = isOwn ? ascii : ascii.replace(/([a-z0-9-])\.(?=[a-z0-9-])/gi, '$1[.]')
  return broken.slice(0, refusalLimits.detail)
}
