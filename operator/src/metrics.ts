// Every metric of the operator. docs/metrics.md is generated from this.
import { defineCounter, defineGauge, defineHistogram, processMetrics } from '@nauthera/runtime/metrics'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { Overdue } from './status/overdue.ts'

export const operatorMetrics = {
  leading: defineGauge(
    'nauthera_operator_leading',
    '1 while this process holds the Lease and has listed what it works on.',
  ),
  clients: defineGauge('nauthera_operator_clients', 'OIDCClients that this release serves.'),
  unready: defineGauge(
    'nauthera_operator_unready_clients',
    'OIDCClients that have not been Ready for a minute, by what has to change: the object or a policy, or the release.',
    { cause: ['object', 'release'] },
  ),
  lateRotations: defineGauge(
    'nauthera_operator_late_rotations',
    'OIDCClients whose rotation is five minutes late: its time is past, its window was missed, or it waits for a replica.',
  ),
  lateRetirements: defineGauge(
    'nauthera_operator_late_retirements',
    'Client secrets that ended five minutes ago, while a server may still accept them.',
  ),
  replicas: defineGauge(
    'nauthera_operator_replicas',
    'Server replicas that are followed: connected ones, and those that do not answer.',
    { state: ['connected', 'absent'] },
  ),
  hubReachable: defineGauge(
    'nauthera_operator_hub_reachable',
    '1 while the hub of this cluster answers and takes what this operator writes. Only in mode spoke.',
    { cluster: { of: 'name of this cluster in its hub', most: 1 } },
  ),
  clusterLastSeen: defineGauge(
    'nauthera_operator_cluster_last_seen_timestamp_seconds',
    'When the operator of a joined cluster last renewed its Lease here.',
    { cluster: { of: 'name of an OIDCCluster', most: 100 } },
  ),
  queueDepth: defineGauge('nauthera_operator_queue_depth', 'Clients that wait to be worked on or are being worked on.'),
  reconcileSeconds: defineHistogram('nauthera_operator_reconcile_seconds', 'Duration of one look at one client.'),
  reconcileFailures: defineCounter(
    'nauthera_operator_reconcile_failures_total',
    'Looks that failed and are tried again.',
  ),
  writes: defineCounter('nauthera_operator_writes_total', 'Writes to the Kubernetes API, by kind.', {
    kind: ['secret', 'status', 'shard', 'manifest', 'link', 'issuers', 'mirror'],
  }),
  writeSeconds: defineHistogram('nauthera_operator_write_seconds', 'Duration of a write of a shard or the manifest.', {
    kind: ['shard', 'manifest'],
  }),
}

/** Creates the metrics of the operator. */
export const createOperatorMetrics = (metrics: Metrics) => ({
  leading: metrics.gauge(operatorMetrics.leading),
  clients: metrics.gauge(operatorMetrics.clients),
  unready: metrics.gauge(operatorMetrics.unready),
  lateRotations: metrics.gauge(operatorMetrics.lateRotations),
  lateRetirements: metrics.gauge(operatorMetrics.lateRetirements),
  replicas: metrics.gauge(operatorMetrics.replicas),
  hubReachable: metrics.gauge(operatorMetrics.hubReachable),
  clusterLastSeen: metrics.gauge(operatorMetrics.clusterLastSeen),
  certificateExpiry: metrics.gauge(processMetrics.certificateExpiry),
  queueDepth: metrics.gauge(operatorMetrics.queueDepth),
  reconcileSeconds: metrics.histogram(operatorMetrics.reconcileSeconds),
  reconcileFailures: metrics.counter(operatorMetrics.reconcileFailures),
  writes: metrics.counter(operatorMetrics.writes),
  writeSeconds: metrics.histogram(operatorMetrics.writeSeconds),
})

export type OperatorMetrics = ReturnType<typeof createOperatorMetrics>

/** @param overdue of all clients */
export function recordOverdue(metrics: OperatorMetrics, { unready, rotations, retirements }: Overdue): void {
  metrics.unready.set({ cause: 'object' }, unready.object)
  metrics.unready.set({ cause: 'release' }, unready.release)
  metrics.lateRotations.set(rotations)
  metrics.lateRetirements.set(retirements)
}

/** @param lastSeen of each joined cluster, epoch milliseconds */
export function recordClusters(metrics: OperatorMetrics, lastSeen: ReadonlyMap<string, number>): void {
  metrics.clusterLastSeen.reset()
  for (const [cluster, at] of lastSeen) metrics.clusterLastSeen.set({ cluster }, at / 1000)
}

/** @param list every followed replica */
export function recordReplicas(metrics: OperatorMetrics, list: readonly { readonly serverConnected: boolean }[]): void {
  const connected = list.filter(({ serverConnected }) => serverConnected).length
  metrics.replicas.set({ state: 'connected' }, connected)
  metrics.replicas.set({ state: 'absent' }, list.length - connected)
}
