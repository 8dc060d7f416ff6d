import { setTimeout as sleep } from 'node:timers/promises'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { ChannelError } from '@nauthera/proto/channel/channel-error'
import { dial } from '@nauthera/proto/channel/dial'
import { ConfigService } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { podLocalNames } from '@nauthera/proto/names'
import { hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { ErrorCode } from '../errors.ts'
import { Session } from './session.ts'
import type { SessionNeeds } from './session.ts'

const firstRetryMs = 100
const lastRetryMs = 2_000
const usualPatience = { helloMs: 5_000, ackMs: 30_000 }

/** Keeps the server of this pod at what is held: dials, redials, sends what it lacks, tells it when the set is complete. */
export interface Pusher {
  /** What is held or what the operators expect may have changed. */
  push(): void
  stop(): Promise<void>
}

/** @param needs.now the monotonic clock, milliseconds */
export function createPusher(
  needs: Omit<SessionNeeds, 'patience'> & {
    socket: string
    certificates: CertificateSource
    log: Log
    patience?: SessionNeeds['patience']
  },
): Pusher {
  const { live, socket, certificates, log } = needs
  const sessionNeeds = { ...needs, patience: needs.patience ?? usualPatience }
  const abort = new AbortController()
  const { signal } = abort
  let session: Session | undefined
  let retryMs = firstRetryMs
  let toldReason = ''

  /** @returns why it ended */
  const talk = async (): Promise<unknown> => {
    try {
      const stream = await dial({
        method: ConfigService.method.sync,
        target: { socket },
        certificates,
        serverName: podLocalNames.server,
        signal,
      })
      const opening = new Session(sessionNeeds, stream)
      await opening.run(() => {
        session = opening
        retryMs = firstRetryMs
        toldReason = ''
      })
      return 'the server ended the stream'
    } catch (error) {
      return error
    } finally {
      session = undefined
    }
  }

  const tell = (why: unknown, wasConnected: boolean): void => {
    const reason = why instanceof ChannelError ? why.code : describeError(why)
    if (wasConnected) log.warn({ reason }, 'disconnected')
    // Each attempt that fails alike is one story.
    else if (reason !== toldReason) {
      if (hasCode<ErrorCode>(why)) log.warn({ code: why.code, reason }, 'waiting')
      else log.info({ reason }, 'waiting')
    }
    toldReason = reason
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const why = await talk()
      const wasConnected = live.serverConnected
      if (wasConnected) live.disconnected()
      if (signal.aborted) return
      tell(why, wasConnected)
      await sleep(retryMs * (0.8 + 0.2 * Math.random()), undefined, { signal }).catch(() => undefined)
      retryMs = Math.min(retryMs * 2, lastRetryMs)
    }
  }
  const running = run()

  return {
    push: () => session?.push(),
    stop: async () => {
      abort.abort()
      await running
    },
  }
}
