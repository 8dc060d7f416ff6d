// LISTEN: one connection for all channels. When it is lost it is dialled again, as often as it takes. Each proves itself by a notification
// to ourselves: through a pooler LISTEN succeeds, and nothing ever comes.
import { randomUUID } from 'node:crypto'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { Listening } from './database.ts'

/** An open connection that hears notifications. */
export interface ListeningWire {
  listen(channel: string): Promise<void>
  unlisten(channel: string): Promise<void>
  close(): Promise<void>
}

/** Opens one. */
export type DialWire = (on: {
  notification: (channel: string, payload: string) => void
  lost: () => void
}) => Promise<ListeningWire>

/** Milliseconds. */
const redial = { first: 250, most: 5000 }
const proofPatience = 5000

interface ListenersNeeds {
  readonly dial: DialWire
  /** Sends a notification over another connection. */
  readonly notify: (channel: string, payload: string) => Promise<void>
  /** Whether the settings say that this address is that of PostgreSQL itself. */
  readonly isDirect: boolean
  readonly log: Log
  /** Milliseconds. */
  readonly patience?: number | undefined
}

export class Listeners {
  readonly #needs: ListenersNeeds
  readonly #log: Log
  /** No replica hears that of another one. */
  readonly #proofChannel = `nauthera_proof_${randomUUID()}`
  readonly #channels = new Map<string, Set<(payload: string) => void>>()
  #wire: ListeningWire | undefined
  #dialling: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(needs: ListenersNeeds) {
    this.#needs = needs
    this.#log = needs.log
  }

  /** It is no error when the connection cannot be opened yet: it is dialled again later.
   *  @throws CodedError STORE_BEHIND_POOLER when notifications do not come: call again when the settings are others */
  async listen(channel: string, onNotification: (payload: string) => void): Promise<Listening> {
    const callbacks = this.#channels.get(channel) ?? new Set()
    const isNew = callbacks.size === 0
    this.#channels.set(channel, callbacks.add(onNotification))
    try {
      if (this.#wire === undefined) await this.#dial()
      else if (isNew) await this.#wire.listen(channel)
    } catch (error) {
      if (isNew && hasCode(error, 'STORE_BEHIND_POOLER')) {
        this.#channels.delete(channel)
        throw error
      }
      this.#log.warn({ error, channel }, 'cannot listen to the database yet')
      this.#redialAfter(redial.first)
    }
    return {
      stop: async () => {
        callbacks.delete(onNotification)
        if (callbacks.size > 0) return
        this.#channels.delete(channel)
        await this.#wire?.unlisten(channel)
      },
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    const open = this.#wire
    this.#wire = undefined
    await open?.close()
  }

  #dial(): Promise<void> {
    return (this.#dialling ??= this.#open().finally(() => (this.#dialling = undefined)))
  }

  /** Opens a connection for a moment. @throws CodedError STORE_BEHIND_POOLER, or what the driver throws */
  async check(): Promise<void> {
    await (await this.#dialProven({ heard: () => undefined, lost: () => undefined })).close()
  }

  async #open(): Promise<void> {
    let proven: ListeningWire | undefined
    const wire = await this.#dialProven({
      heard: (channel, payload) => {
        for (const callback of this.#channels.get(channel) ?? []) callback(payload)
      },
      lost: () => {
        // it may be lost before it is proven
        if (proven === undefined || this.#wire !== proven) return
        this.#wire = undefined
        this.#redialAfter(redial.first)
      },
    })
    if (this.#isStopped) return wire.close()
    proven = this.#wire = wire
    try {
      for (const channel of this.#channels.keys()) await wire.listen(channel)
    } catch (error) {
      this.#wire = undefined
      await wire.close()
      throw error
    }
  }

  async #dialProven(on: {
    heard: (channel: string, payload: string) => void
    lost: () => void
  }): Promise<ListeningWire> {
    const proof = Promise.withResolvers<void>()
    proof.promise.catch(() => undefined)
    const wire = await this.#needs.dial({
      notification: (channel, payload) => {
        if (channel === this.#proofChannel) proof.resolve()
        else on.heard(channel, payload)
      },
      lost: () => {
        proof.reject(new CodedError('STORE_UNAVAILABLE', { message: 'the connection that listens was lost' }))
        on.lost()
      },
    })
    const { notify, isDirect, patience = proofPatience } = this.#needs
    const timer = setTimeout(() => proof.reject(pooled(isDirect)), patience)
    try {
      await wire.listen(this.#proofChannel)
      await notify(this.#proofChannel, '')
      await proof.promise
      await wire.unlisten(this.#proofChannel)
      return wire
    } catch (error) {
      await wire.close().catch(() => undefined)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #redialAfter(delayMs: number): void {
    if (this.#isStopped || this.#timer !== undefined) return
    const jittered = delayMs * (0.5 + Math.random() / 2)
    this.#timer = setTimeout(() => void this.#redial(delayMs), jittered)
    this.#timer.unref()
  }

  async #redial(lastDelayMs: number): Promise<void> {
    this.#timer = undefined
    try {
      await this.#dial()
    } catch (error) {
      this.#log.warn({ error }, 'cannot listen to the database; trying again')
      return this.#redialAfter(Math.min(lastDelayMs * 2, redial.most))
    }
    // notifications of the meantime are lost, so everybody looks again
    for (const tell of [...this.#channels.values()].flatMap((callbacks) => [...callbacks])) tell('')
  }
}

const pooled = (isDirect: boolean) =>
  new CodedError('STORE_BEHIND_POOLER', {
    message: isDirect
      ? 'no notification arrives from database.direct: it has to be the address of PostgreSQL itself, not of a pooler'
      : 'no notification arrives from PostgreSQL: database.host leads to a pooler such as PgBouncer; set database.direct to the address of PostgreSQL itself',
  })
