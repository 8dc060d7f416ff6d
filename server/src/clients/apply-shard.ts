// Applies one shard: builds the next registry, swaps it, and answers the agent.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Shard, SyncResponseSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { recordOfChange } from '@nauthera/runtime/traces'
import { serverMetrics } from '../metrics.ts'
import type { Audit } from '../store/audit/audit.ts'
import { buildRegistry, movedStandings, rejectionsOf } from './build-registry.ts'
import type { CheckClient } from './check-client.ts'
import { planShard } from './check-shard.ts'
import type { RegistryHolder, Rejection, ShardRefValue } from './registry.ts'
import type { UsageRecorder } from './usage.ts'
import type { Clocks } from './verifiers.ts'

export type SyncAnswer = NonNullable<MessageInitShape<typeof SyncResponseSchema>['message']>

/** @returns a function that applies one shard. Calls must not overlap: each registry is built from the last one */
export function createApplyShard(needs: {
  readonly holder: RegistryHolder
  readonly checkClient: CheckClient
  readonly usage: UsageRecorder
  readonly log: Log
  readonly metrics: Metrics | undefined
  readonly audit: Pick<Audit, 'record'> | undefined
  readonly clocks: Clocks
}): (message: Shard) => Promise<SyncAnswer> {
  const { holder, usage, log, checkClient, clocks } = needs
  const gauges = needs.metrics && createGauges(needs.metrics)

  const report = ({ namespace, name, clientId, field, code, message }: Rejection, change: string): void => {
    log.warn({ change, client: `${namespace}/${name}`, field, code, reason: message }, 'rejected')
    const detail = { namespace, name, field, code }
    needs.audit?.record({ event: 'config.client_rejected', outcome: 'failure', reason: message, clientId, detail })
  }

  return async (message) => {
    const began = performance.now()
    const { nonce, change } = message
    const ref = refOf(message)
    const current = holder.current()
    const plan = await planShard(ref, message.file, current.shards.get(ref.shard))
    if (plan.kind === 'same') {
      const rejected = rejectionsOf(current).filter((rejection) => rejection.shard === ref.shard)
      return { case: 'ack', value: { nonce, ref, rejected } }
    }
    if (plan.kind === 'refused') {
      log.warn({ change, shard: ref.shard, seq: ref.seq.toString(), reason: plan.text }, 'shard refused')
      return { case: 'nack', value: { nonce, ref, reason: plan.reason, message: plan.text } }
    }
    const { registry, rejected, changed } = await buildRegistry(
      current,
      { ref, clients: plan.clients },
      { checkClient, clocks },
    )
    const others = movedStandings(current, registry, ref.shard)
    holder.swap(registry)
    usage.removeAllBut(registry)
    gauges?.applied(ref, registry.size, rejectionsOf(registry).length)
    const duration = `${Math.round(performance.now() - began)}ms`
    const counts = { clients: plan.clients.length, changed, rejected: rejected.length, total: registry.size }
    log.info({ change, shard: ref.shard, seq: ref.seq.toString(), digest: ref.digest, ...counts, duration }, 'live')
    recordOfChange(ref.digest, 'apply shard', Date.now() - (performance.now() - began), { change, ...counts })
    for (const rejection of rejected) report(rejection, change)
    return { case: 'ack', value: { nonce, ref, rejected, others } }
  }
}

/** A message without a ref is refused as damaged. */
const refOf = ({ ref }: Shard): ShardRefValue => ({
  shard: ref?.shard ?? 0,
  seq: ref?.seq ?? 0n,
  digest: ref?.digest ?? '',
})

function createGauges(metrics: Metrics) {
  const seq = metrics.gauge(serverMetrics.shardSeq)
  const clients = metrics.gauge(serverMetrics.clients)
  const rejected = metrics.gauge(serverMetrics.rejected)
  return {
    applied(ref: ShardRefValue, total: number, refused: number): void {
      seq.set({ shard: String(ref.shard) }, Number(ref.seq))
      clients.set(total)
      rejected.set(refused)
    },
  }
}
