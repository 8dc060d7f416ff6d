// Writes one shard, as its state (shard-state.ts) says.
import { randomBytes } from 'node:crypto'
import { shortDigest } from '@nauthera/proto/digest'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { shardFile, shardSecretName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { askedWaitMs } from '../kubernetes/api-error.ts'
import { writeOver } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { Backoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import type { ClientForShard } from './client-entry.ts'
import { secretOfFile, trustsKey } from './shard-secret.ts'
import type { BegunTurn, ShardState } from './shard-state.ts'
import { createTurns } from './turns.ts'
import type { Turns } from './turns.ts'
import type { ManifestWriter } from './write-manifest.ts'

export interface ShardWriterNeeds {
  readonly secrets: SecretStore
  readonly signer: () => FileSigner
  readonly release: string
  readonly namespace: string
  /** The highest seq of a shard that any replica has seen. */
  readonly highestSeq: (shard: number) => number
  readonly startSeconds: bigint
  readonly spacingMs: number
  /** The same in a crowd, when each look would change the shard again. */
  readonly crowdSpacingMs: number
  readonly isCrowded: () => boolean
  readonly decideWaitMs: number
  readonly backoff: Backoff
  readonly clock: Clock
  readonly log: Log
  readonly manifest: Pick<ManifestWriter, 'recordWrite' | 'wake'>
  readonly onWrite?: (milliseconds: number) => void
  readonly onShardWritten?: OnShardWritten | undefined
}

export interface ShardListeners {
  /** The stored entries of these clients changed: look at them again. */
  readonly onStored: (keys: readonly string[]) => void
  /** Whether another cluster has joined this one. */
  readonly isJoined: () => boolean
}

/** Told of each shard that is written, with the clients whose entry changed. Times are epoch milliseconds. */
export type OnShardWritten = (written: {
  readonly digest: string
  readonly change: string
  readonly shard: number
  readonly keys: readonly string[]
  readonly startedAt: number
  readonly endedAt: number
}) => void

/** The log fields of a shard from a later version. */
export const laterShard = (schema: number) => ({ code: 'SHARD_LATER' as const, schema })

/** Writes one shard: one write at a time, each conditional on the version that it was planned from. */
export class ShardWriter {
  readonly state: ShardState
  readonly #needs: ShardWriterNeeds
  readonly #turns: Turns
  #onStored = (_keys: readonly string[]) => {}
  #isJoined = () => false
  #writtenAt = -Infinity

  constructor(state: ShardState, needs: ShardWriterNeeds) {
    this.state = state
    this.#needs = needs
    this.#turns = createTurns({
      clock: needs.clock,
      waitMs: () => this.#waitMs(),
      work: () => this.#turn(),
      onEnd: () => needs.manifest.wake(),
    })
  }

  /** Starts to write, once `wake` is called. @param keys all clients of this shard */
  open(keys: Iterable<string>, { onStored, isJoined }: Pick<ShardListeners, 'onStored' | 'isJoined'>): void {
    this.#onStored = onStored
    this.#isJoined = isJoined
    const now = this.#needs.clock.monotonic()
    this.state.open(keys, now)
    // what replicas said before counts for the first write
    this.state.notice(this.#highestSeen(), now)
    this.#turns.open()
  }

  wake(): void {
    this.#turns.wake()
  }

  setClient(client: ClientForShard): void {
    if (this.state.setClient(client)) this.#turns.wake()
  }

  setUndecided(client: ClientForShard): void {
    if (this.state.setUndecided(client)) this.#turns.wake()
  }

  remove(key: string): void {
    if (this.state.remove(key)) this.#turns.wake()
  }

  /** A replica may have seen a later version. */
  reconsider(): void {
    if (this.state.notice(this.#highestSeen(), this.#needs.clock.monotonic())) this.#turns.wake()
  }

  /** Starts no further write; resolves when the running one has ended. */
  async stop(): Promise<void> {
    await this.#turns.stop()
  }

  /** @throws ApiError when the Secret cannot be read */
  async readSecret(): Promise<SecretObject | undefined> {
    const { secrets, namespace, release } = this.#needs
    return await secrets.read(namespace, shardSecretName(release, this.state.index))
  }

  /** Checks whether the Secret is still as written. @throws ApiError when it cannot be read */
  async readBack(): Promise<void> {
    const { state } = this
    if (state.busy) return
    const before = state.stored.secret
    const secret = await this.readSecret()
    // One of our own writes came in between and is newer.
    if (state.busy || state.stored.secret !== before) return
    this.#take(secret)
    this.#turns.wake()
  }

  #waitMs(): number | undefined {
    const { clock, decideWaitMs, crowdSpacingMs, isCrowded } = this.#needs
    const now = clock.monotonic()
    const waitMs = this.state.waitMs(now, { decideWaitMs, isJoined: this.#isJoined() })
    if (waitMs === undefined || !isCrowded()) return waitMs
    return Math.max(waitMs, this.#writtenAt + crowdSpacingMs - now)
  }

  async #turn(): Promise<void> {
    const { state } = this
    const { clock, spacingMs, startSeconds } = this.#needs
    const startedAt = clock.monotonic()
    try {
      const turn = state.startTurn({
        highestSeen: this.#highestSeen(),
        startSeconds,
        epochMs: clock.now(),
        now: startedAt,
        spacingMs,
        change: randomBytes(2).toString('hex'),
      })
      this.#warnOfSize(turn)
      await this.#write(turn, startedAt)
    } catch (error) {
      await this.#recover(error)
    } finally {
      const waited = state.end()
      if (waited.length > 0) this.#onStored(waited)
    }
  }

  async #write({ plan, fresh }: BegunTurn, startedAt: number): Promise<void> {
    if (plan.kind === 'keep') return
    this.#writtenAt = startedAt
    const { state } = this
    const { secrets, signer, namespace, release, manifest } = this.#needs
    const wanted = secretOfFile({
      signer: signer(),
      namespace,
      name: shardSecretName(release, state.index),
      file: shardFile(state.index),
      bytes: plan.file,
      digest: plan.digest,
    })
    const { secret } = state.stored
    const outcome = await writeOver(secrets, secret, wanted)
    if (outcome.kind === 'conflict') {
      state.conflicted()
      this.#take(await this.readSecret())
      return
    }
    this.#needs.backoff.reset()
    const changed = state.written({ secret: outcome.secret, shard: plan.shard, digest: plan.digest }, fresh)
    manifest.recordWrite()
    this.#report(changed, startedAt)
    this.#onStored(changed)
  }

  /** The outcome of the write is unknown: read before the next write, after a wait. */
  async #recover(error: unknown): Promise<void> {
    const { clock, log, backoff } = this.#needs
    const retryMs = backoff.next(askedWaitMs(error))
    log.warn({ shard: this.state.index, error, retry: `${Math.round(retryMs)}ms` }, 'shard not written')
    this.state.failed(clock.monotonic(), retryMs)
    try {
      this.#take(await this.readSecret())
    } catch {
      // Still no answer: the next write may get a conflict, and reads then.
    }
  }

  /** Compares a read Secret with the known state. */
  #take(secret: SecretObject | undefined): void {
    const { clock, log, manifest, signer } = this.#needs
    const found = this.state.read(secret, clock.monotonic(), trustsKey(signer().publicKey))
    if (found.kind === 'same') return
    manifest.recordWrite()
    const shard = this.state.index
    const { later } = found.stored
    if (later !== undefined) {
      log.error({ shard, ...laterShard(later) }, 'shard left as it is')
      return
    }
    if (found.kind === 'lost') {
      log.warn({ shard, found: found.what }, 'shard missing or damaged, writing it again')
      return
    }
    const { changed, stored } = found
    log.info(
      { shard, seq: Number(stored.content?.seq), changed: changed.length },
      'shard was written by another operator, continuing from it',
    )
    this.#onStored(changed)
  }

  /** Logged when it begins, not at every write. */
  #warnOfSize({ newlyRefused, nearlyFull, plan }: BegunTurn): void {
    const { log } = this.#needs
    const shard = this.state.index
    if (newlyRefused.length > 0)
      log.warn({ code: 'SHARD_TOO_LARGE', shard, clients: newlyRefused }, 'clients do not fit into their shard')
    if (nearlyFull) log.warn({ shard, fill: Math.round(plan.fill * 100) / 100 }, 'shard nearly full')
  }

  #highestSeen(): bigint {
    return BigInt(this.#needs.highestSeq(this.state.index))
  }

  #report(keys: readonly string[], startedAt: number): void {
    const { clock, log, onWrite, onShardWritten } = this.#needs
    const { index, stored } = this.state
    const duration = clock.monotonic() - startedAt
    onWrite?.(duration)
    const [endedAt, change = ''] = [clock.now(), stored.content?.change]
    onShardWritten?.({ digest: stored.digest, change, shard: index, keys, startedAt: endedAt - duration, endedAt })
    log.info(
      {
        change: stored.content?.change,
        shard: index,
        seq: Number(stored.content?.seq),
        digest: shortDigest(stored.digest),
        clients: stored.content?.entries.length,
        changed: keys.length,
        duration: `${Math.round(duration)}ms`,
      },
      'shard written',
    )
  }
}
