// Fetches and caches clients by metadata document, with the access that APIs grant now. Anybody can use a URL as client_id, so each host
// and each requester has limits.
import { describeError, foreign } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { GrantedScopes } from '../../clients/registered-client.ts'
import type { Registry } from '../../clients/registry.ts'
import { createAsking, oldestOfMost } from '../outbound/asking.ts'
import type { Asking } from '../outbound/asking.ts'
import type { Fetch } from '../outbound/outbound-fetch.ts'
import { clientOfDocument, coversHost, freshFor, freshness, hostOfId, readDocument } from './metadata-document.ts'
import type { MetadataDocument } from './metadata-document.ts'
import type { OidcClient } from './oidc-client.ts'

export interface ClientDocuments {
  /** @returns the client; fetched when its document is unknown or stale */
  load(clientId: string): Promise<LoadedDocument>
  /** @returns the client, if this replica knows its document */
  known(clientId: string): OidcClient | undefined
  /** Whether documents may be published at an origin. */
  mayHaveOrigin(origin: string): boolean
}

interface Refused {
  readonly kind: 'refused'
  readonly why: string
}
export type LoadedDocument = { readonly kind: 'client'; readonly client: OidcClient } | Refused
interface Access {
  readonly kind: 'access'
  readonly apis: readonly GrantedScopes[]
}

/** The most cached documents, in all and for one host; and the most fetches for one requester and host in a minute. */
const limits = { kept: 1000, ofHost: 100, perMinute: 60 }
/** Bytes of a document. */
export const longestDocument = 5 * 1024
const minute = 60_000
/** The owner of the document has taken it away (RFC 9110 section 15.5.11). 404 may be a fault of the host. */
const gone = 410

interface Kept {
  readonly document: MetadataDocument
  readonly host: string
  /** The network of the first requester. */
  readonly by: string
  readonly at: number
  freshUntil: number
  /** The client made of it, with the access that it was made for. */
  made?: { readonly access: string; readonly client: OidcClient }
}

interface Needs {
  /** Of the settings. */
  readonly hosts: readonly string[]
  readonly algorithms: readonly string[]
  readonly registry: { current(): Registry }
  /** Refuses forbidden addresses and too large answers. */
  readonly fetch: Fetch
  /** The address of the present request's sender; undefined when unknown. */
  readonly asker: () => string | undefined
  readonly log: Log
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

export const createDocuments = (needs: Needs): ClientDocuments => new FetchedDocuments(needs)

class FetchedDocuments implements ClientDocuments {
  readonly #needs: Needs
  readonly #asking: Asking<Kept>
  readonly #kept = new Map<string, Kept>()

  constructor(needs: Needs) {
    this.#needs = needs
    this.#asking = createAsking({ ...needs, perMinute: limits.perMinute })
  }

  known(clientId: string): OidcClient | undefined {
    const one = this.#stored(clientId)
    const loaded = one && this.#clientOf(one)
    return loaded?.kind === 'client' ? loaded.client : undefined
  }

  mayHaveOrigin(origin: string): boolean {
    const { protocol = '', host = '' } = URL.parse(origin) ?? {}
    return protocol === 'https:' && coversHost(this.#needs.hosts, host)
  }

  async load(clientId: string): Promise<LoadedDocument> {
    const { hosts, now } = this.#needs
    const id = hostOfId(clientId)
    if (id.kind === 'refused') return id
    const { host } = id
    if (!coversHost(hosts, host)) return refused(`metadata documents of ${host} are not taken by this server`)
    const access = this.#accessFor(clientId, host)
    if (access.kind === 'refused') return access
    const one = this.#stored(clientId)
    if (one !== undefined && one.freshUntil > now()) return this.#clientOf(one)
    const asked = await this.#asking.request({ of: clientId, host }, () => this.#fetch(clientId, host))
    if (asked.kind === 'answered') return this.#clientOf(asked.value)
    // unless it was withdrawn, the last good document counts for a day, so that an outage there ends no session here
    const before = this.#stored(clientId)
    if (before !== undefined) return this.#clientOf(before)
    return asked.kind === 'no-turn'
      ? refused(`too many documents of ${host} are being asked for; try again in a minute`)
      : refused(`the metadata document of this client cannot be used: ${describeError(asked.error)}`)
  }

  async #fetch(clientId: string, host: string): Promise<Kept> {
    const { fetch, now, algorithms, log } = this.#needs
    const by = this.#asking.network()
    try {
      const answer = await fetch(clientId, { headers: { accept: 'application/json' } })
      if (answer.status === gone) this.#kept.delete(clientId)
      if (answer.status !== 200) throw new Error(`the answer has the status ${answer.status}, not 200`)
      const freshMs = freshFor(answer.headers, new Date()) * 1000
      const read = readDocument(await answer.text(), clientId, algorithms)
      // its owner has said so: a redirect URI that was taken out gets no code from now on
      if (read.kind === 'refused') this.#kept.delete(clientId)
      if (read.kind !== 'read') throw new Error(read.why)
      const one = { document: read.document, host, by, at: now(), freshUntil: now() + freshMs }
      keep(this.#kept, clientId, one)
      return one
    } catch (error) {
      const reason = foreign(describeError(error))
      log.warn({ client: foreign(clientId), reason }, 'the metadata document of a client cannot be used')
      const before = this.#stored(clientId)
      if (before !== undefined) before.freshUntil = now() + minute
      throw error
    }
  }

  /** A known document, fresh or not. */
  #stored(clientId: string): Kept | undefined {
    const { hosts, now } = this.#needs
    const one = this.#kept.get(clientId)
    return one !== undefined && coversHost(hosts, one.host) && now() - one.at < freshness.most * 1000 ? one : undefined
  }

  #clientOf(one: Kept): LoadedDocument {
    const access = this.#accessFor(one.document.clientId, one.host)
    if (access.kind === 'refused') return access
    const text = JSON.stringify(access.apis)
    if (one.made?.access !== text) one.made = { access: text, client: clientOfDocument(one.document, access.apis) }
    return { kind: 'client', client: one.made.client }
  }

  /** Client ids and identifiers of APIs are one space of names. */
  #accessFor(clientId: string, host: string): Access | Refused {
    if (this.#needs.registry.current().findApi(clientId) !== undefined)
      return refused(
        'this client_id is the identifier of an API of this server; publish the document at another address',
      )
    const apis = this.#accessOf(host)
    return apis.length > 0 ? { kind: 'access', apis } : refused(`no API lets clients of ${host} in`)
  }

  /** The present access of a host's clients to APIs. */
  #accessOf(host: string): readonly GrantedScopes[] {
    const apis = this.#needs.registry.current().documentApis()
    return apis.flatMap(({ config: { resourceServer, suspended }, documents }) => {
      const fitting = documents.filter((one) => coversHost(one.hosts, host))
      if (fitting.length === 0 || resourceServer === undefined || suspended) return []
      return [{ identifier: resourceServer.identifier, scopes: [...new Set(fitting.flatMap(({ scopes }) => scopes))] }]
    })
  }
}

const refused = (why: string): Refused => ({ kind: 'refused', why })

/** Evicts the oldest document of the same host or requester first. */
function keep(kept: Map<string, Kept>, clientId: string, one: Kept): void {
  kept.delete(clientId)
  kept.set(clientId, one)
  const ofHost = new Map([...kept].filter(([, { host }]) => host === one.host))
  if (ofHost.size > limits.ofHost) kept.delete(oldestOfMost(ofHost, ({ by }) => by))
  if (kept.size > limits.kept) kept.delete(oldestOfMost(kept, ({ by }) => by))
}
