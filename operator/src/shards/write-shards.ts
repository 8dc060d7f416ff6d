import { randomBytes } from 'node:crypto'
import { shortDigest } from '@nauthera/proto/digest'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardFile, shardSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import type { Backoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { entryKey, keepsEntry, planShard } from '../decide/shard.ts'
import type { ClientForShard, WrittenShard } from '../decide/shard.ts'
import { ApiError } from '../kubernetes/api-error.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { splitKey } from '../kubernetes/objects.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { asStored, followEntries, readShardSecret, secretOfFile, sameClient, shareConfig } from './stored-shard.ts'
import type { StoredEntry } from './stored-shard.ts'
import { createManifestWriter } from './write-manifest.ts'

/** Milliseconds. */
export interface ShardTimes {
  /** Least time between two writes of one shard. */
  readonly spacingMs: number
  /** Longest that the manifest waits for shards that are being written. */
  readonly manifestWaitMs: number
  /** How often the Secrets are read back. */
  readonly readBackMs: number
  /** Longest that a shard waits for clients that have been looked at and could not be decided. */
  readonly decideWaitMs: number
}

export const shardTimes: ShardTimes = {
  spacingMs: 1_000,
  manifestWaitMs: 250,
  readBackMs: 60_000,
  decideWaitMs: 60_000,
}

export interface Shards {
  /** Reads the 17 Secrets. @throws ApiError when one cannot be read; a damaged one counts as lost */
  load(): Promise<void>
  /** Begins to write. @param keys all clients of this release: any other leaves its shard */
  open(keys: Iterable<string>): void
  put(client: ClientForShard): void
  /** Its Secret cannot be read, so that nobody knows its verifiers. If its shard waits for it, the client is written as it is
   *  when the wait is over: servers keep the verifiers that they have of a client whose entry names none. */
  presume(client: ClientForShard): void
  remove(key: string): void
  stored(key: string): (StoredEntry & { readonly shard: number }) | undefined
  /** Every `namespace/name` in the stored shards. */
  storedKeys(): string[]
  /** Whether the client is left out because its shard is full. */
  isRefused(key: string): boolean
  /** Share of the limit that the shard of a client takes, 0 to 1. */
  fill(key: string): number
  /** The stored seq; 0 when there is none. */
  seq(shard: number): number
  /** A replica has seen this seq: when it is above ours, ours is an older history and is written anew. */
  reconsider(shard: number): void
  /** Of the stored manifest; empty before the first. */
  manifestDigest(): string
  /** Reads all Secrets back and writes again what was deleted or edited. */
  readBack(): Promise<void>
  /** Lets running writes end and names them in the manifest; starts no others. */
  stop(): Promise<void>
}

interface ShardState {
  readonly index: number
  readonly clients: Map<string, ClientForShard>
  entries: ReadonlyMap<string, StoredEntry>
  /** Clients to decide before the next write, since what is stored is not what we knew, or lacks them. */
  readonly undecided: Set<string>
  undecidedSince: number
  secret: SecretObject | undefined
  content: ClientShard | undefined
  digest: string
  /** What is stored is not `content`, which is the better one. */
  damaged: boolean
  refused: ReadonlySet<string>
  fill: number
  dirty: boolean
  running: Promise<void> | undefined
  notBefore: number
  cancelTimer: () => void
  readonly backoff: Backoff
}

const noTimer = () => {}
/** Share of a shard's limit from which people are warned. */
const warnFrom = 0.8

/** Holds what the shards ought to say, and writes them: the first change at once, then at most one write a second and
 *  one at a time for each shard, the manifest last. Every write is conditional on the version that it was planned from.
 *  @param options.highestSeq the highest seq of a shard that any replica has seen
 *  @param options.onStored these clients' entries have been stored, or were found changed by others: look at them again
 *  @param options.onManifest digest of the newest complete set */
export function createShards(options: {
  secrets: SecretStore
  release: string
  namespace: string
  highestSeq: (shard: number) => number
  clock: Clock
  random: () => number
  log: Log
  times?: ShardTimes
  onStored: (keys: readonly string[]) => void
  onManifest: (digest: string) => void
  onWrite?: (kind: 'shard' | 'manifest', milliseconds: number) => void
}): Shards {
  const { secrets, release, namespace, clock, log } = options
  const times = options.times ?? shardTimes
  const startSeconds = BigInt(Math.floor(clock.now() / 1000))
  const newBackoff = () => createBackoff({ baseMs: 800, capMs: 30_000, random: options.random })
  const states = Array.from({ length: shardCount }, (_, index) => emptyShard(index, newBackoff()))
  const manifest = createManifestWriter({
    secrets,
    release,
    namespace,
    clock,
    log,
    backoff: newBackoff(),
    waitMs: times.manifestWaitMs,
    shards: () => namedShards(states),
    isBusy: () => states.some(({ running }) => running !== undefined),
    onManifest: options.onManifest,
    onWrite: (milliseconds) => options.onWrite?.('manifest', milliseconds),
  })
  let opened = false
  let stopped = false
  let cancelReadBack = noTimer

  const stateOf = (key: string): ShardState => {
    const client = splitKey(key)
    return states[shardOf(client.namespace, client.name)]!
  }
  const readShard = (index: number) => secrets.read(namespace, shardSecretName(release, index))

  // --- one shard

  const schedule = (state: ShardState) => {
    state.cancelTimer()
    state.cancelTimer = noTimer
    if (!opened || stopped || state.running || !state.dirty) return
    // Without a word about a client the shard would take it away; each is looked at once before long.
    for (const key of state.undecided) if (!state.clients.has(key)) return
    const decideBy = state.undecided.size > 0 ? state.undecidedSince + times.decideWaitMs : -Infinity
    const waitMs = Math.max(state.notBefore, decideBy) - clock.monotonic()
    if (waitMs > 0) {
      state.cancelTimer = clock.after(waitMs, () => schedule(state))
      return
    }
    state.running = writeShard(state).finally(() => {
      state.running = undefined
      schedule(state)
      manifest.schedule()
    })
  }
  const markDirty = (state: ShardState) => {
    state.dirty = true
    schedule(state)
  }

  /** Most of what is put says what is stored: to plan the whole shard for each would make a first load quadratic. */
  const isNews = (state: ShardState, key: string, client: ClientForShard): boolean =>
    state.content === undefined ||
    // What is being written may not be what is stored now.
    state.running !== undefined ||
    state.refused.has(key) ||
    !keepsEntry(client, state.entries.get(key)?.entry)

  const writeShard = async (state: ShardState) => {
    const startedAt = clock.monotonic()
    state.dirty = false
    state.undecided.clear()
    const behind = state.content !== undefined && options.highestSeq(state.index) > Number(state.content.seq)
    const storedSeq = state.content?.seq ?? 0n
    const seen = BigInt(options.highestSeq(state.index))
    const plan = planShard({
      shard: state.index,
      clients: [...state.clients.values()],
      stored: state.content,
      // A seq above the stored one makes it a write though nothing else has changed.
      seq: { highestSeen: state.damaged && seen <= storedSeq ? storedSeq + 1n : seen, startSeconds },
      now: clock.now(),
      change: randomBytes(2).toString('hex'),
      ...(state.fill > 0 && !state.damaged ? { fill: state.fill } : {}),
    })
    warnOfSize(state, plan.refused, plan.fill)
    state.refused = new Set(plan.refused)
    state.fill = plan.fill
    if (plan.kind === 'keep') return
    state.notBefore = startedAt + times.spacingMs
    const secret = secretOfFile({
      namespace,
      name: shardSecretName(release, state.index),
      file: shardFile(state.index),
      bytes: plan.file,
      digest: plan.digest,
    })
    try {
      const outcome = state.secret ? await secrets.update(state.secret, secret) : await secrets.create(secret)
      if (outcome.kind === 'conflict') {
        state.dirty = true
        return takeRead(state, await readShard(state.index))
      }
      state.backoff.reset()
      state.secret = outcome.secret
      const changed = setContent(state, plan.shard, plan.digest, behind)
      manifest.touch()
      report(state, plan.shard, changed.length, startedAt)
      options.onStored(changed)
    } catch (error) {
      await recover(state, error)
    }
  }

  /** Said when it begins, not at every write. */
  const warnOfSize = (state: ShardState, refused: readonly string[], fill: number) => {
    const fresh = refused.filter((key) => !state.refused.has(key))
    if (fresh.length > 0)
      log.warn({ code: 'SHARD_TOO_LARGE', shard: state.index, clients: fresh }, 'clients do not fit')
    if (fill >= warnFrom && state.fill < warnFrom) {
      log.warn({ shard: state.index, fill: Math.round(fill * 100) / 100 }, 'shard nearly full')
    }
  }

  const report = (state: ShardState, shard: ClientShard, changed: number, startedAt: number) => {
    const duration = clock.monotonic() - startedAt
    options.onWrite?.('shard', duration)
    log.info(
      {
        change: shard.change,
        shard: state.index,
        seq: Number(shard.seq),
        digest: shortDigest(state.digest),
        clients: shard.clients.length,
        changed,
        duration: `${Math.round(duration)}ms`,
      },
      'shard written',
    )
  }

  /** Nobody knows what became of the write: read before the next one, after a wait. */
  const recover = async (state: ShardState, error: unknown) => {
    const retryMs = Math.max(state.backoff.next(), error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0)
    log.warn({ shard: state.index, error, retry: `${Math.round(retryMs)}ms` }, 'shard not written')
    state.notBefore = clock.monotonic() + retryMs
    state.dirty = true
    try {
      takeRead(state, await readShard(state.index))
    } catch {
      // Still no answer: the next write meets a conflict if it has to, and reads then.
    }
  }

  /** Compares what is stored with what we know. A newer one is another operator's: each client that differs is decided
   *  again on its ground before we write. An older or damaged one is written over from what we know. */
  const takeRead = (state: ShardState, secret: SecretObject | undefined) => {
    state.secret = secret
    const read = readShardSecret(secret, state.index)
    if (read && read.digest === state.digest) {
      state.damaged = false
      return
    }
    state.dirty = true
    manifest.touch()
    const newer = read && (state.content === undefined || read.shard.seq > state.content.seq)
    if (!newer) {
      log.warn({ shard: state.index, found: read ? 'another' : secret ? 'damaged' : 'none' }, 'shard lost')
      state.damaged = state.content !== undefined
      return
    }
    const changed = setContent(state, read.shard, read.digest, false)
    log.info({ shard: state.index, seq: Number(read.shard.seq), changed: changed.length }, 'shard taken over')
    if (state.undecided.size === 0) state.undecidedSince = clock.monotonic()
    for (const key of changed) if (state.clients.has(key)) state.undecided.add(key)
    options.onStored(changed)
  }

  // --- reading back

  const readBackShard = async (state: ShardState) => {
    if (state.running) return
    const before = state.secret
    const secret = await readShard(state.index)
    // One of our own writes came in between: it is the newer truth.
    if (state.running || state.secret !== before) return
    takeRead(state, secret)
    schedule(state)
  }

  const readBack = async () => {
    const results = await Promise.allSettled([...states.map(readBackShard), manifest.readBack()])
    manifest.schedule()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  const readBackLater = () => {
    cancelReadBack = clock.after(times.readBackMs, () => {
      void readBack()
        .catch((error: unknown) => log.warn({ error }, 'read back failed'))
        .finally(() => {
          if (!stopped) readBackLater()
        })
    })
  }

  return {
    load: async () => {
      const [found] = await Promise.all([Promise.all(states.map(({ index }) => readShard(index))), manifest.load()])
      for (const state of states) {
        const secret = found[state.index]
        const read = readShardSecret(secret, state.index)
        state.secret = secret
        if (read) setContent(state, read.shard, read.digest, false)
        else if (secret) log.warn({ shard: state.index, code: 'SHARD_UNREADABLE' }, 'shard lost')
      }
      if (manifest.digest() !== '') options.onManifest(manifest.digest())
    },
    open: (keys) => {
      opened = true
      manifest.open()
      const all = new Set(keys)
      for (const key of all) {
        const state = stateOf(key)
        const stored = state.entries.get(key)
        if (state.clients.has(key)) continue
        if (stored) state.clients.set(key, asStored(stored.entry))
        // New; or what stands there is lost or an older copy, and servers have the client.
        else state.undecided.add(key)
      }
      for (const state of states) {
        state.undecidedSince = clock.monotonic()
        markDirty(state)
      }
      manifest.touch()
      manifest.schedule()
      readBackLater()
    },
    put: (client) => {
      const key = entryKey(client)
      const state = stateOf(key)
      const known = state.clients.get(key)
      const awaited = state.undecided.delete(key)
      if (known && sameClient(known, client)) {
        if (awaited) schedule(state)
        return
      }
      const held = shareConfig(client, state.entries.get(key)?.entry)
      state.clients.set(key, held)
      if (isNews(state, key, held)) markDirty(state)
      else if (awaited) schedule(state)
    },
    presume: (client) => {
      const key = entryKey(client)
      const state = stateOf(key)
      if (!state.undecided.has(key)) return
      state.clients.set(key, client)
      markDirty(state)
    },
    remove: (key) => {
      const state = stateOf(key)
      const awaited = state.undecided.delete(key)
      if (state.clients.delete(key) || state.entries.has(key)) markDirty(state)
      else if (awaited) schedule(state)
    },
    stored: (key) => {
      const state = stateOf(key)
      const entry = state.entries.get(key)
      return entry && { shard: state.index, ...entry }
    },
    storedKeys: () => states.flatMap(({ entries }) => [...entries.keys()]),
    isRefused: (key) => stateOf(key).refused.has(key),
    fill: (key) => stateOf(key).fill,
    seq: (shard) => Number(states[shard]?.content?.seq ?? 0n),
    reconsider: (shard) => {
      const state = states[shard]
      if (state?.content && options.highestSeq(shard) > Number(state.content.seq)) markDirty(state)
    },
    manifestDigest: manifest.digest,
    readBack,
    stop: async () => {
      stopped = true
      cancelReadBack()
      for (const state of states) state.cancelTimer()
      await manifest.stop(Promise.all(states.map(({ running }) => running ?? Promise.resolve())))
    },
  }
}

/** @returns every shard as it is stored; undefined while one is not: only those may be named */
function namedShards(states: readonly ShardState[]): WrittenShard[] | undefined {
  if (!states.every(({ content, damaged }) => content !== undefined && !damaged)) return undefined
  return states.map(({ index, content, digest }) => ({
    shard: index,
    seq: content!.seq,
    digest,
    count: content!.clients.length,
  }))
}

/** @returns the keys whose stored entry is another one now */
function setContent(state: ShardState, shard: ClientShard, digest: string, fresh: boolean): string[] {
  const { entries, changed } = followEntries(state.entries, shard, fresh)
  state.entries = entries
  state.content = shard
  state.digest = digest
  state.damaged = false
  return changed
}

function emptyShard(index: number, backoff: Backoff): ShardState {
  return {
    index,
    clients: new Map(),
    entries: new Map(),
    undecided: new Set(),
    undecidedSince: 0,
    secret: undefined,
    content: undefined,
    digest: '',
    damaged: false,
    refused: new Set(),
    fill: 0,
    dirty: false,
    running: undefined,
    notBefore: -Infinity,
    cancelTimer: noTimer,
    backoff,
  }
}
