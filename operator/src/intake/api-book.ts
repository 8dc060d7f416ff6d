import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { closedApi } from '../decide/access/declared-api.ts'
import type { DeclaredApi } from '../decide/access/declared-api.ts'
import { accessTo, apiOf, isSameAccess, resolveAccess } from '../decide/access/resolve-access.ts'
import type { ApiAccess, Caller } from '../decide/access/resolve-access.ts'
import { heldIdentifiersOf } from '../shards/held-names.ts'
import type { Shards } from '../shards/shards.ts'
import type { Clock } from '../time/clock.ts'
import type { WatchedClients } from './client-index.ts'
import { createShare } from './share.ts'

/** The least time between two wake-ups of one API's callers. Milliseconds. */
const spacingMs = 1_000
/** Callers that are compared in one slice, about 5 ms. */
const sliceSize = 500

/** Knows every API and its callers. A change of an API wakes only the callers whose access changes. */
export class ApiBook {
  readonly #needs: Needs
  /** The declared APIs of each object when it was last judged, by key. */
  readonly #declared = new Map<string, Said & { readonly stamp: string }>()
  /** The access of each caller at its last look, by key. */
  readonly #callers = new Map<string, { readonly caller: Caller; readonly access: readonly ApiAccess[] }>()
  /** Keys of callers by identifier. */
  readonly #callersOf = new Map<string, Set<string>>()
  /** Identifiers whose callers were woken within spacingMs, and whether to wake them again. */
  readonly #resting = new Map<string, { again: boolean; readonly cancel: () => void }>()
  readonly #share = createShare()
  /** Ends comparisons that go on in slices. */
  readonly #slices = new Set<() => void>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** The object has been judged. @param apis what it says as an API now */
  record(client: OIDCClient, apis: readonly DeclaredApi[]): void {
    const key = keyOf(client)
    const before = this.#declared.get(key)
    const left = this.#leftBy(client)
    if (client.spec.resourceServer === undefined && left.length === 0) this.#declared.delete(key)
    else this.#declared.set(key, { stamp: stampOf(client), apis, left })
    this.#changed(before, { apis, left })
  }

  /** Identifiers under which servers still have the object, though its spec no longer names them. */
  #leftBy(client: OIDCClient): readonly string[] {
    const entry = this.#needs.shards.stored(keyOf(client))?.entry
    return (entry ? heldIdentifiersOf(entry) : []).filter(
      (identifier) => identifier !== client.spec.resourceServer?.identifier,
    )
  }

  /** @returns the caller's access to each audience. It is recorded, and the caller is woken when it changes. Equal results share one list */
  resolve(key: string, caller: Caller): readonly ApiAccess[] {
    const access = this.#share(resolveAccess(caller, this.declaring))
    this.#remember(key, access.length === 0 ? undefined : { caller: this.#shareLists(caller), access })
    return access
  }

  /** Every object that names the identifier, valid or not. A changed object is judged first. */
  readonly declaring = (identifier: string): readonly DeclaredApi[] => {
    const { clients, shards } = this.#needs
    const naming = clients.declaring(identifier)
    const named = new Set(naming.map(keyOf))
    // a client may have it as its client id only: that is no API
    const left = shards
      .holders(identifier)
      .flatMap((key) => (named.has(key) ? [] : (clients.find(key) ?? [])))
      .filter((client) => this.#leftBy(client).includes(identifier))
    return [
      ...naming.map((client) => this.#saidBy(client, identifier, { claim: 'named', standing: 'invalid' })),
      ...left.map((client) => this.#saidBy(client, identifier, { claim: 'held', standing: 'left' })),
    ]
  }

  /** @param otherwise what it is when it says nothing under the identifier */
  #saidBy(client: OIDCClient, identifier: string, otherwise: Parameters<typeof closedApi>[2]): DeclaredApi {
    const known = this.#declared.get(keyOf(client))
    const isKnown = known?.stamp === stampOf(client)
    const apis = isKnown ? known.apis : this.#needs.judge(client)
    if (!isKnown) this.record(client, apis)
    return apis.find((api) => api.identifier === identifier) ?? closedApi(client, identifier, otherwise)
  }

  /** The client is gone. */
  remove(key: string): void {
    this.#remember(key, undefined)
    const before = this.#declared.get(key)
    this.#declared.delete(key)
    this.#changed(before, undefined)
  }

  stop(): void {
    for (const { cancel } of this.#resting.values()) cancel()
    for (const cancel of this.#slices) cancel()
    this.#slices.clear()
    this.#resting.clear()
  }

  #remember(key: string, next: { readonly caller: Caller; readonly access: readonly ApiAccess[] } | undefined): void {
    for (const { identifier } of this.#callers.get(key)?.access ?? []) {
      const keys = this.#callersOf.get(identifier)
      keys?.delete(key)
      if (keys?.size === 0) this.#callersOf.delete(identifier)
    }
    if (!next) {
      this.#callers.delete(key)
      return
    }
    this.#callers.set(key, next)
    for (const { identifier } of next.access) {
      const keys = this.#callersOf.get(identifier) ?? new Set()
      keys.add(key)
      this.#callersOf.set(identifier, keys)
    }
  }

  #shareLists(caller: Caller): Caller {
    const { audiences, scopes, types } = caller
    return { ...caller, audiences: this.#share(audiences), scopes: this.#share(scopes), types: this.#share(types) }
  }

  #changed(before: Said | undefined, after: Said | undefined): void {
    const isSame =
      JSON.stringify([before?.apis ?? [], before?.left ?? []]) ===
      JSON.stringify([after?.apis ?? [], after?.left ?? []])
    if (isSame) return
    const identifiers = new Set(
      [before, after].flatMap((said) => (said ? [...said.apis.map(({ identifier }) => identifier), ...said.left] : [])),
    )
    for (const identifier of identifiers) this.#look(identifier)
  }

  /** Now, or when the callers have rested. */
  #look(identifier: string): void {
    const resting = this.#resting.get(identifier)
    if (resting) {
      resting.again = true
      return
    }
    if (!this.#callersOf.has(identifier)) return
    const cancel = this.#needs.clock.after(spacingMs, () => {
      const isDue = this.#resting.get(identifier)?.again === true
      this.#resting.delete(identifier)
      if (isDue) this.#look(identifier)
    })
    this.#resting.set(identifier, { again: false, cancel })
    this.#compare(identifier, [...(this.#callersOf.get(identifier) ?? [])])
  }

  /** Wakes the callers whose access changed since their last look: some now, the rest soon. */
  #compare(identifier: string, keys: readonly string[]): void {
    const api = apiOf(this.declaring(identifier))
    const concerned = keys.slice(0, sliceSize).filter((key) => {
      // one that was looked at meanwhile knows it already
      const known = this.#callers.get(key)
      const before = known?.access.find((one) => one.identifier === identifier)
      return known && before && !isSameAccess(accessTo(identifier, known.caller, api), before)
    })
    if (concerned.length > 0) this.#needs.wake(concerned)
    if (keys.length <= sliceSize) return
    const cancel = this.#needs.clock.after(0, () => {
      this.#slices.delete(cancel)
      this.#compare(identifier, keys.slice(sliceSize))
    })
    this.#slices.add(cancel)
  }
}

interface Needs {
  readonly clients: Pick<WatchedClients, 'declaring' | 'find'>
  readonly shards: Pick<Shards, 'holders' | 'stored'>
  /** Judges an object that declares an API; it never throws. */
  readonly judge: (client: OIDCClient) => readonly DeclaredApi[]
  readonly wake: (keys: readonly string[]) => void
  readonly clock: Pick<Clock, 'after'>
}

interface Said {
  readonly apis: readonly DeclaredApi[]
  /** Identifiers under which servers still have it. */
  readonly left: readonly string[]
}

/** Changes whenever the object must be judged again; the status is not part of it. */
const stampOf = ({ metadata }: OIDCClient): string =>
  JSON.stringify([metadata.uid, metadata.generation, metadata.labels])
