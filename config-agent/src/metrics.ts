// Every metric of the config-agent. docs/metrics.md is generated from this.
import { shardCount } from '@nauthera/proto/names'
import { defineCounter, defineGauge, defineHistogram } from '@nauthera/runtime/metrics'
import type { Metrics } from '@nauthera/runtime/metrics'
import { errorCatalogue } from './errors.ts'

const codes = { of: 'code in docs/errors.md', most: Object.keys(errorCatalogue).length }

export const agentMetrics = {
  seq: defineGauge('nauthera_agent_shard_seq', 'Seq of each shard that the server has live.', {
    shard: { of: 'number of a shard', most: shardCount },
  }),
  apply: defineHistogram(
    'nauthera_agent_apply_seconds',
    'From a push to the acknowledgement of the server.',
    {},
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  ),
  lastApplied: defineGauge(
    'nauthera_agent_last_applied_timestamp_seconds',
    'When the server last acknowledged a shard.',
  ),
  rejected: defineGauge('nauthera_agent_rejected_clients', 'Clients whose newest version the server refuses.'),
  faults: defineCounter('nauthera_agent_faults_total', 'Faults of mounted files and refusals, by code.', {
    code: codes,
  }),
  faulty: defineGauge('nauthera_agent_faulty_files', 'Mounted files that are refused now, by code.', { code: codes }),
  connected: defineGauge('nauthera_agent_server_connected', '1 while there is a stream to the server.'),
}

/** Creates the metrics that go with the lines of the log. */
export const createReportMetrics = (metrics: Metrics) => ({
  seq: metrics.gauge(agentMetrics.seq),
  apply: metrics.histogram(agentMetrics.apply),
  lastApplied: metrics.gauge(agentMetrics.lastApplied),
  rejected: metrics.gauge(agentMetrics.rejected),
  faults: metrics.counter(agentMetrics.faults),
  faulty: metrics.gauge(agentMetrics.faulty),
  connected: metrics.gauge(agentMetrics.connected),
})

export type ReportMetrics = ReturnType<typeof createReportMetrics>
