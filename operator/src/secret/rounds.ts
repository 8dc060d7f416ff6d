// Checks the Secrets of all clients in turn, since the operator may not watch Secrets. It reads their metadata, and the content only after
// a change.
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { ApiError, askedWaitMs, isForbidden } from '../kubernetes/api-error.ts'
import { splitKey } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import type { Memories } from './memories.ts'

/** The length of a round; longer with very many clients. Milliseconds. */
const roundMs = 60_000
const looksPerSecond = 20
const tickMs = 250
/** The most checks at the same time. */
const mostLooks = 8
/** The least pause after a 429, or while the API does not answer. Milliseconds. */
const pauseMs = 5_000
const sayEveryMs = 600_000
/** How long a busy operator delays a round, and the slower pace after that: load must not hide edits of Secrets. */
const patienceMs = 60_000
const latePace = 0.25

interface Needs {
  /** `namespace/name` of all clients. */
  readonly keys: () => Iterable<string>
  readonly memories: Pick<Memories, 'clearRead' | 'versionsOf'>
  /** @returns the version of a Secret; undefined when there is none */
  readonly readVersion: (namespace: string, name: string) => Promise<string | undefined>
  /** Whether clients wait for a look, which goes first. */
  readonly isLate: () => boolean
  /** The Secret of this client changed. */
  readonly onChanged: (key: string) => void
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
  readonly log: Log
}

/** Checks the Secrets of all clients, evenly spread over each round. */
export class Rounds {
  readonly #needs: Needs
  #keys: readonly string[] = []
  #next = 0
  /** The start of this round; it moves during a pause. */
  #startedAt: number
  #tickedAt: number
  #pausedUntil = -Infinity
  #quietUntil = -Infinity
  #lateSince: number | undefined
  readonly #looks = new Set<Promise<void>>()
  #cancelTick = () => {}
  #isStopped = false

  constructor(needs: Needs) {
    this.#needs = needs
    this.#tickedAt = needs.clock.monotonic()
    this.#startedAt = this.#tickedAt
  }

  start(): void {
    this.#begin(this.#needs.clock.monotonic())
    this.#tickLater()
  }

  /** Resolves when the running checks have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelTick()
    await Promise.all(this.#looks)
  }

  #tickLater(): void {
    this.#cancelTick = this.#needs.clock.after(tickMs, () => {
      this.#tick()
      if (!this.#isStopped) this.#tickLater()
    })
  }

  #tick(): void {
    const now = this.#needs.clock.monotonic()
    const sinceTick = now - this.#tickedAt
    this.#tickedAt = now
    this.#lateSince = this.#needs.isLate() ? (this.#lateSince ?? now) : undefined
    const isPatient = this.#lateSince !== undefined && now - this.#lateSince < patienceMs
    if (now < this.#pausedUntil || isPatient) {
      // missed checks are not all made up at once
      this.#startedAt += sinceTick
      return
    }
    if (this.#lateSince !== undefined) this.#startedAt += sinceTick * (1 - latePace)
    const everyMs = roundLengthMs(this.#keys.length) / Math.max(1, this.#keys.length)
    const due = Math.floor((now - this.#startedAt) / everyMs) + 1
    while (this.#next < Math.min(due, this.#keys.length) && this.#looks.size < mostLooks) {
      const look = this.#look(this.#keys[this.#next++]!).finally(() => this.#looks.delete(look))
      this.#looks.add(look)
    }
    if (this.#next === this.#keys.length && now >= this.#startedAt + roundLengthMs(this.#keys.length)) this.#begin(now)
  }

  #begin(now: number): void {
    this.#keys = [...this.#needs.keys()]
    this.#next = 0
    this.#startedAt = now
  }

  async #look(key: string): Promise<void> {
    const { memories, readVersion, onChanged, log } = this.#needs
    const { namespace } = splitKey(key)
    try {
      for (const seen of memories.versionsOf(key)) {
        const version = await readVersion(namespace, seen.name)
        // one of our own writes came in between and is newer
        if (version === seen.version || !memories.versionsOf(key).includes(seen)) continue
        log.info({ client: key, secret: seen.name, isThere: version !== undefined }, 'secret changed by somebody else')
        memories.clearRead(key)
        onChanged(key)
        return
      }
    } catch (error) {
      this.#trouble(key, error)
    }
  }

  /** The next round tries again. A refusal for one Secret does not concern the others. */
  #trouble(key: string, error: unknown): void {
    const { clock, log } = this.#needs
    // log it: while reads are forbidden, a lost Secret stays unnoticed
    if (isForbidden(error) && clock.monotonic() >= this.#quietUntil) {
      this.#quietUntil = clock.monotonic() + sayEveryMs
      log.warn({ client: key, reason: describeError(error) }, 'secret may not be looked at')
    } else log.debug({ client: key, reason: describeError(error) }, 'secret not looked at')
    const status = error instanceof ApiError ? error.status : undefined
    if (status !== undefined && status !== 429) return
    this.#pausedUntil = clock.monotonic() + Math.max(pauseMs, askedWaitMs(error))
  }
}

/** @returns the length of a round for this many clients, milliseconds */
export const roundLengthMs = (clients: number): number => Math.max(roundMs, (clients / looksPerSecond) * 1000)
