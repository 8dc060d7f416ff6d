// Writes the manifest, as its state (manifest-state.ts) says.
import { shortDigest } from '@nauthera/proto/digest'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { manifestFile, manifestSecretName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { askedWaitMs } from '../kubernetes/api-error.ts'
import { writeOver } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { Backoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import {
  manifestWaitMs,
  noManifest,
  onManifestBegun,
  onManifestFailed,
  onManifestRead,
  onManifestStale,
  onManifestWritten,
  planManifest,
} from './manifest-state.ts'
import type { WrittenShard } from './manifest-state.ts'
import { secretOfFile } from './shard-secret.ts'
import { createTurns } from './turns.ts'
import type { Turns } from './turns.ts'

interface ManifestWriterNeeds {
  readonly secrets: SecretStore
  readonly signer: () => FileSigner
  readonly release: string
  readonly namespace: string
  readonly clock: Clock
  readonly log: Log
  readonly backoff: Backoff
  /** Longest wait for shards that are being written, milliseconds. */
  readonly busyWaitMs: number
  /** All shards; undefined while one is not stored. */
  readonly shards: () => readonly WrittenShard[] | undefined
  /** Whether a shard is being written. */
  readonly isBusy: () => boolean
  readonly onWrite?: (milliseconds: number) => void
}

/** Writes the manifest after the shards: it marks the set as complete. */
export class ManifestWriter {
  readonly #needs: ManifestWriterNeeds
  readonly #name: string
  readonly #turns: Turns
  #state = noManifest
  #onManifest = (_digest: string) => {}

  constructor(needs: ManifestWriterNeeds) {
    this.#needs = needs
    this.#name = manifestSecretName(needs.release)
    this.#turns = createTurns({ clock: needs.clock, waitMs: () => this.#waitMs(), work: () => this.#turn() })
  }

  /** Of the stored one; empty before the first. */
  get digest(): string {
    return this.#state.digest
  }

  /** The key that the stored one names; empty without one. */
  get signedBy(): Uint8Array {
    return this.#state.content?.signedBy ?? new Uint8Array()
  }

  /** Reads what is stored. @throws ApiError when it cannot be read; a damaged one counts as lost */
  async load(): Promise<void> {
    await this.#takeStored()
  }

  /** Starts to write. @param onManifest called with the digest of each complete set */
  open(onManifest: (digest: string) => void): void {
    this.#onManifest = onManifest
    this.recordWrite()
    this.#turns.open()
    this.#turns.wake()
  }

  /** A shard was written. */
  recordWrite(): void {
    this.#state = onManifestStale(this.#state, this.#needs.clock.monotonic())
  }

  /** Writes when it is due and no shard is being written; otherwise checks again later. */
  wake(): void {
    this.#turns.wake()
  }

  /** Reads it back, and rewrites a deleted or edited one. @throws ApiError when it cannot be read */
  async readBack(): Promise<void> {
    if (this.#turns.isRunning) return
    const before = this.#state
    const secret = await this.#read()
    // One of our own writes came in between and is newer.
    if (this.#turns.isRunning || this.#state.secret !== before.secret) return
    this.#state = onManifestRead(this.#state, secret)
    if (this.#state.digest !== before.digest) this.recordWrite()
  }

  /** Starts no further write, but still names the last stored shards. */
  async stop(shardsEnded: Promise<unknown>): Promise<void> {
    const ended = this.#turns.stop()
    await shardsEnded
    await ended
    // Without the last shards in the manifest, the next operator finds a set that looks incomplete.
    if (this.#state.dirtySince !== undefined && this.#needs.shards()) await this.#turn()
  }

  #waitMs(): number | undefined {
    const { clock, isBusy, busyWaitMs, shards } = this.#needs
    if (!shards()) return undefined
    return manifestWaitMs(this.#state, { now: clock.monotonic(), isBusy: isBusy(), busyWaitMs })
  }

  async #turn(): Promise<void> {
    this.#state = onManifestBegun(this.#state)
    try {
      await this.#write()
    } catch (error) {
      this.#retryLater(error)
    }
  }

  async #write(): Promise<void> {
    const { secrets, signer, namespace, clock, shards, backoff } = this.#needs
    const startedAt = clock.monotonic()
    if (this.#state.doubtful) await this.#takeStored()
    const named = shards()
    const plan = named && planManifest(named, signer().publicKey, this.#state.content)
    if (!plan) return
    const { file, digest, manifest } = plan
    const wanted = secretOfFile({ namespace, name: this.#name, file: manifestFile, bytes: file, digest })
    const { secret } = this.#state
    const outcome = await writeOver(secrets, secret, wanted)
    if (outcome.kind === 'conflict') {
      this.recordWrite()
      return await this.#takeStored()
    }
    backoff.reset()
    this.#state = onManifestWritten(this.#state, { secret: outcome.secret, manifest, digest })
    this.#report(manifest.total, clock.monotonic() - startedAt)
    this.#onManifest(digest)
  }

  #retryLater(error: unknown): void {
    const { backoff, clock, log } = this.#needs
    const retryMs = backoff.next(askedWaitMs(error))
    log.warn({ error, retry: `${Math.round(retryMs)}ms` }, 'manifest not written')
    this.#state = onManifestFailed(this.#state, clock.monotonic(), retryMs)
  }

  #report(clients: number, duration: number): void {
    this.#needs.onWrite?.(duration)
    const revision = shortDigest(this.#state.digest)
    this.#needs.log.info({ revision, clients, duration: `${Math.round(duration)}ms` }, 'manifest written')
  }

  async #takeStored(): Promise<void> {
    const secret = await this.#read()
    this.#state = onManifestRead(this.#state, secret)
  }

  #read(): Promise<SecretObject | undefined> {
    return this.#needs.secrets.read(this.#needs.namespace, this.#name)
  }
}
