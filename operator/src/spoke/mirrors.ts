// The mirrors in the hub, by the clients here that they stand for: what is known of each is a record, and this carries out what it asks for.
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import { createWorkQueue } from '../intake/work-queue.ts'
import type { WorkQueue } from '../intake/work-queue.ts'
import { askedWaitMs } from '../kubernetes/api-error.ts'
import type { CollectionChange } from '../kubernetes/collection.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { collectionPath, resourceTypes } from '../kubernetes/objects.ts'
import { createReflector } from '../kubernetes/reflector.ts'
import type { Reflector } from '../kubernetes/reflector.ts'
import type { ClientForShard } from '../shards/client-entry.ts'
import type { Clock } from '../time/clock.ts'
import type { HubState } from './hub-state.ts'
import type { AboutMirror } from './build-mirror.ts'
import { checkForHub } from './judge-by-hub.ts'
import { createMirrorCalls } from './mirror-calls.ts'
import type { MirrorCalls, MirrorRefusal, MirrorWrite } from './mirror-calls.ts'
import { afterEvent, isPresentIn, isRestrainedIn, nextWrite } from './mirror-record.ts'
import type { ClientToday, MirrorEvent, MirrorRecord, MirrorWish } from './mirror-record.ts'
import { clientKeyOf } from './mirror.ts'
import type { Mirror } from './mirror.ts'

/** Writes at the same time. */
const workers = 8
/** After the hub refused a version: try again after this long, since a policy there may change. Milliseconds. */
const refusedMs = 60_000

interface MirrorNeeds {
  readonly hub: KubeConnection
  /** Of this cluster in the hub. */
  readonly namespace: string
  readonly state: HubState
  /** A client of this cluster, valid or not, by `namespace/name`. */
  readonly findClient: (key: string) => OIDCClient | undefined
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined
  readonly namespaceBornAt: AboutMirror['namespaceBornAt']
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** What is stored of these clients, or what the hub says of them, has changed. */
  readonly onChange: (keys: readonly string[]) => void
  /** The first list is complete: what waited for it can be decided now. */
  readonly onListed: () => void
  readonly onWrite: () => void
}

const nothingKnown: MirrorRecord = {}

/** Keys are of the clients here: `namespace/name`. */
export class Mirrors {
  readonly #needs: MirrorNeeds
  readonly #calls: MirrorCalls
  readonly #reflector: Reflector<Mirror>
  readonly #writes: WorkQueue
  readonly #records = new Map<string, MirrorRecord>()
  #isListed = false
  #cancelRetry = () => {}
  #stopListening = () => {}

  constructor(needs: MirrorNeeds) {
    this.#needs = needs
    const { hub, clock, random, log, namespace } = needs
    this.#calls = createMirrorCalls(hub, namespace)
    this.#reflector = createReflector<Mirror>({
      connection: hub,
      path: collectionPath(resourceTypes.clients, namespace),
      clock,
      random,
      log: log.child({ at: 'hub' }),
      listsAfterBreak: true,
      onChange: (change) => this.#observe(change),
      onRelist: () => this.#onListed(),
    })
    this.#writes = createWorkQueue({
      workers,
      clock,
      times: { backoffMs: 200, backoffCapMs: 15_000 },
      waitFor: askedWaitMs,
      onFailed: (key, error, retryInMs) =>
        log.warn({ client: key, error, retry: `${Math.round(retryInMs)}ms` }, 'mirror not written'),
    })
  }

  /** Begins to list and to write. */
  start(): void {
    this.#reflector.start()
    this.#writes.start((key) => this.#write(key))
    this.#stopListening = this.#needs.state.listenUsable(() => this.#wakeHeld())
    this.#retryRefused()
  }

  async stop(): Promise<void> {
    this.#cancelRetry()
    this.#stopListening()
    await this.#writes.stop()
    await this.#reflector.stop()
  }

  /** Whether every mirror is known: before that, a missing one may exist. */
  get isListed(): boolean {
    return this.#isListed
  }

  find(key: string): Mirror | undefined {
    return this.#record(key).stored
  }

  *all(): Iterable<[key: string, mirror: Mirror]> {
    for (const [key, { stored }] of this.#records) if (stored) yield [key, stored]
  }

  /** Whether the mirror is of this object, and says what was asked for last. Not while something else is written over it. */
  isCurrent(key: string): boolean {
    const today = this.#today(key)
    return today !== undefined && isPresentIn(this.#record(key), today)
  }

  /** Whether the mirror has what stops or narrows the client today, in whichever version. */
  isRestrained(key: string): boolean {
    const today = this.#today(key)
    return today !== undefined && isRestrainedIn(this.#record(key), today)
  }

  /** Why the hub does not take the mirror. What it said of an earlier version of the client says nothing of the present one. */
  refusal(key: string): MirrorRefusal | undefined {
    const { refused, unrestrained } = this.#record(key)
    if (refused === undefined || refused.generation !== this.#needs.findClient(key)?.metadata.generation)
      return unrestrained
    const { reason, message } = refused
    return {
      reason,
      message: unrestrained ? `${message}; what stops it is not taken: ${unrestrained.message}` : message,
    }
  }

  ask(client: ClientForShard): void {
    const key = `${client.namespace}/${client.name}`
    this.#happen(key, { kind: 'asked', client })
    this.#wakeKey(key)
  }

  forget(key: string): void {
    this.#happen(key, { kind: 'forgotten' })
  }

  /** Writes what the hub does not have: it compares every mirror. */
  wake(): void {
    for (const key of this.#records.keys()) this.#wakeKey(key)
  }

  /** Deletes a mirror in the version that was seen. */
  async remove(key: string, mirror: Mirror): Promise<void> {
    const { state, log } = this.#needs
    if (!state.mayWrite) return
    await this.#calls.remove(mirror)
    log.info({ client: key, origin: mirror.spec.origin?.uid }, 'mirror removed')
  }

  #record(key: string): MirrorRecord {
    return this.#records.get(key) ?? nothingKnown
  }

  #happen(key: string, event: MirrorEvent): void {
    const next = afterEvent(this.#record(key), event)
    if (Object.keys(next).length > 0) this.#records.set(key, next)
    else this.#records.delete(key)
  }

  /** @returns undefined when nothing can be wanted of it */
  #today(key: string): ClientToday | undefined {
    const { findClient, namespaceLabels, namespaceBornAt, state } = this.#needs
    const client = this.#record(key).asked && findClient(key)
    return (
      client && {
        client,
        isValid: checkForHub(client).length === 0,
        about: {
          namespaceLabels: namespaceLabels(client.metadata.namespace),
          namespaceBornAt,
          now: state.clock.now(),
        },
      }
    )
  }

  /** @param kind only for this one */
  #wakeKey(key: string, kind?: MirrorWish['kind']): void {
    const today = this.#today(key)
    const next = today && nextWrite(this.#record(key), today)
    if (next?.kind === 'write' && (kind ?? next.wish.kind) === next.wish.kind) this.#writes.add(key)
  }

  async #write(key: string): Promise<void> {
    const { state, onChange } = this.#needs
    const today = this.#today(key)
    if (!today || !this.#isListed) return
    const next = nextWrite(this.#record(key), today)
    if (next.kind === 'nothing') return
    if (!state.mayWrite) {
      this.#happen(key, { kind: 'held' })
      // silence comes without an answer
      return state.look()
    }
    if (next.kind === 'settled') {
      // what the hub refused was taken back
      this.#happen(key, next)
      // who asked while an earlier write went on looks again
      return onChange([key])
    }
    await this.#send(key, next.wish, today)
    onChange([key])
    // after one that was refused or not answered, what stops the client goes out; after that, the version again
    this.#wakeKey(key)
  }

  /** @throws ApiError of a hub that does not answer, or that does not even take what stops the client: try again */
  async #send(key: string, wish: MirrorWish, { client }: ClientToday): Promise<void> {
    this.#happen(key, { kind: 'begun', wish })
    let outcome: MirrorWrite
    try {
      outcome = await this.#calls.write(key, wish.wanted, this.#record(key).stored)
    } catch (error) {
      this.#happen(key, { kind: 'failed' })
      if (wish.kind === 'present') this.#wakeKey(key, 'restrained')
      throw error
    }
    if (outcome.kind === 'conflict') {
      this.#happen(key, { kind: 'overtaken' })
      return await this.#readAgain(key)
    }
    if (outcome.kind === 'written') return this.#onWritten(key, wish, outcome.mirror)
    const { refusal, error } = outcome
    this.#happen(key, { kind: 'refused', refusal, generation: client.metadata.generation })
    this.#needs.log.warn({ client: key, error, version: wish.kind }, 'mirror refused')
    if (wish.kind === 'restrained') throw error
  }

  #onWritten(key: string, { kind, wanted }: MirrorWish, mirror: Mirror): void {
    this.#happen(key, { kind: 'taken', mirror })
    this.#needs.onWrite()
    const verifiers = wanted.spec.secret?.verifiers?.length ?? 0
    this.#needs.log.info(
      { client: key, generation: mirror.metadata.generation, verifiers, version: kind },
      'mirror written',
    )
  }

  /** Somebody else wrote it: the newest version decides. */
  async #readAgain(key: string): Promise<void> {
    this.#happen(key, { kind: 'read', mirror: await this.#calls.find(key) })
    this.#writes.add(key)
    this.#needs.onChange([key])
  }

  /** The hub is usable: writes what met one that was not. It looks at nothing else, so it may come often. */
  #wakeHeld(): void {
    for (const [key, { isHeld }] of this.#records) {
      if (isHeld !== true) continue
      this.#happen(key, { kind: 'released' })
      this.#writes.add(key)
    }
  }

  #retryRefused(): void {
    this.#cancelRetry = this.#needs.clock.after(refusedMs, () => {
      for (const [key, { refused }] of this.#records) {
        if (!refused) continue
        this.#happen(key, { kind: 'due' })
        this.#writes.add(key)
      }
      this.#retryRefused()
    })
  }

  #observe(change: CollectionChange<Mirror>): void {
    const key = clientKeyOf(change.kind === 'deleted' ? change.previous : change.object)
    if (key === undefined) return
    this.#happen(
      key,
      change.kind === 'deleted'
        ? { kind: 'deleted', uid: change.previous.metadata.uid }
        : { kind: 'seen', mirror: change.object },
    )
    if (!this.#isListed) return
    this.#wakeKey(key)
    this.#needs.onChange([key])
  }

  /** A full list may show an earlier state than our last write: the hub was restored. */
  #onListed(): void {
    const { objects } = this.#reflector
    const wasListed = this.#isListed
    this.#isListed = true
    for (const [key, mirror] of this.all()) {
      const listed = objects.get(`${this.#needs.namespace}/${mirror.metadata.name}`)
      if (listed && listed.metadata.generation >= mirror.metadata.generation) continue
      void this.#readAgain(key).catch((error: unknown) =>
        this.#needs.log.warn({ client: key, error }, 'mirror not read again'),
      )
    }
    if (!wasListed) this.#needs.onListed()
    this.wake()
  }
}
