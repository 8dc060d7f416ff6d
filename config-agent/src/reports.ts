// Every line of the agent's story and the metrics beside it: one step, one constant message.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { Hello, RejectedClient, SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shortDigest } from '@nauthera/proto/digest'
import { shardCount } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { countClients } from './accept-snapshot.ts'
import { diffShards } from './diff-snapshot.ts'
import type { LiveState } from './live-state.ts'
import { useKey } from './live-state.ts'
import { clientKey } from './snapshot.ts'
import type { Held, ReadManifest, ReadShard, Ref, SnapshotFault } from './snapshot.ts'
import { spellDuration } from './spell-duration.ts'
import type { Trigger } from './watch-mount.ts'

/** A use that goes on is told once in this time. Milliseconds. */
const useLineMs = 15 * 60_000
/** The operator may change thousands of clients at once; the lines after these would tell nobody anything. */
const diffLines = 100

export interface Reports {
  /** A look at the mount found something new. */
  changed(before: Held, after: Held, changed: readonly ReadShard[], how: { trigger: Trigger; readMs: number }): void
  /** Every fault of the look, also those of the one before. */
  faults(faults: readonly SnapshotFault[]): void
  connected(hello: Hello): void
  pushed(shard: ReadShard, base: Ref | undefined): void
  applied(
    shard: ReadShard,
    outcome: { base: Ref | undefined; rejected: readonly RejectedClient[]; applyMs: number },
  ): void
  refused(shard: ReadShard | undefined, reason: string, message: string): void
  heldBack(manifest: ReadManifest, expected: string | undefined): void
  completed(manifestDigest: string): void
  used(uses: readonly SecretUse[]): void
  heartbeat(held: Held, operators: number): void
}

/** @param needs.wallNow epoch milliseconds */
export function createReports(needs: { log: Log; metrics: Metrics; live: LiveState; wallNow: () => number }): Reports {
  const { log, live, wallNow } = needs
  const metrics = createAgentMetrics(needs.metrics)
  const toldFaults = new Set<string>()
  const toldUses = new Map<string, number>()
  /** Secrets that the mount no longer holds, until the server has taken the shard that says so. */
  const retiring = new Map<number, { client: string; secret: string; change: string; seq: bigint }[]>()
  let lastAppliedAt: number | undefined

  const logDiff = (before: ReadShard | undefined, after: ReadShard): void => {
    // The first of a shard is no change, it is the beginning.
    if (!before) return
    const changes = diffShards(before, after)
    for (const { client, kind, fields, verifiers, retired } of changes.slice(0, diffLines)) {
      log.info(
        {
          change: after.change,
          client,
          fields: kind === 'changed' ? fields.join() : kind,
          verifiers: fields.includes('verifiers') || kind !== 'changed' ? spellVerifiers(verifiers) : undefined,
        },
        'diff',
      )
      if (retired.length > 0) {
        const list = retiring.get(after.ref.shard) ?? []
        list.push(...retired.map((secret) => ({ client, secret, change: after.change, seq: after.ref.seq })))
        retiring.set(after.ref.shard, list)
      }
    }
    if (changes.length > diffLines) log.info({ change: after.change, more: changes.length - diffLines }, 'diff')
  }

  return {
    changed: (before, after, changed, { trigger, readMs }) => {
      const names = [...new Set(changed.map((shard) => shard.change))]
      log.info(
        {
          change: names.length > 0 ? names.slice(0, 3).join() : undefined,
          shards: `${changed.length}/${shardCount}`,
          revision: after.manifest && shortDigest(after.manifest.digest),
          trigger,
          read: spellDuration(readMs),
        },
        'snapshot',
      )
      for (const shard of changed) logDiff(before.shards.get(shard.ref.shard), shard)
    },
    faults: (faults) => {
      metrics.faulty.reset()
      const present = new Set<string>()
      for (const { shard, code, reason } of faults) {
        const story = `${shard} ${code} ${reason}`
        present.add(story)
        metrics.faulty.inc({ code })
        if (toldFaults.has(story)) continue
        toldFaults.add(story)
        metrics.faults.inc({ code })
        log.warn({ shard, code, reason, kept: 'last good' }, 'refused')
      }
      for (const story of toldFaults) {
        if (present.has(story)) continue
        toldFaults.delete(story)
        log.info({ fault: story.split(' ')[1], shard: shardOfStory(story) }, 'healed')
      }
    },
    connected: (hello) => {
      metrics.connected.set(1)
      for (const ref of hello.have) metrics.seq.set({ shard: String(ref.shard) }, Number(ref.seq))
      metrics.rejected.set(live.rejected.length)
      log.info(
        {
          server: hello.serverVersion || undefined,
          have: `${hello.have.length}/${shardCount}`,
          revision: hello.manifestDigest === '' ? undefined : shortDigest(hello.manifestDigest),
        },
        'connected',
      )
    },
    pushed: ({ ref, change, clients }, base) => {
      log.info(
        {
          change,
          shard: ref.shard,
          seq: Number(ref.seq),
          base: base && Number(base.seq),
          clients: clients.size,
        },
        'push',
      )
    },
    applied: ({ ref, change, clients, renderedAt }, { base, rejected, applyMs }) => {
      lastAppliedAt = wallNow()
      metrics.seq.set({ shard: String(ref.shard) }, Number(ref.seq))
      metrics.apply.observe(applyMs / 1_000)
      metrics.lastApplied.set(lastAppliedAt / 1_000)
      metrics.rejected.set(live.rejected.length)
      log.info(
        {
          change,
          shard: ref.shard,
          seq: Number(ref.seq),
          accepted: clients.size - rejected.length,
          rejected: rejected.length,
          apply: spellDuration(applyMs),
          since_render: spellDuration(lastAppliedAt - renderedAt),
        },
        'live',
      )
      for (const client of rejected) {
        log.warn(
          {
            change,
            client: clientKey(client),
            field: client.field,
            code: client.code,
            reason: client.message,
            kept_seq: base && Number(base.seq),
          },
          'rejected',
        )
      }
      const due = retiring.get(ref.shard) ?? []
      retiring.set(
        ref.shard,
        due.filter(({ seq }) => seq > ref.seq),
      )
      for (const { client, secret, change: by, seq } of due) {
        if (seq > ref.seq) continue
        live.retired(client, secret)
        toldUses.delete(`${client} ${secret}`)
        metrics.lastUsed.remove({ client, secret })
        log.info({ change: by, client, secret }, 'retired')
      }
    },
    refused: (shard, reason, message) => {
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
    },
    heldBack: (manifest, expected) => {
      log.info(
        {
          revision: shortDigest(manifest.digest),
          expected: expected === undefined ? undefined : shortDigest(expected),
          reason: expected === undefined ? 'no word from an operator yet' : 'the operator expects another revision',
        },
        'held back',
      )
    },
    completed: (digest) => log.info({ revision: shortDigest(digest) }, 'complete'),
    used: (uses) => {
      for (const use of uses) {
        const client = clientKey(use)
        const lastUsed = use.lastUsed ? timestampMs(use.lastUsed) : wallNow()
        metrics.lastUsed.set({ client, secret: use.secretId }, lastUsed / 1_000)
        const told = toldUses.get(useKey(use))
        if (told !== undefined && wallNow() - told < useLineMs) continue
        toldUses.set(useKey(use), wallNow())
        log.info({ client, secret: use.secretId, last_used: spellDuration(wallNow() - lastUsed) }, 'usage')
      }
    },
    heartbeat: (held, operators) => {
      metrics.connected.set(live.serverConnected ? 1 : 0)
      log.info(
        {
          revision: live.manifestDigest === '' ? undefined : shortDigest(live.manifestDigest),
          age: lastAppliedAt === undefined ? undefined : spellDuration(wallNow() - lastAppliedAt),
          shards: `${live.live.size}/${shardCount}`,
          clients: countClients(held),
          rejected: live.rejected.length,
          server: live.serverConnected ? 'connected' : 'away',
          operators,
        },
        'heartbeat',
      )
    },
  }
}

function createAgentMetrics(metrics: Metrics) {
  return {
    seq: metrics.gauge('nauthera_agent_shard_seq', 'Sequence of each shard that the server has live.', ['shard']),
    apply: metrics.histogram(
      'nauthera_agent_apply_seconds',
      'From a push to the acknowledgement of the server.',
      [],
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    ),
    lastApplied: metrics.gauge(
      'nauthera_agent_last_applied_timestamp_seconds',
      'When the server last acknowledged a shard.',
    ),
    rejected: metrics.gauge('nauthera_agent_rejected_clients', 'Clients whose desired version the server refuses.'),
    lastUsed: metrics.gauge(
      'nauthera_client_secret_last_used_timestamp_seconds',
      'Last use of each client secret on this replica.',
      ['client', 'secret'],
    ),
    faults: metrics.counter('nauthera_agent_faults_total', 'Faults of mounted files and refusals, by code.', ['code']),
    faulty: metrics.gauge('nauthera_agent_faulty_files', 'Mounted files that are not taken at present, by code.', [
      'code',
    ]),
    connected: metrics.gauge('nauthera_agent_server_connected', '1 while there is a stream to the server.'),
  }
}

function spellVerifiers({ before, after }: { before: readonly string[]; after: readonly string[] }): string {
  return `${before.join()}->${after.join()}`
}

function shardOfStory(story: string): number | undefined {
  const shard = Number(story.split(' ')[0])
  return Number.isNaN(shard) ? undefined : shard
}
