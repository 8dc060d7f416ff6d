import type { NoRoom } from '../decide/client/client-size.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import {
  asStored,
  entryKey,
  isOfClient,
  isUnchanged,
  plannedEntry,
  sameClient,
  sameEntry,
  shareVersion,
} from './client-entry.ts'
import type { ClientForShard } from './client-entry.ts'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { planShard } from './plan-shard.ts'
import type { TrustsFile } from './shard-secret.ts'
import type { ShardPlan } from './plan-shard.ts'
import { isBehind, nothingStored, onShardLoaded, onShardRead, onShardWritten, seqToExceed } from './stored-shard.ts'
import type { FoundShard, StoredShard } from './stored-shard.ts'

/** The share of a shard's limit from which there is a warning. */
const warnFrom = 0.8

/** How long joined clusters have to write their mirrors again after the hub was restored. Milliseconds. */
const mirrorsWaitMs = 60_000

/** The most clients that a message names. */
const mostNamed = 5

/** The start of a write. */
export interface BegunTurn {
  readonly plan: ShardPlan
  /** A replica has seen a later version: our Secret was lost or restored. */
  readonly fresh: boolean
  /** Clients that no longer fit. */
  readonly newlyRefused: readonly string[]
  /** The shard has just passed the share for a warning. */
  readonly nearlyFull: boolean
}

/** One shard: wanted clients, stored content, and when it may be written. No I/O and no clock: write-shard.ts carries it out. A class,
 *  since a copy of 600 clients at each change would make a first load quadratic.
 *  Times are milliseconds of the monotonic clock. */
export class ShardState {
  readonly index: number
  stored: StoredShard
  /** Clients without room, by `namespace/name`. */
  refused: ReadonlyMap<string, NoRoom> = new Map()
  /** The used share of the limit, 0 to 1; 0 while unknown. */
  fill = 0
  /** A write is under way. */
  busy = false
  /** The wanted clients, by `namespace/name`. */
  readonly #clients = new Map<string, ClientForShard>()
  /** Clients to decide before the next write: their stored entry is missing or changed. */
  readonly #undecided = new Set<string>()
  /** Clients of which only the loaded entry is known. */
  readonly #asLoaded = new Set<string>()
  /** Uids of removed objects, by `namespace/name`. Their entries leave with the next write. A new object of the same name does not inherit
   *  them. */
  readonly #gone = new Map<string, Set<string>>()
  /** The entries of the running write, by `namespace/name`; undefined while nothing is written. */
  #writing: ReadonlyMap<string, ShardEntry> | undefined
  /** Clients that asked for the end of the running write. */
  readonly #awaitingWrite = new Set<string>()
  #undecidedSince = 0
  /** A write may be due. */
  #dirty = false
  #notBefore = -Infinity
  /** Since when it is known that replicas have a later version. */
  #behindSince: number | undefined

  constructor(index: number) {
    this.index = index
    this.stored = nothingStored(index)
  }

  /** Loads the Secret for the first time. @returns whether it exists but is unreadable */
  load(secret: SecretObject | undefined, trust: Parameters<typeof onShardLoaded>[2]): { readonly unreadable: boolean } {
    this.stored = onShardLoaded(this.stored, secret, trust)
    return { unreadable: secret !== undefined && this.stored.content === undefined }
  }

  /** Sets the clients of the shard: any other leaves it. Each keeps its stored entry until setClient. */
  open(keys: Iterable<string>, now: number): void {
    for (const key of keys) {
      if (this.#clients.has(key)) continue
      const stored = this.stored.entries.get(key)
      if (stored) {
        this.#clients.set(key, asStored(stored.entry))
        this.#asLoaded.add(key)
      }
      // A new client; or one whose entry is lost, though servers still have it.
      else this.#undecided.add(key)
    }
    this.#undecidedSince = now
    this.#dirty = true
  }

  /** Sets a client. @returns whether a write may be due */
  setClient(client: ClientForShard): boolean {
    const key = entryKey(client)
    const known = this.#clients.get(key)
    const awaited = this.#undecided.delete(key)
    this.#asLoaded.delete(key)
    const stored = this.stored.entries.get(key)?.entry
    this.#isBack(key, client, stored)
    if (known && sameClient(known, client)) return awaited
    const held = shareVersion(client, stored)
    this.#clients.set(key, held)
    if (!this.#isNews(key, held)) return awaited
    this.#dirty = true
    return true
  }

  /** Sets the entry that an undecided client gets when the wait for it is over. @returns whether a write may be due */
  setUndecided(client: ClientForShard): boolean {
    const key = entryKey(client)
    if (!this.#undecided.has(key)) return false
    this.#clients.set(key, client)
    this.#dirty = true
    return true
  }

  /** The removed object came back, or one that was restored from it. */
  #isBack(key: string, client: ClientForShard, stored: ShardEntry | undefined): void {
    const gone = this.#gone.get(key)
    if (!gone || !plannedEntry(client, stored)) return
    gone.delete(client.uid)
    if (stored && isOfClient(stored, client)) gone.delete(stored.uid)
  }

  /** The client was removed. @returns whether a write may be due */
  remove(key: string): boolean {
    const awaited = this.#undecided.delete(key)
    this.#asLoaded.delete(key)
    const uids = [this.#clients.get(key)?.uid, this.stored.entries.get(key)?.entry.uid].filter(
      (uid) => uid !== undefined,
    )
    if (uids.length === 0) return awaited
    this.#gone.set(key, (this.#gone.get(key) ?? new Set()).union(new Set(uids)))
    this.#clients.delete(key)
    this.#dirty = true
    return true
  }

  /** @returns whether it is stored and leaves with the next write */
  isLeaving(key: string): boolean {
    const stored = this.stored.entries.get(key)?.entry
    return stored !== undefined && this.#gone.get(key)?.has(stored.uid) === true
  }

  /** @returns whether the running write puts something else in place of the stored entry; `end` returns the client then */
  isBeingWritten(key: string): boolean {
    const isOther =
      this.#writing !== undefined && !sameEntry(this.stored.entries.get(key)?.entry, this.#writing.get(key))
    if (isOther) this.#awaitingWrite.add(key)
    return isOther
  }

  /** A shard that is behind the replicas is written again. Clients that nobody has looked at are decided first: what was loaded of them is
   *  older than what the replicas have, and may lack the secret that is published.
   *  @param highestSeen the highest seq of it that any replica has seen
   *  @returns whether there may be something to do now */
  notice(highestSeen: bigint, now: number): boolean {
    if (!isBehind(this.stored, highestSeen)) return false
    this.#dirty = true
    this.#behindSince ??= now
    this.#await(this.#asLoaded, now)
    this.#asLoaded.clear()
    return true
  }

  /** Where other clusters have joined, a shard that is behind the replicas waits: the objects here were restored, and those clusters know
   *  newer mirrors and secrets, which replicas still have.
   *  @returns how long until the shard may be written, 0 or less for now. Undefined when nothing is due, when a later operator wrote it,
   *  or while a client is undecided: the write would remove that one */
  waitMs(now: number, { decideWaitMs, isJoined }: { decideWaitMs: number; isJoined: boolean }): number | undefined {
    if (!this.#dirty || this.stored.later !== undefined) return undefined
    for (const key of this.#undecided) if (!this.#clients.has(key)) return undefined
    const decideBy = this.#undecided.size > 0 ? this.#undecidedSince + decideWaitMs : -Infinity
    const heldUntil = isJoined && this.#behindSince !== undefined ? this.#behindSince + mirrorsWaitMs : -Infinity
    return Math.max(this.#notBefore, decideBy, heldUntil) - now
  }

  /** @returns why the manifest cannot name it, as a message; undefined when it can */
  whyUnnamed(): string | undefined {
    const { content, damaged, later } = this.stored
    if (content !== undefined && !damaged) return undefined
    if (later !== undefined) return `a later version of the operator wrote it (schema ${later})`
    const unseen = [...this.#undecided].filter((key) => !this.#clients.has(key))
    if (unseen.length === 0) return 'it is not written yet'
    return `clients that nobody has looked at yet (${unseen.length}): ${unseen.slice(0, mostNamed).join(', ')}`
  }

  /** Starts a write and plans it. `end` ends it.
   *  @param about.highestSeen the highest seq of it that any replica has seen
   *  @param about.spacingMs least time from this write to the next
   *  @param about.change four hex for this write */
  startTurn(about: {
    readonly highestSeen: bigint
    readonly startSeconds: bigint
    readonly epochMs: number
    readonly now: number
    readonly spacingMs: number
    readonly change: string
  }): BegunTurn {
    this.busy = true
    this.#dirty = false
    this.#undecided.clear()
    const { stored } = this
    const plan = planShard({
      shard: this.index,
      clients: [...this.#clients.values()],
      stored: stored.content,
      seq: { highestSeen: seqToExceed(stored, about.highestSeen), startSeconds: about.startSeconds },
      now: about.epochMs,
      change: about.change,
      ...(this.fill > 0 && !stored.damaged ? { fill: this.fill } : {}),
    })
    const newlyRefused = [...plan.refused.keys()].filter((key) => !this.refused.has(key))
    const nearlyFull = plan.fill >= warnFrom && this.fill < warnFrom
    this.refused = plan.refused
    this.fill = plan.fill
    if (plan.kind === 'write') {
      this.#notBefore = about.now + about.spacingMs
      this.#writing = new Map(plan.shard.entries.map((entry) => [entryKey(entry), entry]))
    } else this.#forgetGone()
    return { plan, fresh: isBehind(stored, about.highestSeen), newlyRefused, nearlyFull }
  }

  /** The write succeeded. @returns the keys whose stored entry changed */
  written(written: Parameters<typeof onShardWritten>[1], fresh: boolean): readonly string[] {
    const next = onShardWritten(this.stored, written, fresh)
    this.stored = next.stored
    this.#behindSince = undefined
    this.#forgetGone()
    return next.changed
  }

  /** The write got a conflict: read the Secret; the write stays due. */
  conflicted(): void {
    this.#dirty = true
  }

  /** The outcome of the write is unknown: try again after a wait. */
  failed(now: number, retryMs: number): void {
    this.#notBefore = now + retryMs
    this.#dirty = true
  }

  /** @returns the clients that waited for the end of the write */
  end(): readonly string[] {
    this.busy = false
    this.#writing = undefined
    const waited = [...this.#awaitingWrite]
    this.#awaitingWrite.clear()
    return waited
  }

  /** The Secret was read. A newer version is from another operator: changed clients are decided again before the next write. An older or
   *  damaged one is overwritten. */
  read(secret: SecretObject | undefined, now: number, isOurs: TrustsFile): FoundShard {
    const found = onShardRead(this.stored, secret, isOurs)
    this.stored = found.stored
    if (found.kind === 'same') return found
    this.#dirty = true
    if (found.kind === 'newer') this.#await(found.changed, now)
    return found
  }

  /** They are decided before the next write. */
  #await(keys: Iterable<string>, now: number): void {
    if (this.#undecided.size === 0) this.#undecidedSince = now
    for (const key of keys) if (this.#clients.has(key)) this.#undecided.add(key)
  }

  /** No write is under way: drops removed objects without a stored entry. */
  #forgetGone(): void {
    for (const key of this.#gone.keys()) if (!this.isLeaving(key)) this.#gone.delete(key)
  }

  /** Most calls change nothing. Planning the whole shard each time would make a first load quadratic. */
  #isNews(key: string, client: ClientForShard): boolean {
    return (
      this.stored.content === undefined ||
      // The running write may differ from the stored entry.
      this.busy ||
      this.refused.has(key) ||
      !isUnchanged(client, this.stored.entries.get(key)?.entry)
    )
  }
}
