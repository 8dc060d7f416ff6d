// LISTEN: one connection for all channels. When it is lost it is dialled again, as often as it takes.
import type { Log } from '@nauthera/runtime/log'

export interface Listening {
  stop(): Promise<void>
}

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

export class Listeners {
  readonly #dialWire: DialWire
  readonly #log: Log
  readonly #channels = new Map<string, Set<(payload: string) => void>>()
  #wire: ListeningWire | undefined
  #dialling: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(needs: { dial: DialWire; log: Log }) {
    this.#dialWire = needs.dial
    this.#log = needs.log
  }

  /** It is no error when the connection cannot be opened yet: it is dialled again later. */
  async listen(channel: string, onNotification: (payload: string) => void): Promise<Listening> {
    const callbacks = this.#channels.get(channel) ?? new Set()
    const isNew = callbacks.size === 0
    this.#channels.set(channel, callbacks.add(onNotification))
    try {
      if (this.#wire === undefined) await this.#dial()
      else if (isNew) await this.#wire.listen(channel)
    } catch (error) {
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

  async #open(): Promise<void> {
    const wire = await this.#dialWire({
      notification: (channel, payload) => {
        for (const callback of this.#channels.get(channel) ?? []) callback(payload)
      },
      lost: () => {
        this.#wire = undefined
        this.#redialAfter(redial.first)
      },
    })
    if (this.#isStopped) return wire.close()
    this.#wire = wire
    for (const channel of this.#channels.keys()) await wire.listen(channel)
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
