import { shortDigest } from '@nauthera/proto/digest'
import type { Hello, RejectedClient } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { recordOfChange } from '@nauthera/runtime/traces'
import type { LiveState } from '../live/live-state.ts'
import { clientKey, countClients } from '../snapshot.ts'
import type { HeldShards, ReadManifest, ReadShard, Ref } from '../snapshot.ts'
import type { ReportMetrics } from '../metrics.ts'
import type { SecretReports } from './secret-reports.ts'
import { spellDuration } from './spell-duration.ts'

interface ServerReportNeeds {
  readonly log: Log
  readonly metrics: ReportMetrics
  readonly live: LiveState
  readonly wallNow: () => number
  readonly secrets: SecretReports
}

/** Logs what the server of this pod was sent, and how it answered. */
export class ServerReports {
  readonly #needs: ServerReportNeeds
  #lastAppliedAt: number | undefined

  constructor(needs: ServerReportNeeds) {
    this.#needs = needs
  }

  connected(hello: Hello): void {
    const { log, metrics, live } = this.#needs
    metrics.connected.set(1)
    for (const ref of hello.have) metrics.seq.set({ shard: String(ref.shard) }, Number(ref.seq))
    metrics.rejected.set(live.rejected.length)
    log.info(
      {
        server: hello.serverVersion || undefined,
        have: `${hello.have.length}/${shardCount}`,
        revision: revisionOf(hello.manifestDigest),
      },
      'connected',
    )
  }

  pushed({ ref, change, clients }: ReadShard, base: Ref | undefined): void {
    const { shard, seq } = ref
    this.#needs.log.info(
      { change, shard, seq: Number(seq), base: base && Number(base.seq), clients: clients.size },
      'push',
    )
  }

  applied(
    shard: ReadShard,
    outcome: { base: Ref | undefined; rejected: readonly RejectedClient[]; applyMs: number },
  ): void {
    const { log, metrics, live, wallNow, secrets } = this.#needs
    const { ref, change, clients, renderedAt } = shard
    const { base, rejected, applyMs } = outcome
    this.#lastAppliedAt = wallNow()
    metrics.seq.set({ shard: String(ref.shard) }, Number(ref.seq))
    metrics.apply.observe(applyMs / 1_000)
    metrics.lastApplied.set(this.#lastAppliedAt / 1_000)
    metrics.rejected.set(live.rejected.length)
    log.info(
      {
        change,
        shard: ref.shard,
        seq: Number(ref.seq),
        accepted: clients.size - rejected.length,
        rejected: rejected.length,
        apply: spellDuration(applyMs),
        since_render: spellDuration(this.#lastAppliedAt - renderedAt),
      },
      'live',
    )
    recordOfChange(ref.digest, 'push shard', wallNow() - applyMs, { change })
    for (const client of rejected) this.#rejected(client, change, base)
    secrets.applied(ref.shard)
  }

  #rejected(client: RejectedClient, change: string, base: Ref | undefined): void {
    const { field, code, message } = client
    this.#needs.log.warn(
      { change, client: clientKey(client), field, code, reason: message, kept_seq: base && Number(base.seq) },
      'rejected',
    )
  }

  /** @param shard undefined when it was the manifest, or the keys of platforms */
  refused(shard: ReadShard | undefined, reason: string, message: string): void {
    const { log, metrics } = this.#needs
    metrics.faults.inc({ code: 'SHARD_REFUSED' })
    log.warn(
      {
        change: shard?.change,
        shard: shard?.ref.shard,
        seq: shard && Number(shard.ref.seq),
        code: 'SHARD_REFUSED',
        reason: [reason.toLowerCase(), message].filter(Boolean).join(': '),
      },
      'refused',
    )
  }

  heldBack(manifest: ReadManifest, expected: string | undefined): void {
    const reason = expected === undefined ? 'no word from an operator yet' : 'the operator expects another revision'
    this.#needs.log.info(
      { revision: revisionOf(manifest.digest), expected: revisionOf(expected ?? ''), reason },
      'held back',
    )
  }

  completed(manifestDigest: string): void {
    this.#needs.log.info({ revision: revisionOf(manifestDigest) }, 'complete')
  }

  /** The server took the keys of platforms. */
  sentPlatform(digest: string): void {
    this.#needs.log.info({ revision: revisionOf(digest) }, 'platform keys live')
  }

  heartbeat(held: HeldShards, operators: number): void {
    const { log, metrics, live, wallNow } = this.#needs
    metrics.connected.set(live.serverConnected ? 1 : 0)
    log.info(
      {
        revision: revisionOf(live.manifestDigest),
        age: this.#lastAppliedAt === undefined ? undefined : spellDuration(wallNow() - this.#lastAppliedAt),
        shards: `${live.live.size}/${shardCount}`,
        clients: countClients(held),
        rejected: live.rejected.length,
        server: live.serverConnected ? 'connected' : 'away',
        operators,
      },
      'heartbeat',
    )
  }
}

/** @returns undefined for the empty digest of nothing */
const revisionOf = (manifestDigest: string): string | undefined =>
  manifestDigest === '' ? undefined : shortDigest(manifestDigest)
