import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { ChannelError } from '@nauthera/proto/channel/channel-error'
import { dial } from '@nauthera/proto/channel/dial'
import { ConfigService } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { podLocalNames } from '@nauthera/proto/names'
import { hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { AgentErrorCode } from '../errors.ts'
import { SyncSession } from './session.ts'
import type { SessionNeeds } from './session.ts'
import { waitForSocket } from './socket-moves.ts'

const firstRetryMs = 100
const lastRetryMs = 2_000

interface PusherNeeds extends SessionNeeds {
  readonly socket: string
  readonly certificates: CertificateSource
}

/** Brings the server of this pod to what is held: dials, redials, sends missing shards, and reports a complete set. */
export class Pusher {
  readonly #needs: PusherNeeds
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  /** The one that is open. */
  #session: SyncSession | undefined
  #retryMs = firstRetryMs
  #toldReason = ''

  /** Begins at once. */
  constructor(needs: PusherNeeds) {
    this.#needs = needs
    this.#running = this.#run()
  }

  /** What is held or what the operators expect may have changed. */
  push(): void {
    this.#session?.push()
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { live } = this.#needs
    const { signal } = this.#abort
    while (!signal.aborted) {
      const why = await this.#talk(signal)
      this.#session = undefined
      const wasConnected = live.serverConnected
      if (wasConnected) live.disconnected()
      if (signal.aborted) return
      this.#tell(why, wasConnected)
      const waitMs = this.#retryMs * (0.8 + 0.2 * Math.random())
      const moved = await waitForSocket(this.#needs.socket, waitMs, signal)
      this.#retryMs = moved ? firstRetryMs : Math.min(this.#retryMs * 2, lastRetryMs)
    }
  }

  /** @returns why it ended */
  async #talk(signal: AbortSignal): Promise<unknown> {
    try {
      const stream = await dial({
        method: ConfigService.method.sync,
        target: { socket: this.#needs.socket },
        certificates: this.#needs.certificates,
        serverName: podLocalNames.server,
        signal,
      })
      const session = new SyncSession(this.#needs, stream)
      await session.run(() => {
        this.#session = session
        this.#retryMs = firstRetryMs
        this.#toldReason = ''
      })
      return 'the server ended the stream'
    } catch (error) {
      return error
    }
  }

  #tell(why: unknown, wasConnected: boolean): void {
    const { log } = this.#needs
    const reason = why instanceof ChannelError ? why.code : describeError(why)
    if (wasConnected) log.warn({ reason }, 'disconnected')
    // A failure is logged once for each reason.
    else if (reason !== this.#toldReason) {
      if (hasCode<AgentErrorCode>(why)) log.warn({ code: why.code, reason }, 'waiting')
      else log.info({ reason }, 'waiting')
    }
    this.#toldReason = reason
  }
}
