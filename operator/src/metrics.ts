// The metrics of the operator.
import type { Metrics } from '@nauthera/runtime/metrics'

/** Creates the metrics of the operator. */
export function createOperatorMetrics(metrics: Metrics) {
  return {
    leading: metrics.gauge('nauthera_operator_leading', '1 while this process holds the Lease.'),
    clients: metrics.gauge('nauthera_operator_clients', 'OIDCClients that this release serves.'),
    replicas: metrics.gauge('nauthera_operator_replicas', 'Server replicas that are followed, by state.', ['state']),
    queueDepth: metrics.gauge(
      'nauthera_operator_queue_depth',
      'Clients that wait to be worked on or are being worked on.',
    ),
    reconcileSeconds: metrics.histogram('nauthera_operator_reconcile_seconds', 'Duration of one look at one client.'),
    reconcileFailures: metrics.counter(
      'nauthera_operator_reconcile_failures_total',
      'Looks that failed and are tried again.',
    ),
    writes: metrics.counter('nauthera_operator_writes_total', 'Writes to the Kubernetes API, by kind.', ['kind']),
    writeSeconds: metrics.histogram(
      'nauthera_operator_write_seconds',
      'Duration of a write of a shard or the manifest.',
      ['kind'],
    ),
    apiCalls: metrics.counter('nauthera_operator_api_calls_total', 'Calls of the Kubernetes API, by verb.', ['verb']),
  }
}

export type OperatorMetrics = ReturnType<typeof createOperatorMetrics>

/** @param list every followed replica */
export function recordReplicas(metrics: OperatorMetrics, list: readonly { readonly serverConnected: boolean }[]): void {
  const connected = list.filter(({ serverConnected }) => serverConnected).length
  metrics.replicas.set({ state: 'connected' }, connected)
  metrics.replicas.set({ state: 'absent' }, list.length - connected)
}
