import type { MessageInitShape } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { ChannelError } from '@nauthera/proto/channel/channel-error'
import type { Stream } from '@nauthera/proto/channel/stream'
import { NackReason } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  Ack,
  Hello,
  Nack,
  SyncRequestSchema,
  SyncResponse,
  Usage,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardSchema } from '@nauthera/proto/names'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { LiveState } from '../live/live-state.ts'
import type { OperatorWord } from '../live/operator-word.ts'
import type { Reports } from '../report/reports.ts'
import type { MountedPlatformKeys } from '../mount/platform-keys.ts'
import type { HeldShards, ReadManifest } from '../snapshot.ts'
import { StreamOutbox } from './outbox.ts'
import { planComplete } from './plan-complete.ts'

type ServerStream = Stream<SyncResponse, MessageInitShape<typeof SyncRequestSchema>>

export interface SessionNeeds {
  readonly held: () => HeldShards
  readonly platformKeys: () => MountedPlatformKeys | undefined
  readonly word: () => OperatorWord
  readonly live: LiveState
  readonly reports: Reports
  readonly log: Log
  /** The monotonic clock, milliseconds. */
  readonly now: () => number
  readonly wordlessMs: number
  /** When the server's Hello or answer takes longer, the agent dials again. */
  readonly patience: { readonly helloMs: number; readonly ackMs: number }
}

/** One stream to the server of this pod, from its Hello to its end. */
export class SyncSession {
  readonly #needs: SessionNeeds
  readonly #stream: ServerStream
  readonly #outbox = new StreamOutbox()
  #pushing = false
  #wanted = false
  /** Checks again whether the held manifest may be sent. */
  #holdTimer: NodeJS.Timeout | undefined
  /** The held manifest that was logged. */
  #heldBack: string | undefined

  constructor(needs: SessionNeeds, stream: ServerStream) {
    this.#needs = needs
    this.#stream = stream
  }

  /** @param onOpened the server has spoken; from now on push() has an effect
   *  @returns when the stream has ended
   *  @throws ChannelError when it broke; CodedError SERVER_TOO_OLD */
  async run(onOpened: () => void): Promise<void> {
    const { helloMs, ackMs } = this.#needs.patience
    const giveUp = (): void => this.#stream.cancel()
    const helloTimeout = setTimeout(giveUp, helloMs)
    const ackWatch = setInterval(() => {
      if (this.#needs.now() - this.#outbox.oldestAt() > ackMs) giveUp()
    }, ackMs / 10)
    try {
      for await (const { message } of this.#stream) {
        if (message.case === 'hello') {
          clearTimeout(helloTimeout)
          this.#onHello(message.value)
          onOpened()
        } else if (message.case === 'ack') this.#onAck(message.value)
        else if (message.case === 'nack') this.#onNack(message.value)
        else {
          if (message.case === 'usage') this.#onUsage(message.value)
          if (message.case === 'unknownKey') this.#needs.live.recordUnknownKey()
          // A newer server may send messages that this version does not know.
          continue
        }
        this.push()
      }
    } finally {
      clearTimeout(helloTimeout)
      clearInterval(ackWatch)
      clearTimeout(this.#holdTimer)
      this.#stream.close()
    }
  }

  /** What is held, or what the operators expect, may have changed. */
  push(): void {
    this.#wanted = true
    if (!this.#pushing) void this.#pushWhileWanted()
  }

  async #pushWhileWanted(): Promise<void> {
    this.#pushing = true
    try {
      while (this.#wanted && !this.#stream.closed.aborted) {
        this.#wanted = false
        await this.#sendMissing()
        // before the server becomes ready: it can then verify every token that the other replicas can
        await this.#sendPlatformKeys()
        await this.#sendComplete()
      }
    } catch (error) {
      // The reader of the stream reports why it broke. Any other error here would look like a server that has everything.
      if (!(error instanceof ChannelError)) {
        this.#needs.log.error({ error }, 'what the server lacks could not be pushed; dialling again')
        this.#stream.cancel()
      }
    } finally {
      this.#pushing = false
    }
  }

  async #sendMissing(): Promise<void> {
    const { live, reports, now, held } = this.#needs
    for (const shard of this.#outbox.missing(held(), live.live)) {
      const { ref, change, file } = shard
      const base = live.live.get(ref.shard)
      const nonce = this.#outbox.sent({ kind: 'shard', shard, base, at: now() })
      reports.server.pushed(shard, base)
      await this.#stream.send({ message: { case: 'shard', value: { nonce, ref, change, file } } })
    }
  }

  async #sendPlatformKeys(): Promise<void> {
    const { live, now, platformKeys } = this.#needs
    const keys = platformKeys()
    // before its Hello nobody knows what the server has
    if (!keys || !live.platform || live.platform.digest === keys.digest || !this.#outbox.mayTell(keys.digest)) return
    const nonce = this.#outbox.sent({ kind: 'platform', digest: keys.digest, at: now() })
    await this.#stream.send({ message: { case: 'platformKeys', value: { nonce, file: keys.file } } })
  }

  async #sendComplete(): Promise<void> {
    const { live, now, word, wordlessMs, held } = this.#needs
    const { manifest } = held()
    clearTimeout(this.#holdTimer)
    if (!manifest) return
    const plan = planComplete({
      manifest,
      live: live.live,
      serverManifestDigest: live.manifestDigest,
      word: word(),
      now: now(),
      wordlessMs,
    })
    if (plan.kind === 'hold') this.#hold(manifest, plan)
    if (plan.kind !== 'send' || !this.#outbox.mayComplete(manifest.digest)) return
    const { digest } = manifest
    const nonce = this.#outbox.sent({ kind: 'manifest', digest, at: now() })
    await this.#stream.send({
      message: { case: 'complete', value: { nonce, manifest: manifest.manifest, digest } },
    })
  }

  #hold(manifest: ReadManifest, plan: { until: number | undefined; expected: string | undefined }): void {
    if (this.#heldBack !== manifest.digest) this.#needs.reports.server.heldBack(manifest, plan.expected)
    this.#heldBack = manifest.digest
    if (plan.until !== undefined) {
      this.#holdTimer = setTimeout(() => this.push(), plan.until - this.#needs.now() + 1)
    }
  }

  #onHello(hello: Hello): void {
    const { live, reports } = this.#needs
    live.greeted({ min: hello.schemaMin, max: hello.schemaMax })
    if (hello.schemaMax < shardSchema) {
      throw new CodedError('SERVER_TOO_OLD', {
        message: `the server reads shards up to schema ${hello.schemaMax}, and these are of schema ${shardSchema}`,
      })
    }
    live.connected(hello)
    reports.server.connected(hello)
  }

  #onAck(ack: Ack): void {
    const { live, reports, now } = this.#needs
    const sent = this.#outbox.accepted(ack.nonce)
    if (sent?.kind === 'manifest') {
      live.completed(sent.digest)
      reports.server.completed(sent.digest)
    }
    if (sent?.kind === 'platform') {
      live.recordPlatform(sent.digest)
      reports.server.sentPlatform(sent.digest)
    }
    if (sent?.kind === 'shard') {
      live.applied(sent.shard.ref, ack)
      const applyMs = now() - sent.at
      reports.server.applied(sent.shard, { base: sent.base, rejected: ack.rejected, applyMs })
    }
  }

  #onNack(nack: Nack): void {
    const sent = this.#outbox.refused(nack.nonce)
    if (!sent) return
    const shard = sent.kind === 'shard' ? sent.shard : undefined
    this.#needs.reports.server.refused(shard, reasonOf(nack), nack.message)
  }

  #onUsage({ uses, covers, identities, sectors, codes, refusals }: Usage): void {
    const { live, reports, now } = this.#needs
    live.used(uses, covers && now() - durationMs(covers), { identities, sectors, codes, refusals })
    reports.secrets.used(uses)
  }
}

function reasonOf(nack: Nack): string {
  return Object.entries(NackReason).find(([, value]) => value === nack.reason)?.[0] ?? String(nack.reason)
}
