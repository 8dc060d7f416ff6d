// docs/metrics.md: every metric of every process, from its definitions in the code.
import { agentMetrics } from '@nauthera/config-agent/metrics'
import { operatorMetrics } from '@nauthera/operator/metrics'
import { mostSeries, processMetrics } from '@nauthera/runtime/metrics'
import type { MetricDefinition } from '@nauthera/runtime/metrics'
import { serverMetrics } from '@nauthera/server/metrics'

/** The metrics of each process, and those that all have. */
export const metricsByProcess: Readonly<Record<string, readonly MetricDefinition[]>> = {
  'every process': Object.values(processMetrics),
  server: Object.values(serverMetrics),
  'config-agent': Object.values(agentMetrics),
  operator: Object.values(operatorMetrics),
}

const head = `# Metrics

<!-- Written by "npm run generate" from the metrics.ts of each process. -->

Each process serves \`/metrics\` on its port for health and metrics; \`metrics.podMonitor.enabled=true\` has Prometheus scrape them all. No label names a client, a person or a token,
and no stranger can make a new value: what a label does not foresee is \`other\`. So the number of series stays the same with ten clients and with 10,000; the last
column is the most that one process can have. Every metric has the label \`process\`; Prometheus adds \`namespace\` and \`pod\`.

Alerts on them, each with its runbook: [alerts](alerts.md).

Each process also has those of Node.js and of its process, such as \`process_resident_memory_bytes\` and \`nodejs_eventloop_lag_p99_seconds\`.
`

/** The last words of a name -> its unit. */
const units: readonly (readonly [string, string])[] = [
  ['_timestamp_seconds', 'Unix time, seconds'],
  ['_seconds', 'seconds'],
  ['_bytes', 'bytes'],
]

export function renderMetricsPage(): string {
  const sections = Object.entries(metricsByProcess).map(([process, metrics]) =>
    [
      `## ${process}`,
      '',
      '| Metric | Type | Labels | Unit | Meaning | Series |',
      '|---|---|---|---|---|---|',
      ...metrics.map(rowOf),
      '',
    ].join('\n'),
  )
  return [head, ...sections].join('\n')
}

function rowOf(metric: MetricDefinition): string {
  const { name, type, help } = metric
  const unit = units.find(([end]) => name.endsWith(end))?.[1] ?? 'number'
  const labels = Object.entries(metric.labels ?? {}).map(([label, values]) =>
    'of' in values ? `\`${label}\`: ${values.of}` : `\`${label}\`: ${values.map((value) => `\`${value}\``).join(', ')}`,
  )
  return `| \`${name}\` | ${type} | ${labels.join('<br>')} | ${unit} | ${help} | ${mostSeries(metric)} |`
}
