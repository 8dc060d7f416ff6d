import type { FileSigner } from '@nauthera/proto/file-signature'
import { shardCount } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { timeOf } from '../api/time-text.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { NoRoom } from '../decide/client/client-size.ts'
import { createBackoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { entryKey } from './client-entry.ts'
import type { ClientForShard } from './client-entry.ts'
import { holdersIn } from './held-names.ts'
import type { WrittenShard } from './manifest-state.ts'
import { createManifestWait } from './manifest-wait.ts'
import { trustsKey } from './shard-secret.ts'
import type { TrustsFile } from './shard-secret.ts'
import { shardOfKey } from './shard-of-key.ts'
import { ShardState } from './shard-state.ts'
import { isBehind } from './stored-shard.ts'
import type { StoredEntry } from './stored-shard.ts'
import { createTurns } from './turns.ts'
import { ManifestWriter } from './write-manifest.ts'
import { ShardWriter, laterShard } from './write-shard.ts'
import type { OnShardWritten, ShardListeners } from './write-shard.ts'

/** Milliseconds. */
export interface ShardTimes {
  /** Least time between two writes of one shard. */
  readonly spacingMs: number
  /** The same in a crowd. */
  readonly crowdSpacingMs: number
  /** Longest that the manifest waits for shards that are being written. */
  readonly manifestWaitMs: number
  /** How often the Secrets are read back. */
  readonly readBackMs: number
  /** Longest that a shard waits for undecided clients. */
  readonly decideWaitMs: number
}

export const shardTimes: ShardTimes = {
  spacingMs: 1_000,
  crowdSpacingMs: 3_000,
  manifestWaitMs: 250,
  readBackMs: 60_000,
  decideWaitMs: 60_000,
}

interface OpenedShards extends ShardListeners {
  /** Digest of the newest complete set. */
  readonly onManifest: (digest: string) => void
}

export interface Shards {
  /** Reads the 17 Secrets. @throws ApiError when one cannot be read; a damaged one counts as lost */
  load(): Promise<void>
  /** Whether a file found at the start counts: signed by our key or by the key in the manifest; any file without such a key. */
  isBelieved: TrustsFile
  /** Begins to write. @param keys all clients of this release: any other leaves its shard */
  open(keys: Iterable<string>, about: OpenedShards): void
  setClient(client: ClientForShard): void
  /** Its Secret is unreadable, so its verifiers are unknown. When the wait of its shard is over, the client is written without verifiers:
   *  servers then keep the ones that they have. */
  setUndecided(client: ClientForShard): void
  remove(key: string): void
  stored(key: string): (StoredEntry & { readonly shard: number }) | undefined
  /** When the Secret of its shard was created, epoch milliseconds. */
  bornAt(key: string): number | undefined
  /** Whether no server can know the client: its shard is intact and never had it. */
  isUnheardOf(key: string): boolean
  /** `namespace/name` of the clients whose stored entry has this client id or API identifier. */
  holders(name: string): readonly string[]
  /** Whether the stored entry leaves with the next write. A new object of this name does not inherit it. */
  isLeaving(key: string): boolean
  /** Whether the running write puts something else in place of the client's stored entry. `onStored` is told when it has ended. */
  isBeingWritten(key: string): boolean
  /** Every `namespace/name` in the stored shards. */
  storedKeys(): string[]
  /** Why the client has no room; undefined when it has. */
  noRoom(key: string): NoRoom | undefined
  /** The used share of the limit of a client's shard, 0 to 1. */
  fillOf(key: string): number
  /** The stored seq; 0 when there is none. */
  seq(shard: number): number
  /** A replica came, went or changed its report. The shard is written again when a replica has seen a later seq than ours:
   *  our Secret was lost or is an older copy. */
  wake(shard: number): void
  /** The crowd is over: delayed writes run now. */
  clearWaits(): void
  /** Of the stored manifest; empty before the first. */
  manifestDigest(): string
  /** Reads all Secrets back and writes again what was deleted or edited. */
  readBack(): Promise<void>
  /** Lets running writes end and names them in the manifest; starts no others. */
  stop(): Promise<void>
}

interface Options {
  readonly secrets: SecretStore
  /** Asked from the first reading on. */
  readonly signer: () => FileSigner
  readonly release: string
  readonly namespace: string
  /** The highest seq of a shard that any replica has seen. */
  readonly highestSeq: (shard: number) => number
  /** Whether very many clients wait for a look. The caller calls `clearWaits` when that ends. */
  readonly isCrowded: () => boolean
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly times?: ShardTimes
  readonly onWrite?: (kind: 'shard' | 'manifest', milliseconds: number) => void
  readonly onShardWritten?: OnShardWritten | undefined
}

/** Holds the wanted shards and writes them: the first change at once, then at most one write a second (three seconds in a crowd), one at a
 *  time for each shard, the manifest last. Each write is conditional on the version that it was planned from. */
export function createShards(options: Options): Shards {
  const { clock, log } = options
  const times = options.times ?? shardTimes
  const startSeconds = BigInt(Math.floor(clock.now() / 1000))
  const newBackoff = () => createBackoff({ baseMs: 800, capMs: 30_000, random: options.random })
  const states = Array.from({ length: shardCount }, (_, index) => new ShardState(index))
  const manifest = new ManifestWriter({
    ...options,
    backoff: newBackoff(),
    busyWaitMs: times.manifestWaitMs,
    shards: () => namedShards(states),
    isBusy: () => states.some(({ busy }) => busy),
    onWrite: (milliseconds) => options.onWrite?.('manifest', milliseconds),
  })
  const writers = states.map(
    (state) =>
      new ShardWriter(state, {
        ...options,
        ...times,
        startSeconds,
        backoff: newBackoff(),
        manifest,
        onWrite: (milliseconds) => options.onWrite?.('shard', milliseconds),
      }),
  )
  const writerOf = (key: string): ShardWriter => writers[shardOfKey(key)]!
  let isBelieved: TrustsFile = () => false
  const lookAtWait = createManifestWait({ states, clock, log })
  const reading = createReadBack({ writers, manifest, lookAtWait, clock, log, everyMs: times.readBackMs })

  return {
    load: async () => {
      const [found] = await Promise.all([Promise.all(writers.map((one) => one.readSecret())), manifest.load()])
      const trust = trustAtStart(options.signer().publicKey, manifest.signedBy)
      isBelieved = trust.isBelieved
      for (const state of states) {
        const { unreadable } = state.load(found[state.index], trust)
        const { later } = state.stored
        if (later !== undefined) log.error({ shard: state.index, ...laterShard(later) }, 'shard left as it is')
        else if (unreadable)
          log.warn({ shard: state.index, code: 'SHARD_UNREADABLE' }, 'shard damaged or not ours, writing it again')
      }
    },
    isBelieved: (...signed) => isBelieved(...signed),
    open: (keys, { onManifest, ...listeners }) => {
      const keysOf = Map.groupBy(new Set(keys), shardOfKey)
      for (const writer of writers) writer.open(keysOf.get(writer.state.index) ?? [], listeners)
      for (const writer of writers) writer.wake()
      manifest.open(onManifest)
      reading.start()
    },
    setClient: (client) => writerOf(entryKey(client)).setClient(client),
    setUndecided: (client) => writerOf(entryKey(client)).setUndecided(client),
    remove: (key) => writerOf(key).remove(key),
    ...whatIsStored(states, options.highestSeq),
    wake: (shard) => writers[shard]?.reconsider(),
    clearWaits: () => {
      for (const writer of writers) writer.wake()
    },
    manifestDigest: () => manifest.digest,
    readBack: reading.now,
    stop: async () => {
      reading.stop()
      await manifest.stop(Promise.all(writers.map((writer) => writer.stop())))
    },
  }
}

/** What is asked about the stored shards. */
function whatIsStored(
  states: readonly ShardState[],
  highestSeq: Options['highestSeq'],
): Pick<
  Shards,
  | 'stored'
  | 'bornAt'
  | 'isUnheardOf'
  | 'holders'
  | 'isLeaving'
  | 'isBeingWritten'
  | 'storedKeys'
  | 'noRoom'
  | 'fillOf'
  | 'seq'
> {
  const stateOf = (key: string): ShardState => states[shardOfKey(key)]!
  return {
    stored: (key) => {
      const { index, entries } = stateOf(key).stored
      const entry = entries.get(key)
      return entry && { shard: index, ...entry }
    },
    bornAt: (key) => timeOf(stateOf(key).stored.secret?.metadata.creationTimestamp),
    isUnheardOf: (key) => {
      const { index, stored } = stateOf(key)
      const isWhole = stored.content !== undefined && !stored.damaged && stored.later === undefined
      return isWhole && !stored.entries.has(key) && !isBehind(stored, BigInt(highestSeq(index)))
    },
    holders: (name) => states.flatMap(({ stored }) => holdersIn(stored.entries, name)),
    isLeaving: (key) => stateOf(key).isLeaving(key),
    isBeingWritten: (key) => stateOf(key).isBeingWritten(key),
    storedKeys: () => states.flatMap(({ stored }) => [...stored.entries.keys()]),
    noRoom: (key) => stateOf(key).refused.get(key),
    fillOf: (key) => stateOf(key).fill,
    seq: (shard) => Number(states[shard]?.stored.content?.seq ?? 0n),
  }
}

/** The manifest may name an earlier key that was lost: its signatures count at the start. Without a manifest every file counts, since a
 *  forger would need two Secrets.
 *  @param named by the stored manifest; empty without one */
function trustAtStart(own: Uint8Array, named: Uint8Array): { isOurs: TrustsFile; isBelieved: TrustsFile } {
  const [isOurs, isOfBefore] = [trustsKey(own), trustsKey(named)]
  const isBelieved: TrustsFile = (...signed) => named.length === 0 || isOurs(...signed) || isOfBefore(...signed)
  return { isOurs, isBelieved }
}

/** Reads all Secrets back at intervals, and rewrites deleted or edited ones. */
function createReadBack(about: {
  writers: readonly ShardWriter[]
  manifest: ManifestWriter
  /** Checks the manifest's wait as often. */
  lookAtWait: () => void
  clock: Clock
  log: Log
  everyMs: number
}): { start(): void; now(): Promise<void>; stop(): void } {
  const { writers, manifest, lookAtWait, clock, log, everyMs } = about
  let dueAt = Infinity
  const now = async () => {
    const results = await Promise.allSettled([...writers.map((writer) => writer.readBack()), manifest.readBack()])
    manifest.wake()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
  const turns = createTurns({
    clock,
    waitMs: () => dueAt - clock.monotonic(),
    work: async () => {
      await now().catch((error: unknown) => log.warn({ error }, 'shards not read back'))
      lookAtWait()
      dueAt = clock.monotonic() + everyMs
    },
  })
  return {
    start: () => {
      lookAtWait()
      dueAt = clock.monotonic() + everyMs
      turns.open()
      turns.wake()
    },
    now,
    stop: () => void turns.stop(),
  }
}

/** @returns every stored shard; undefined while one is not stored */
function namedShards(states: readonly ShardState[]): WrittenShard[] | undefined {
  const named: WrittenShard[] = []
  for (const { index, stored } of states) {
    if (stored.content === undefined || stored.damaged) return undefined
    named.push({ shard: index, seq: stored.content.seq, digest: stored.digest, count: stored.content.entries.length })
  }
  return named
}
