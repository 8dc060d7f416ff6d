import { shortDigest } from '@nauthera/proto/digest'
import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { manifestFile, manifestSecretName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import type { Backoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { planManifest } from '../decide/shard.ts'
import type { WrittenShard } from '../decide/shard.ts'
import { ApiError } from '../kubernetes/api-error.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { readManifestSecret, secretOfFile } from './stored-shard.ts'

/** Says when the set of shards is complete; written after them. */
export interface ManifestWriter {
  /** Reads what is stored. @throws ApiError when it cannot be read; a damaged one counts as lost */
  load(): Promise<void>
  /** Begins to write. */
  open(): void
  /** A shard is another one now. */
  touch(): void
  /** Writes when there is something to say and the shards let it; else looks again when they may. */
  schedule(): void
  /** Of the stored one; empty before the first. */
  digest(): string
  /** Reads it back, and has it written again when it was deleted or edited. */
  readBack(): Promise<void>
  /** Starts no further write, but names what the last writes of shards have stored. */
  stop(shardsEnded: Promise<unknown>): Promise<void>
}

/** @param options.waitMs longest wait for shards that are being written
 *  @param options.shards all that are to be named; undefined while one of them is not stored
 *  @param options.isBusy whether a shard is being written
 *  @param options.onManifest digest of the newest complete set */
export function createManifestWriter(options: {
  secrets: SecretStore
  release: string
  namespace: string
  clock: Clock
  log: Log
  backoff: Backoff
  waitMs: number
  shards: () => readonly WrittenShard[] | undefined
  isBusy: () => boolean
  onManifest: (digest: string) => void
  onWrite?: (milliseconds: number) => void
}): ManifestWriter {
  const { secrets, namespace, clock, log, backoff } = options
  const name = manifestSecretName(options.release)
  let secret: SecretObject | undefined
  let content: Manifest | undefined
  let digest = ''
  /** A write of unknown outcome: read before the next one. */
  let doubtful = false
  let dirty = false
  let dirtySince = 0
  let running: Promise<void> | undefined
  let notBefore = -Infinity
  let cancelTimer = () => {}
  let opened = false
  let stopped = false

  const read = () => secrets.read(namespace, name)

  const touch = () => {
    if (!dirty) dirtySince = clock.monotonic()
    dirty = true
  }

  const schedule = () => {
    cancelTimer()
    cancelTimer = () => {}
    if (!opened || stopped || !dirty || running || !options.shards()) return
    const busyUntil = options.isBusy() ? dirtySince + options.waitMs : -Infinity
    const waitMs = Math.max(notBefore, busyUntil) - clock.monotonic()
    if (waitMs > 0) {
      cancelTimer = clock.after(waitMs, schedule)
      return
    }
    running = write().finally(() => {
      running = undefined
      schedule()
    })
  }

  const write = async () => {
    const startedAt = clock.monotonic()
    dirty = false
    try {
      if (doubtful) take(await read())
      const named = options.shards()
      const plan = named && planManifest(named, content)
      if (!plan) return
      const wanted = secretOfFile({ namespace, name, file: manifestFile, bytes: plan.file, digest: plan.digest })
      const outcome = secret ? await secrets.update(secret, wanted) : await secrets.create(wanted)
      if (outcome.kind === 'conflict') {
        touch()
        return take(await read())
      }
      backoff.reset()
      secret = outcome.secret
      content = plan.manifest
      digest = plan.digest
      const duration = clock.monotonic() - startedAt
      options.onWrite?.(duration)
      const fields = { revision: shortDigest(plan.digest), clients: plan.manifest.total }
      log.info({ ...fields, duration: `${Math.round(duration)}ms` }, 'manifest written')
      options.onManifest(plan.digest)
    } catch (error) {
      const retryMs = Math.max(backoff.next(), error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0)
      log.warn({ error, retry: `${Math.round(retryMs)}ms` }, 'manifest not written')
      doubtful = true
      notBefore = clock.monotonic() + retryMs
      touch()
    }
  }

  const take = (found: SecretObject | undefined) => {
    const stored = readManifestSecret(found)
    doubtful = false
    secret = found
    content = stored?.manifest
    digest = stored?.digest ?? ''
  }

  return {
    load: async () => take(await read()),
    open: () => {
      opened = true
    },
    touch,
    schedule,
    digest: () => digest,
    readBack: async () => {
      if (running) return
      const [secretBefore, digestBefore] = [secret, digest]
      const found = await read()
      // One of our own writes came in between: it is the newer truth.
      if (running || secret !== secretBefore) return
      take(found)
      if (digest !== digestBefore) touch()
    },
    stop: async (shardsEnded) => {
      stopped = true
      cancelTimer()
      await shardsEnded
      await running
      // What was written belongs into the manifest, or the next operator finds a set that looks half done.
      if (opened && dirty && options.shards()) await write()
    },
  }
}
