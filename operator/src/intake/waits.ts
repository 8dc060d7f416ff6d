// Clients that wait for what another one has: its name, or its place under a limit of clients.
import { ageOf } from '@nauthera/rules/age'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import type { Acceptance } from '../decide/client/acceptance.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { splitKey } from '../kubernetes/objects.ts'
import type { WatchedClients } from './client-index.ts'
import type { EndingNamespaces } from './ending-namespaces.ts'
import { LimitWaits } from './limit-waits.ts'
import { NameWaits } from './name-waits.ts'

interface Needs {
  readonly endings: Pick<EndingNamespaces, 'has'>
  readonly hasPlace: (key: string) => boolean
  readonly watch: { readonly clients: Pick<WatchedClients, 'best'> }
  /** Looks at these now. */
  readonly wake: (keys: readonly string[]) => void
}

export class Waits {
  readonly #needs: Needs
  readonly #names: NameWaits
  readonly #limits = new LimitWaits()

  constructor(needs: Needs) {
    this.#needs = needs
    this.#names = new NameWaits((name) => needs.watch.clients.best(name).map(keyOf))
  }

  /** A client was judged. */
  record(judgement: Judgement): void {
    const { client, acceptance, fullLimits = [] } = judgement
    const key = keyOf(client)
    this.#names.record(key, acceptance.kind === 'conflict' ? waitOf(client, acceptance) : undefined)
    this.#wakeAfter(key, this.#limits.record(key, { age: ageOf(client.metadata), full: fullLimits }))
    this.recordPlace(key)
  }

  /** The shards, or the status of a client, may have changed: with its place it leaves a name that only its status shows. */
  recordPlace(key: string): void {
    const { hasPlace, wake } = this.#needs
    const had = this.#limits.hasPlace(key)
    this.#wakeAfter(key, this.#limits.recordPlace(key, hasPlace(key)))
    if (had && !this.#limits.hasPlace(key)) wake(this.#names.of([key]))
  }

  /** The client was removed. */
  remove(key: string): void {
    this.#names.record(key, undefined)
    this.#wakeAfter(key, this.#limits.remove(key))
  }

  /** @returns those that wait for a name of one of these clients */
  forNamesOf(keys: readonly string[]): readonly string[] {
    return this.#names.of(keys)
  }

  /** A client that goes with its namespace leaves no place. */
  #wakeAfter(key: string, waiting: readonly string[]): void {
    if (!this.#needs.endings.has(splitKey(key).namespace)) this.#needs.wake(waiting)
  }
}

const waitOf = ({ spec }: OIDCClient, { field, wanted, holder }: Extract<Acceptance, { kind: 'conflict' }>) => ({
  name: field === 'spec.clientId' ? wanted : (spec.resourceServer?.identifier ?? ''),
  holder,
})
