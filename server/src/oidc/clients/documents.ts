// Clients by metadata document: fetched, kept for a while, and judged by what the APIs of this server let in now. Anybody can name an
// address as their client_id, so everything here is bounded, and what one host does takes nothing from another.
import { describeError, foreign } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { GrantedScopes } from '../../clients/registered-client.ts'
import type { Registry } from '../../clients/registry.ts'
import type { Fetch } from '../outbound/outbound-fetch.ts'
import { clientOfDocument, coversHost, freshFor, freshness, hostOfId, readDocument } from './metadata-document.ts'
import type { MetadataDocument } from './metadata-document.ts'
import type { OidcClient } from './oidc-client.ts'

export interface Documents {
  /** @returns the client; fetched when its document is not known, or not fresh any more */
  load(clientId: string): Promise<Loaded>
  /** @returns the client, as far as this replica knows its document */
  known(clientId: string): OidcClient | undefined
}

export type Loaded =
  { readonly kind: 'client'; readonly client: OidcClient } | { readonly kind: 'refused'; readonly why: string }

/** Documents that are kept, in all and of one host; failures that are remembered; fetches at a time, in all and from one host; addresses of
 *  a host, and hosts, that are asked in a minute. */
const limits = { kept: 1000, ofHost: 100, failures: 1000, atOnce: 20, atOnceOfHost: 4, newInMinute: 60, hosts: 1000 }
/** Bytes of a document. */
export const longestDocument = 5 * 1024
const minute = 60_000

interface Kept {
  readonly document: MetadataDocument
  readonly host: string
  readonly at: number
  freshUntil: number
  /** As a client, and what it was made for. */
  made?: { readonly access: string; readonly client: OidcClient }
}

interface Failure {
  readonly at: number
  readonly why: string
}

interface Needs {
  /** Of the settings. */
  readonly hosts: readonly string[]
  readonly algorithms: readonly string[]
  readonly registry: { current(): Registry }
  /** Refuses addresses that it must not reach, and answers that are too large. */
  readonly fetch: Fetch
  readonly log: Log
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

export const createDocuments = (needs: Needs): Documents => new FetchedDocuments(needs)

class FetchedDocuments implements Documents {
  readonly #needs: Needs
  readonly #turns: Turns
  readonly #kept = new Map<string, Kept>()
  readonly #failures = new Map<string, Failure>()
  readonly #running = new Map<string, Promise<Loaded>>()

  constructor(needs: Needs) {
    this.#needs = needs
    this.#turns = createTurns(needs.now)
  }

  known(clientId: string): OidcClient | undefined {
    const one = this.#stored(clientId)
    const loaded = one && this.#clientOf(one)
    return loaded?.kind === 'client' ? loaded.client : undefined
  }

  async load(clientId: string): Promise<Loaded> {
    const { hosts, now } = this.#needs
    const id = hostOfId(clientId)
    if (id.kind === 'refused') return id
    const { host } = id
    if (!coversHost(hosts, host)) return refused(`metadata documents of ${host} are not taken by this server`)
    if (this.#accessOf(host).length === 0) return refused(`no API lets clients of ${host} in`)
    const one = this.#stored(clientId)
    if (one !== undefined && one.freshUntil > now()) return this.#clientOf(one)
    const failure = this.#failures.get(clientId)
    if (failure !== undefined && now() - failure.at < minute && one === undefined) return unusable(failure.why)
    let asking = this.#running.get(clientId)
    if (asking === undefined) {
      asking = this.#fetch(clientId, host).finally(() => this.#running.delete(clientId))
      this.#running.set(clientId, asking)
    }
    return asking
  }

  async #fetch(clientId: string, host: string): Promise<Loaded> {
    const { fetch, now, algorithms } = this.#needs
    const end = this.#turns.begin(host)
    if (end === undefined) return this.#hasNoTurn(clientId, host)
    try {
      const answer = await fetch(clientId, { headers: { accept: 'application/json' } })
      if (answer.status !== 200) throw new Error(`the answer has the status ${answer.status}, not 200`)
      const freshMs = freshFor(answer.headers, new Date()) * 1000
      const read = readDocument(await answer.text(), clientId, algorithms)
      if (read.kind === 'refused') throw new Error(read.why)
      const one = { document: read.document, host, at: now(), freshUntil: now() + freshMs }
      keep(this.#kept, clientId, one)
      this.#failures.delete(clientId)
      return this.#clientOf(one)
    } catch (error) {
      return this.#failed(clientId, describeError(error))
    } finally {
      end()
    }
  }

  /** Not remembered: it may have its turn at the next request. */
  #hasNoTurn(clientId: string, host: string): Loaded {
    const before = this.#stored(clientId)
    if (before !== undefined) return this.#clientOf(before)
    return refused(`too many documents of ${host} are being asked for; try again in a minute`)
  }

  /** The last good document counts for a day, so that an outage over there ends nobody's session here. */
  #failed(clientId: string, why: string): Loaded {
    const { log, now } = this.#needs
    log.warn({ client: foreign(clientId), reason: foreign(why) }, 'the metadata document of a client cannot be used')
    const before = this.#stored(clientId)
    if (before !== undefined) {
      before.freshUntil = now() + minute
      return this.#clientOf(before)
    }
    this.#failures.delete(clientId)
    this.#failures.set(clientId, { at: now(), why })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > limits.failures && oldest !== undefined) this.#failures.delete(oldest)
    return unusable(why)
  }

  /** A known document, fresh or not. */
  #stored(clientId: string): Kept | undefined {
    const { hosts, now } = this.#needs
    const one = this.#kept.get(clientId)
    return one !== undefined && coversHost(hosts, one.host) && now() - one.at < freshness.most * 1000 ? one : undefined
  }

  #clientOf(one: Kept): Loaded {
    const access = this.#accessOf(one.host)
    if (access.length === 0) return refused(`no API lets clients of ${one.host} in`)
    const text = JSON.stringify(access)
    if (one.made?.access !== text) one.made = { access: text, client: clientOfDocument(one.document, access) }
    return { kind: 'client', client: one.made.client }
  }

  /** What clients of a host may have at APIs now. */
  #accessOf(host: string): readonly GrantedScopes[] {
    const apis = this.#needs.registry.current().documentApis()
    return apis.flatMap(({ config: { resourceServer, suspended }, documents }) => {
      const fitting = documents.filter((one) => coversHost(one.hosts, host))
      if (fitting.length === 0 || resourceServer === undefined || suspended) return []
      return [{ identifier: resourceServer.identifier, scopes: [...new Set(fitting.flatMap(({ scopes }) => scopes))] }]
    })
  }
}

const refused = (why: string): Loaded => ({ kind: 'refused', why })
const unusable = (why: string): Loaded => refused(`the metadata document of this client cannot be used: ${why}`)

/** Nobody's documents take the room of another host. */
function keep(kept: Map<string, Kept>, clientId: string, one: Kept): void {
  kept.delete(clientId)
  kept.set(clientId, one)
  const ofHost = [...kept].filter(([, { host }]) => host === one.host)
  if (ofHost.length > limits.ofHost) kept.delete(ofHost[0]![0])
  if (kept.size <= limits.kept) return
  const byHost = [...Map.groupBy(kept, ([, { host }]) => host).values()]
  const most = byHost.reduce((some, other) => (other.length > some.length ? other : some))
  kept.delete(most[0]![0])
}

interface Turns {
  /** @returns what to call at the end; undefined when it is not its turn */
  begin(host: string): (() => void) | undefined
}

/** Who may be asked now. */
function createTurns(now: () => number): Turns {
  const going = new Map<string, number>()
  const asked = new Map<string, { since: number; count: number }>()
  let all = 0
  return {
    begin(host) {
      for (const [one, { since }] of asked) if (now() - since >= minute) asked.delete(one)
      const ofHost = going.get(host) ?? 0
      const inMinute = asked.get(host) ?? { since: now(), count: 0 }
      if (all >= limits.atOnce || ofHost >= limits.atOnceOfHost || inMinute.count >= limits.newInMinute)
        return undefined
      if (inMinute.count === 0 && asked.size >= limits.hosts) return undefined
      inMinute.count++
      asked.set(host, inMinute)
      going.set(host, ofHost + 1)
      all++
      return () => {
        all--
        const left = going.get(host)! - 1
        if (left === 0) going.delete(host)
        else going.set(host, left)
      }
    },
  }
}
