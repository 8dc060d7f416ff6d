// docs/alerts.md: every alert of the chart, with the metrics that it reads and its runbook.
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'

interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const head = `# Alerts

<!-- Written by "npm run generate" from charts/nauthera/files/alerts. -->

The chart brings these alerts with \`metrics.prometheusRule.enabled=true\`. Each name leads to its runbook. Each alert fires after its condition has held for
the time that stands beside it. [Metrics](metrics.md) says what each metric counts. \`ci/test/alerts.nightly.test.ts\` raises each of them at a real
Prometheus, by a fault of its own.

| Severity | Means |
|---|---|
| critical | people or programs are hurt now, or will be within hours: wake somebody |
| warning | something needs a person today |
| info | look at it when you have time |

| Alert | Meaning | Severity | After | Metrics |
|---|---|---|---|---|
`

export function renderAlertsPage(): string {
  const rows = globSync('charts/nauthera/files/alerts/*.yaml')
    .sort()
    .map((file) => rowOf(basename(file, '.yaml'), parse(readFileSync(file, 'utf8')) as AlertRule))
  return `${head}${rows.join('\n')}\n`
}

function rowOf(name: string, { alert, expr, labels, annotations, for: after }: AlertRule): string {
  const found = expr.matchAll(/\b(?:nauthera|nodejs|process)_[a-z0-9_]+/g)
  const metrics = [...new Set([...found].map(([metric]) => metric.replace(/_(bucket|sum|count)$/, '')))]
  const names = metrics.map((metric) => `\`${metric}\``).join(', ')
  return `| [${alert}](runbooks/${name}.md) | ${annotations.summary} | ${labels.severity} | ${after} | ${names} |`
}
