// No event tells that somebody deleted or edited a Secret, since the operator may not watch Secrets. So each is looked at in turn: at its
// metadata alone, and at its content only when that has changed.
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { ApiError, isForbidden } from '../kubernetes/api-error.ts'
import { splitKey } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import type { Memories } from './memories.ts'

/** A round takes so long, and longer when there are more clients than may be looked at in it. Milliseconds. */
const roundMs = 60_000
const looksPerSecond = 20
const tickMs = 250
/** Looks at the same time. */
const mostLooks = 8
/** After a 429, or while the API does not answer, at least. Milliseconds. */
const pauseMs = 5_000
const sayEveryMs = 600_000
/** How long others go first, and the share of its pace at which a round goes on after that: whoever keeps the operator busy must not keep
 *  it from seeing what happens to the Secrets of others. */
const patienceMs = 60_000
const latePace = 0.25

interface Needs {
  /** `namespace/name` of all clients. */
  readonly keys: () => Iterable<string>
  readonly memories: Pick<Memories, 'clearRead' | 'seen'>
  /** @returns the version of a Secret; undefined when there is none */
  readonly readVersion: (namespace: string, name: string) => Promise<string | undefined>
  /** Clients wait for their turn: what they wait for goes first. */
  readonly isLate: () => boolean
  /** The Secret of this client is not what it was. */
  readonly onChanged: (key: string) => void
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
  readonly log: Log
}

/** Looks at the Secrets of all clients, evenly spread, again and again. */
export class Rounds {
  readonly #needs: Needs
  #keys: readonly string[] = []
  #next = 0
  /** Of this round. It moves on while nothing is looked at. */
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

  /** Resolves when the running looks have ended. */
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
      // what was not looked at now is not made up for all at once
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
      for (const seen of memories.seen(key)) {
        const version = await readVersion(namespace, seen.name)
        // one of our own writes came in between: it is the newer truth
        if (version === seen.version || !memories.seen(key).includes(seen)) continue
        log.info({ client: key, secret: seen.name, isThere: version !== undefined }, 'secret changed by somebody else')
        memories.clearRead(key)
        onChanged(key)
        return
      }
    } catch (error) {
      this.#trouble(key, error)
    }
  }

  /** The next round looks again. A refusal of one Secret says nothing of the others. */
  #trouble(key: string, error: unknown): void {
    const { clock, log } = this.#needs
    // what is forbidden stays so: nobody would notice a Secret that is lost
    if (isForbidden(error) && clock.monotonic() >= this.#quietUntil) {
      this.#quietUntil = clock.monotonic() + sayEveryMs
      log.warn({ client: key, reason: describeError(error) }, 'secret may not be looked at')
    } else log.debug({ client: key, reason: describeError(error) }, 'secret not looked at')
    const status = error instanceof ApiError ? error.status : undefined
    if (status !== undefined && status !== 429) return
    const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    this.#pausedUntil = clock.monotonic() + Math.max(pauseMs, retryAfterMs)
  }
}

/** @returns how long until each of so many clients has been looked at once, milliseconds */
export const roundLengthMs = (clients: number): number => Math.max(roundMs, (clients / looksPerSecond) * 1000)
