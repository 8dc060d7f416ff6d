import { shortDigest } from '@nauthera/proto/digest'
import { shardCount } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { recordOfChange } from '@nauthera/runtime/traces'
import type { AgentErrorCode } from '../errors.ts'
import type { Trigger } from '../mount/watch-mount.ts'
import type { HeldShards, ReadShard, SnapshotFault } from '../snapshot.ts'
import { diffShards } from './diff-shards.ts'
import type { ClientChange } from './diff-shards.ts'
import type { ReportMetrics } from '../metrics.ts'
import type { SecretReports } from './secret-reports.ts'
import { spellDuration } from './spell-duration.ts'

/** Most lines for one change of many clients. */
const diffLines = 100

/** Logs what was mounted, and each fault of it. */
export class MountReports {
  readonly #needs: { log: Log; metrics: ReportMetrics; secrets: SecretReports }
  /** Faults that were logged and still last. */
  readonly #faults = new Map<string, { code: AgentErrorCode; shard: number | undefined }>()

  constructor(needs: { log: Log; metrics: ReportMetrics; secrets: SecretReports }) {
    this.#needs = needs
  }

  /** A reading found something new. */
  snapshot(after: HeldShards, changed: readonly ReadShard[], how: { trigger: Trigger; readMs: number }): void {
    const names = [...new Set(changed.map((shard) => shard.change))]
    this.#needs.log.info(
      {
        change: names.length > 0 ? names.slice(0, 3).join() : undefined,
        shards: `${changed.length}/${shardCount}`,
        revision: after.manifest && shortDigest(after.manifest.digest),
        trigger: how.trigger,
        read: spellDuration(how.readMs),
      },
      'snapshot',
    )
    for (const { ref, change } of changed)
      recordOfChange(ref.digest, 'read snapshot', Date.now() - how.readMs, { change, trigger: how.trigger })
  }

  /** Logs what a new version of a shard changes, by client. The first version of a shard is no change. */
  diff(before: ReadShard | undefined, after: ReadShard): void {
    if (!before) return
    const { log, secrets } = this.#needs
    const changes = diffShards(before, after)
    for (const change of changes.slice(0, diffLines)) {
      log.info({ change: after.change, ...describeChange(change) }, 'diff')
    }
    if (changes.length > diffLines) log.info({ change: after.change, more: changes.length - diffLines }, 'diff')
    secrets.retire(after, changes)
  }

  /** @param faults all present faults: each is logged when it begins and when it ends */
  faults(faults: readonly SnapshotFault[]): void {
    const { log, metrics } = this.#needs
    metrics.faulty.reset()
    const present = new Set<string>()
    for (const { shard, code, reason } of faults) {
      const story = `${shard} ${code} ${reason}`
      present.add(story)
      metrics.faulty.inc({ code })
      if (this.#faults.has(story)) continue
      this.#faults.set(story, { code, shard })
      metrics.faults.inc({ code })
      log.warn({ shard, code, reason, kept: 'last good' }, 'refused')
    }
    for (const [story, { code, shard }] of this.#faults) {
      if (present.has(story)) continue
      this.#faults.delete(story)
      log.info({ fault: code, shard }, 'healed')
    }
  }
}

function describeChange({ client, kind, fields, verifiers }: ClientChange): Record<string, string | undefined> {
  const tellVerifiers = fields.includes('verifiers') || kind !== 'changed'
  return {
    client,
    fields: kind === 'changed' ? fields.join() : kind,
    verifiers: tellVerifiers ? `${verifiers.before.join()}->${verifiers.after.join()}` : undefined,
  }
}
