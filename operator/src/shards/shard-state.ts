import type { NoRoom } from '../decide/status/outcome.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { asStored, entryKey, isOfClient, keepsEntry, plannedEntry, sameClient, shareVersion } from './client-entry.ts'
import type { ClientForShard } from './client-entry.ts'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { planShard } from './plan-shard.ts'
import type { TrustsFile } from './shard-secret.ts'
import type { ShardPlan } from './plan-shard.ts'
import { isBehind, nothingStored, onShardLoaded, onShardRead, onShardWritten, seqToExceed } from './stored-shard.ts'
import type { FoundShard, StoredShard } from './stored-shard.ts'

/** Share of a shard's limit from which people are warned. */
const warnFrom = 0.8

/** So many clients are named to people at most. */
const mostNamed = 5

/** What a turn of writing begins with. */
export interface BegunTurn {
  readonly plan: ShardPlan
  /** A replica has seen a later version than ours, from before our Secret was lost or put back. */
  readonly fresh: boolean
  /** Clients that do not fit, and did until now. */
  readonly newlyRefused: readonly string[]
  /** The shard has just grown past the share of its limit from which people are warned. */
  readonly nearlyFull: boolean
}

/** One shard: what it ought to say, what is stored of it, and when it may be written. Every step happens at once, without
 *  I/O and without a clock: write-shard.ts carries out what it answers.
 *  A class and not a value: if each put copied 600 clients, the cost of a first load would grow with their square.
 *  Times are milliseconds of the monotonic clock. */
export class ShardState {
  readonly index: number
  stored: StoredShard
  /** Clients that are left out since there is no room for them, by `namespace/name`. */
  refused: ReadonlyMap<string, NoRoom> = new Map()
  /** Share of the limit that the shard takes, 0 to 1; 0 while it is not known. */
  fill = 0
  /** From the beginning of a turn to its end: what is stored is not certain. */
  busy = false
  /** What the shard ought to say, by `namespace/name`. */
  readonly #clients = new Map<string, ClientForShard>()
  /** Clients to decide before the next write, since what is stored is not what we knew, or lacks them. */
  readonly #undecided = new Set<string>()
  /** Objects that are gone, by `namespace/name`: what is stored of one, or about to be, leaves with the next write, and whoever comes under
   *  its name holds nothing by it. By uid, since another object may be put under that name before the write. */
  readonly #gone = new Map<string, Set<string>>()
  #undecidedSince = 0
  /** There may be something to write. */
  #dirty = false
  #notBefore = -Infinity

  constructor(index: number) {
    this.index = index
    this.stored = nothingStored(index)
  }

  /** The first look at the Secret. @returns whether it is there but unreadable */
  load(secret: SecretObject | undefined, trust: Parameters<typeof onShardLoaded>[2]): { readonly unreadable: boolean } {
    this.stored = onShardLoaded(this.stored, secret, trust)
    return { unreadable: secret !== undefined && this.stored.content === undefined }
  }

  /** These are all clients of the shard: any other leaves it. Each stays as it is stored until it is put. */
  open(keys: Iterable<string>, now: number): void {
    for (const key of keys) {
      if (this.#clients.has(key)) continue
      const stored = this.stored.entries.get(key)
      if (stored) this.#clients.set(key, asStored(stored.entry))
      // New; or the Secret is lost or an older copy, and servers still have the client.
      else this.#undecided.add(key)
    }
    this.#undecidedSince = now
    this.#dirty = true
  }

  /** What a client ought to say. @returns whether there may be something to do now */
  setClient(client: ClientForShard): boolean {
    const key = entryKey(client)
    const known = this.#clients.get(key)
    const awaited = this.#undecided.delete(key)
    const stored = this.stored.entries.get(key)?.entry
    this.#isBack(key, client, stored)
    if (known && sameClient(known, client)) return awaited
    const held = shareVersion(client, stored)
    this.#clients.set(key, held)
    if (!this.#isNews(key, held)) return awaited
    this.#dirty = true
    return true
  }

  /** What is written about a client that could not be decided, when the wait for it is over. @returns whether there may be something to do now */
  setUndecided(client: ClientForShard): boolean {
    const key = entryKey(client)
    if (!this.#undecided.has(key)) return false
    this.#clients.set(key, client)
    this.#dirty = true
    return true
  }

  /** The very object that was gone, or one that was restored of it; one of which nothing will be stored leaves all the same. */
  #isBack(key: string, client: ClientForShard, stored: ShardEntry | undefined): void {
    const gone = this.#gone.get(key)
    if (!gone || !plannedEntry(client, stored)) return
    gone.delete(client.uid)
    if (stored && isOfClient(stored, client)) gone.delete(stored.uid)
  }

  /** The client is gone. @returns whether there may be something to do now */
  remove(key: string): boolean {
    const awaited = this.#undecided.delete(key)
    const uids = [this.#clients.get(key)?.uid, this.stored.entries.get(key)?.entry.uid].filter(
      (uid) => uid !== undefined,
    )
    if (uids.length > 0) this.#gone.set(key, (this.#gone.get(key) ?? new Set()).union(new Set(uids)))
    if (!this.#clients.delete(key) && !this.stored.entries.has(key)) return awaited
    this.#dirty = true
    return true
  }

  /** @returns whether it is stored and leaves with the next write */
  isLeaving(key: string): boolean {
    const stored = this.stored.entries.get(key)?.entry
    return stored !== undefined && this.#gone.get(key)?.has(stored.uid) === true
  }

  /** A shard that is behind what replicas have seen is written anew.
   *  @param highestSeen the highest seq of it that any replica has seen
   *  @returns whether there may be something to do now */
  notice(highestSeen: bigint): boolean {
    if (!isBehind(this.stored, highestSeen)) return false
    this.#dirty = true
    return true
  }

  /** @returns how long until the shard may be written, 0 or less for now; undefined while there is nothing to write, a later version of the
   *    operator has written it, or
   *  nobody has said a word about one of its clients: the shard would take that one away, and each is looked at before long */
  waitMs(now: number, decideWaitMs: number): number | undefined {
    if (!this.#dirty || this.stored.later !== undefined) return undefined
    for (const key of this.#undecided) if (!this.#clients.has(key)) return undefined
    const decideBy = this.#undecided.size > 0 ? this.#undecidedSince + decideWaitMs : -Infinity
    return Math.max(this.#notBefore, decideBy) - now
  }

  /** @returns why the manifest cannot name it, for people; undefined when it can */
  whyUnnamed(): string | undefined {
    const { content, damaged, later } = this.stored
    if (content !== undefined && !damaged) return undefined
    if (later !== undefined) return `a later version of the operator wrote it (schema ${later})`
    const unseen = [...this.#undecided].filter((key) => !this.#clients.has(key))
    if (unseen.length === 0) return 'it is not written yet'
    return `clients that nobody has looked at yet (${unseen.length}): ${unseen.slice(0, mostNamed).join(', ')}`
  }

  /** A turn begins: plans what is to be written. `end` ends it.
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
    if (plan.kind === 'write') this.#notBefore = about.now + about.spacingMs
    else this.#forgetGone()
    return { plan, fresh: isBehind(stored, about.highestSeen), newlyRefused, nearlyFull }
  }

  /** The write has succeeded. @returns the keys whose stored entry is another one now */
  written(written: Parameters<typeof onShardWritten>[1], fresh: boolean): readonly string[] {
    const next = onShardWritten(this.stored, written, fresh)
    this.stored = next.stored
    this.#forgetGone()
    return next.changed
  }

  /** Somebody else wrote since the Secret was read: it is to be read, and what is to be written still is. */
  conflicted(): void {
    this.#dirty = true
  }

  /** Nobody knows what became of the write: it is tried again, after a wait. */
  failed(now: number, retryMs: number): void {
    this.#notBefore = now + retryMs
    this.#dirty = true
  }

  end(): void {
    this.busy = false
  }

  /** The Secret has been read. A newer version than ours is another operator's: each of our clients that differs is decided
   *  again on its ground before we write. An older or damaged one is written over from what we know. */
  read(secret: SecretObject | undefined, now: number, isOurs: TrustsFile): FoundShard {
    const found = onShardRead(this.stored, secret, isOurs)
    this.stored = found.stored
    if (found.kind === 'same') return found
    this.#dirty = true
    if (found.kind === 'newer') {
      if (this.#undecided.size === 0) this.#undecidedSince = now
      for (const key of found.changed) if (this.#clients.has(key)) this.#undecided.add(key)
    }
    return found
  }

  /** Nothing is being written: what is not stored of an object that is gone will not be. */
  #forgetGone(): void {
    for (const key of this.#gone.keys()) if (!this.isLeaving(key)) this.#gone.delete(key)
  }

  /** Most puts change nothing. If each planned the whole shard, the cost of a first load would grow with the square of its clients. */
  #isNews(key: string, client: ClientForShard): boolean {
    return (
      this.stored.content === undefined ||
      // What is being written may not be what is stored now.
      this.busy ||
      this.refused.has(key) ||
      !keepsEntry(client, this.stored.entries.get(key)?.entry)
    )
  }
}
