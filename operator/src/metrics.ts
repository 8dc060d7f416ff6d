// Every metric of the operator. docs/metrics.md is generated from this.
import { defineCounter, defineGauge, defineHistogram } from '@nauthera/runtime/metrics'
import type { Metrics } from '@nauthera/runtime/metrics'

export const operatorMetrics = {
  leading: defineGauge('nauthera_operator_leading', '1 while this process holds the Lease.'),
  clients: defineGauge('nauthera_operator_clients', 'OIDCClients that this release serves.'),
  replicas: defineGauge(
    'nauthera_operator_replicas',
    'Server replicas that are followed: connected ones, and those that do not answer.',
    {
      state: ['connected', 'absent'],
    },
  ),
  queueDepth: defineGauge('nauthera_operator_queue_depth', 'Clients that wait to be worked on or are being worked on.'),
  reconcileSeconds: defineHistogram('nauthera_operator_reconcile_seconds', 'Duration of one look at one client.'),
  reconcileFailures: defineCounter(
    'nauthera_operator_reconcile_failures_total',
    'Looks that failed and are tried again.',
  ),
  writes: defineCounter('nauthera_operator_writes_total', 'Writes to the Kubernetes API, by kind.', {
    kind: ['secret', 'status', 'shard', 'manifest', 'link', 'issuers'],
  }),
  writeSeconds: defineHistogram('nauthera_operator_write_seconds', 'Duration of a write of a shard or the manifest.', {
    kind: ['shard', 'manifest'],
  }),
}

/** Creates the metrics of the operator. */
export const createOperatorMetrics = (metrics: Metrics) => ({
  leading: metrics.gauge(operatorMetrics.leading),
  clients: metrics.gauge(operatorMetrics.clients),
  replicas: metrics.gauge(operatorMetrics.replicas),
  queueDepth: metrics.gauge(operatorMetrics.queueDepth),
  reconcileSeconds: metrics.histogram(operatorMetrics.reconcileSeconds),
  reconcileFailures: metrics.counter(operatorMetrics.reconcileFailures),
  writes: metrics.counter(operatorMetrics.writes),
  writeSeconds: metrics.histogram(operatorMetrics.writeSeconds),
})

export type OperatorMetrics = ReturnType<typeof createOperatorMetrics>

/** @param list every followed replica */
export function recordReplicas(metrics: OperatorMetrics, list: readonly { readonly serverConnected: boolean }[]): void {
  const connected = list.filter(({ serverConnected }) => serverConnected).length
  metrics.replicas.set({ state: 'connected' }, connected)
  metrics.replicas.set({ state: 'absent' }, list.length - connected)
}
