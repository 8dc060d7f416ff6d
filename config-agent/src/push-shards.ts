import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChannelError, dial } from '@nauthera/proto/channel'
import type { Stream } from '@nauthera/proto/channel'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { ConfigService, NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Ack, Nack, SyncRequestSchema, SyncResponse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { podLocalNames } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { LiveState } from './live-state.ts'
import { shardMessage } from './packed-client.ts'
import { planComplete } from './plan-complete.ts'
import type { OperatorWord } from './plan-complete.ts'
import { compareAge } from './snapshot.ts'
import type { Held, ReadShard, Ref } from './snapshot.ts'
import type { Reports } from './reports.ts'

type ServerStream = Stream<SyncResponse, MessageInitShape<typeof SyncRequestSchema>>

const firstRetryMs = 100
const lastRetryMs = 2_000
/** A server that takes longer to say Hello, or to acknowledge, is dialled anew. */
const patience = { helloMs: 5_000, ackMs: 30_000 }

/** Keeps the server of this pod at what is held: dials, redials, sends what it lacks, tells it when the set is complete. */
export interface Pusher {
  /** What is held or what the operators expect may have changed. */
  push(): void
  stop(): Promise<void>
}

/** @param needs.now the monotonic clock, milliseconds */
export function createPusher(needs: {
  socket: string
  certificates: CertificateSource
  held: () => Held
  word: () => OperatorWord
  live: LiveState
  reports: Reports
  log: Log
  now: () => number
  wordlessMs: number
  patience?: { helloMs: number; ackMs: number }
}): Pusher {
  const abort = new AbortController()
  let session: { push(): void } | undefined

  const run = async (): Promise<void> => {
    let retryMs = firstRetryMs
    let lastReason = ''
    while (!abort.signal.aborted) {
      let reason = 'the server ended the stream'
      try {
        const stream = await dial({
          method: ConfigService.method.sync,
          target: { socket: needs.socket },
          certificates: needs.certificates,
          serverName: podLocalNames.server,
          signal: abort.signal,
        })
        await runSession(needs, stream, (opened) => {
          session = opened
          retryMs = firstRetryMs
          lastReason = ''
        })
      } catch (error) {
        reason = error instanceof ChannelError ? error.code : describeError(error)
      }
      session = undefined
      const wasConnected = needs.live.serverConnected
      if (wasConnected) needs.live.disconnected()
      if (abort.signal.aborted) return
      if (wasConnected) needs.log.warn({ reason }, 'disconnected')
      // Each attempt that fails alike is one story.
      else if (reason !== lastReason) needs.log.info({ reason }, 'waiting')
      lastReason = reason
      await sleep(retryMs * (0.8 + 0.2 * Math.random()), undefined, { signal: abort.signal }).catch(() => undefined)
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

/** One stream, from Hello to its end. */
async function runSession(
  needs: Parameters<typeof createPusher>[0],
  stream: ServerStream,
  opened: (session: { push(): void }) => void,
): Promise<void> {
  const { live, reports } = needs
  const inFlight = new Map<string, { shard: ReadShard; base: Ref | undefined; sentAt: number }>()
  const awaited = new Map<number, string>()
  const refused = new Map<number, string>()
  let completing: { nonce: string; digest: string; sentAt: number } | undefined
  let refusedManifest = ''
  let holdTimer: NodeJS.Timeout | undefined
  let heldFor: string | undefined

  const sendMissing = async (): Promise<void> => {
    for (const shard of needs.held().shards.values()) {
      const { ref } = shard
      const base = live.live.get(ref.shard)
      const age = base ? compareAge(ref, base) : 1
      if (age < 0 || (age === 0 && base?.digest === ref.digest)) continue
      if (awaited.get(ref.shard) === ref.digest || refused.get(ref.shard) === ref.digest) continue
      const nonce = randomBytes(6).toString('hex')
      inFlight.set(nonce, { shard, base, sentAt: needs.now() })
      awaited.set(ref.shard, ref.digest)
      reports.pushed(shard, base)
      await stream.send({ message: { case: 'shard', value: shardMessage(shard, nonce) } })
    }
  }

  const sendComplete = async (): Promise<void> => {
    const { manifest } = needs.held()
    const plan = planComplete({
      manifest,
      live: live.live,
      serverManifestDigest: live.manifestDigest,
      word: needs.word(),
      now: needs.now(),
      wordlessMs: needs.wordlessMs,
    })
    clearTimeout(holdTimer)
    if (plan.kind === 'hold') {
      if (heldFor !== manifest!.digest) reports.heldBack(manifest!, plan.expected)
      heldFor = manifest!.digest
      if (plan.until !== undefined) holdTimer = setTimeout(push, plan.until - needs.now() + 1)
    }
    if (plan.kind !== 'send' || completing?.digest === manifest!.digest || refusedManifest === manifest!.digest) return
    completing = { nonce: randomBytes(6).toString('hex'), digest: manifest!.digest, sentAt: needs.now() }
    await stream.send({
      message: {
        case: 'complete',
        value: { nonce: completing.nonce, manifest: manifest!.manifest, digest: manifest!.digest },
      },
    })
  }

  const onAck = (ack: Ack): void => {
    if (ack.nonce === completing?.nonce) {
      live.completed(completing.digest)
      reports.completed(completing.digest)
      completing = undefined
      return
    }
    const sent = inFlight.get(ack.nonce)
    if (!sent) return
    inFlight.delete(ack.nonce)
    const { ref } = sent.shard
    if (awaited.get(ref.shard) === ref.digest) awaited.delete(ref.shard)
    refusedManifest = ''
    live.applied(ref, ack.rejected)
    reports.applied(sent.shard, { base: sent.base, rejected: ack.rejected, applyMs: needs.now() - sent.sentAt })
  }

  const onNack = (nack: Nack): void => {
    const reason = reasonOf(nack)
    if (nack.nonce === completing?.nonce) {
      refusedManifest = completing.digest
      completing = undefined
      reports.refused(undefined, reason, nack.message)
      return
    }
    const sent = inFlight.get(nack.nonce)
    if (!sent) return
    inFlight.delete(nack.nonce)
    const { ref } = sent.shard
    if (awaited.get(ref.shard) === ref.digest) awaited.delete(ref.shard)
    // The same bytes would be refused again; a new version, or a new stream, is another try.
    refused.set(ref.shard, ref.digest)
    reports.refused(sent.shard, reason, nack.message)
  }

  let pushing = false
  let wanted = false
  const push = (): void => {
    wanted = true
    if (!pushing) void pushWhileWanted()
  }
  const pushWhileWanted = async (): Promise<void> => {
    pushing = true
    try {
      while (wanted && !stream.closed.aborted) {
        wanted = false
        await sendMissing()
        await sendComplete()
      }
    } catch {
      // The stream broke under a message: whoever reads it learns why.
    } finally {
      pushing = false
    }
  }

  const { helloMs, ackMs } = needs.patience ?? patience
  const helloTimeout = setTimeout(() => stream.cancel(), helloMs)
  const ackWatch = setInterval(() => {
    const [oldest] = inFlight.values()
    const since = Math.min(oldest?.sentAt ?? Infinity, completing?.sentAt ?? Infinity)
    if (needs.now() - since > ackMs) stream.cancel()
  }, ackMs / 10)
  try {
    for await (const { message } of stream) {
      switch (message.case) {
        case 'hello':
          clearTimeout(helloTimeout)
          live.connected(message.value)
          reports.connected(message.value)
          opened({ push })
          break
        case 'ack':
          onAck(message.value)
          break
        case 'nack':
          onNack(message.value)
          break
        case 'usage':
          live.used(message.value.uses)
          reports.used(message.value.uses)
          continue
        case undefined:
          // A newer server says something that this version does not know.
          continue
      }
      push()
    }
  } finally {
    clearTimeout(helloTimeout)
    clearInterval(ackWatch)
    clearTimeout(holdTimer)
    stream.close()
  }
}

function reasonOf(nack: Nack): string {
  return Object.entries(NackReason).find(([, value]) => value === nack.reason)?.[0] ?? String(nack.reason)
}
