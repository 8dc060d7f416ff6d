import type { Metrics } from '@nauthera/runtime/metrics'

export type AgentMetrics = ReturnType<typeof createAgentMetrics>

/** @param options.namesClients whether the names of clients are labels: a series for each secret of each client, on each replica */
export function createAgentMetrics(metrics: Metrics, options: { namesClients: boolean }) {
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
    lastUsed: options.namesClients
      ? metrics.gauge(
          'nauthera_client_secret_last_used_timestamp_seconds',
          'Last use of each client secret on this replica.',
          ['client', 'secret'],
        )
      : undefined,
    faults: metrics.counter('nauthera_agent_faults_total', 'Faults of mounted files and refusals, by code.', ['code']),
    faulty: metrics.gauge('nauthera_agent_faulty_files', 'Mounted files that are not taken at present, by code.', [
      'code',
    ]),
    connected: metrics.gauge('nauthera_agent_server_connected', '1 while there is a stream to the server.'),
  }
}
