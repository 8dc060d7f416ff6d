// The mirrors in the hub: as last seen or written, as wanted, and their writing.
import { isDeepStrictEqual } from 'node:util'
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
import { createMirrorCalls } from './mirror-calls.ts'
import type { MirrorCalls, MirrorRefusal, MirrorWrite, RefusedMirror } from './mirror-calls.ts'
import { buildMirror, isAsWanted, maxOverlapOf, originKeyOf } from './mirror.ts'
import type { Mirror, WantedMirror } from './mirror.ts'

/** Writes at the same time. */
const workers = 8
/** After the hub refused a mirror: try again after this long, since a policy there may change. Milliseconds. */
const refusedMs = 60_000

interface MirrorNeeds {
  readonly hub: KubeConnection
  /** Of this cluster in the hub. */
  readonly namespace: string
  readonly state: HubState
  /** A client of this cluster that may have a mirror, by `namespace/name`. */
  readonly findOrigin: (key: string) => OIDCClient | undefined
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** What is stored of these clients, or what the hub says of them, has changed. */
  readonly onChange: (keys: readonly string[]) => void
  /** The first list is complete: what waited for it can be decided now. */
  readonly onListed: () => void
  readonly onWrite: () => void
}

/** What a write was answered with: the API server of the hub may fill in defaults that we do not know. */
interface Sent {
  readonly wanted: WantedMirror
  readonly uid: string
  readonly generation: number
}

/** Keys are of the clients here: `namespace/name`. */
export class Mirrors {
  readonly #needs: MirrorNeeds
  readonly #calls: MirrorCalls
  readonly #reflector: Reflector<Mirror>
  readonly #writes: WorkQueue
  readonly #stored = new Map<string, Mirror>()
  /** What is to be written, by the verifiers that it has. */
  readonly #asked = new Map<string, ClientForShard>()
  readonly #sent = new Map<string, Sent>()
  /** What is being written now. */
  readonly #writing = new Map<string, WantedMirror>()
  readonly #refused = new Map<string, RefusedMirror>()
  /** Whose write found a hub that may not be written to. */
  readonly #held = new Set<string>()
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
    return this.#stored.get(key)
  }

  all(): Iterable<[key: string, mirror: Mirror]> {
    return this.#stored
  }

  /** Whether the mirror is of this object, and says what was asked for last. Not while something else is written over it. */
  isCurrent(key: string): boolean {
    const wanted = this.#wanted(key)
    const stored = this.#stored.get(key)
    if (wanted === undefined || stored === undefined || !this.#isWritten(key, stored, wanted)) return false
    return isDeepStrictEqual(this.#writing.get(key) ?? wanted, wanted)
  }

  /** Why the hub does not take the mirror. What it said of an earlier version of the client says nothing of the present one. */
  refusal(key: string): MirrorRefusal | undefined {
    const refused = this.#refused.get(key)
    return refused?.generation === this.#generationOf(key) ? refused : undefined
  }

  ask(client: ClientForShard): void {
    const key = `${client.namespace}/${client.name}`
    this.#asked.set(key, client)
    const refused = this.#refused.get(key)?.wanted
    // the same again would be refused again
    if (refused !== undefined && isDeepStrictEqual(refused, this.#wanted(key))) return
    if (!this.isCurrent(key)) this.#writes.add(key)
  }

  forget(key: string): void {
    this.#asked.delete(key)
    this.#refused.delete(key)
    this.#held.delete(key)
  }

  /** Writes what the hub does not have: it compares every mirror. */
  wake(): void {
    for (const key of this.#asked.keys()) if (!this.isCurrent(key)) this.#writes.add(key)
  }

  /** Deletes a mirror in the version that was seen. */
  async remove(key: string, mirror: Mirror): Promise<void> {
    const { state, log } = this.#needs
    if (!state.mayWrite) return
    await this.#calls.remove(mirror)
    log.info({ client: key, origin: mirror.spec.origin?.uid }, 'mirror removed')
  }

  #generationOf(key: string): number | undefined {
    return this.#needs.findOrigin(key)?.metadata.generation
  }

  #wanted(key: string): WantedMirror | undefined {
    const { findOrigin, namespaceLabels, state } = this.#needs
    const asked = this.#asked.get(key)
    const origin = findOrigin(key)
    // what was asked for is of an earlier object
    if (!asked || !origin || origin.metadata.uid !== asked.uid) return undefined
    const stored = this.#stored.get(key)
    return buildMirror(origin, {
      redirectUris: asked.granted?.redirectUris ?? [],
      verifiers: asked.verifiers,
      namespaceLabels: namespaceLabels(origin.metadata.namespace),
      maxOverlapMs: maxOverlapOf(stored),
      now: state.clock.now(),
      stored,
    })
  }

  #isWritten(key: string, stored: Mirror, wanted: WantedMirror): boolean {
    if (isAsWanted(stored, wanted, this.#needs.state.clock.now())) return true
    const sent = this.#sent.get(key)
    const { uid, generation } = stored.metadata
    return sent?.uid === uid && sent.generation === generation && isDeepStrictEqual(sent.wanted, wanted)
  }

  async #write(key: string): Promise<void> {
    const { state, onChange } = this.#needs
    const wanted = this.#wanted(key)
    const stored = this.#stored.get(key)
    if (!wanted || !this.#isListed) return
    if (!state.mayWrite) {
      this.#held.add(key)
      // silence comes without an answer
      return state.look()
    }
    // it is of an earlier object of this name, which nothing here may inherit from: it is removed first
    if (stored && stored.spec.origin?.uid !== wanted.spec.origin?.uid) return
    if (stored && this.#isWritten(key, stored, wanted)) {
      // what the hub refused was taken back
      this.#refused.delete(key)
      // who asked while an earlier write went on looks again
      return onChange([key])
    }
    this.#writing.set(key, wanted)
    const generation = this.#generationOf(key)
    let outcome: MirrorWrite
    try {
      outcome = await this.#calls.write(key, wanted, stored)
    } finally {
      this.#writing.delete(key)
    }
    if (outcome.kind === 'conflict') return this.#readAgain(key)
    this.#record(key, { wanted, generation }, outcome)
    onChange([key])
  }

  #record(
    key: string,
    asked: Pick<RefusedMirror, 'wanted' | 'generation'>,
    outcome: Exclude<MirrorWrite, { kind: 'conflict' }>,
  ): void {
    const { log, onWrite } = this.#needs
    const { wanted } = asked
    if (outcome.kind === 'refused') {
      this.#refused.set(key, { ...asked, ...outcome.refusal })
      log.warn({ client: key, error: outcome.error }, 'mirror refused')
      return
    }
    const { uid, generation } = outcome.mirror.metadata
    this.#refused.delete(key)
    this.#sent.set(key, { wanted, uid, generation })
    this.#stored.set(key, outcome.mirror)
    onWrite()
    log.info({ client: key, generation, verifiers: wanted.spec.secret?.verifiers?.length ?? 0 }, 'mirror written')
  }

  /** Somebody else wrote it: the newest version decides. */
  async #readAgain(key: string): Promise<void> {
    const found = await this.#calls.find(key)
    if (found) this.#stored.set(key, found)
    else this.#stored.delete(key)
    this.#writes.add(key)
    this.#needs.onChange([key])
  }

  /** The hub is usable: writes what met one that was not. It looks at nothing else, so it may come often. */
  #wakeHeld(): void {
    const keys = [...this.#held]
    this.#held.clear()
    for (const key of keys) this.#writes.add(key)
  }

  #retryRefused(): void {
    this.#cancelRetry = this.#needs.clock.after(refusedMs, () => {
      for (const key of this.#refused.keys()) this.#writes.add(key)
      this.#retryRefused()
    })
  }

  #observe(change: CollectionChange<Mirror>): void {
    const key = originKeyOf(change.kind === 'deleted' ? change.previous : change.object)
    if (key === undefined) return
    const known = this.#stored.get(key)
    if (change.kind === 'deleted') {
      if (known && known.metadata.uid !== change.previous.metadata.uid) return
      this.#stored.delete(key)
      this.#sent.delete(key)
    } else {
      const { metadata } = change.object
      // our own write is newer than what this watch tells
      if (known?.metadata.uid === metadata.uid && known.metadata.generation > metadata.generation) return
      this.#stored.set(key, change.object)
    }
    if (!this.#isListed) return
    if (this.#asked.has(key) && !this.isCurrent(key)) this.#writes.add(key)
    this.#needs.onChange([key])
  }

  /** A full list may show an earlier state than our last write: the hub was restored. */
  #onListed(): void {
    const { objects } = this.#reflector
    const wasListed = this.#isListed
    this.#isListed = true
    for (const [key, mirror] of this.#stored) {
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
