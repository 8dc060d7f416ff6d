import { readFileSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { parse } from 'yaml'
import { metricsByProcess } from '../../scripts/metrics-page.ts'
import { chart, containersOf, helms, objectsOf, podsOf, renderNow, runHelm } from './support/render.ts'

const root = join(chart, '../..')

describe('the package', function () {
  this.timeout(60_000)
  for (const helm of helms) {
    it(`of ${helm} is below 200 KB, holds what it needs and renders the same`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'nauthera-package-'))
      try {
        await runHelm(helm, ['package', chart, '--destination', directory])
        const archive = join(directory, (await readdir(directory))[0]!)
        expect(statSync(archive).size).to.be.lessThan(200_000)
        execFileSync('tar', ['-xzmf', archive, '-C', directory])
        const unpacked = join(directory, 'nauthera')
        expect(await readdir(unpacked)).not.to.include('ci')
        for (const mode of ['minimal', 'everything']) {
          expect(await renderNow({ helm, mode, directory: unpacked })).to.equal(await renderNow({ helm, mode }))
        }
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    })
  }
})

describe('Chart.yaml', () => {
  it('lists the images that are rendered, and the newest changes', async () => {
    const { annotations } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as {
      annotations: Record<string, string>
    }
    const listed = (parse(annotations['artifacthub.io/images']!) as { image: string }[]).map(({ image }) => image)
    const pods = podsOf(await objectsOf({ mode: 'ha-sentinel' }))
    expect([...new Set(pods.flatMap(({ spec }) => containersOf(spec).map(({ image }) => image)))]).to.have.members(
      listed,
    )
    const changes = parse(annotations['artifacthub.io/changes']!) as { kind: string; description: string }[]
    expect(changes.length).to.be.greaterThan(0)
    for (const { kind } of changes)
      expect(['added', 'changed', 'deprecated', 'removed', 'fixed', 'security']).to.include(kind)
  })
})

/** Metrics of prom-client's own that every process has. */
const builtIn = new Set([
  'nodejs_eventloop_lag_p99_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
])
const metricsIn = (text: string) =>
  new Set([...text.matchAll(/\b((?:nauthera|nodejs|process)_[a-z0-9_]+)\b/g)].map((found) => found[1]!))
const defined = new Map(
  Object.values(metricsByProcess)
    .flat()
    .map((definition) => [definition.name, definition]),
)
const definitionOf = (metric: string) => defined.get(metric) ?? defined.get(metric.replace(/_(bucket|sum|count)$/, ''))

describe('alerts and dashboard', () => {
  const exists = (metric: string) => builtIn.has(metric) || definitionOf(metric) !== undefined

  /** The expressions of the dashboard. */
  const shown = (): string[] => {
    const dashboard = JSON.parse(readFileSync(join(chart, 'files/dashboards/nauthera.json'), 'utf8')) as {
      panels: { targets: { expr: string }[] }[]
    }
    return dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  }

  for (const file of readdirSync(join(chart, 'files/alerts'))) {
    it(`${basename(file, '.yaml')} uses metrics that exist and has a runbook with its name`, () => {
      const rule = parse(readFileSync(join(chart, 'files/alerts', file), 'utf8')) as {
        alert: string
        expr: string
        annotations: Record<string, string>
        labels: { severity: string }
      }
      const kebab = rule.alert.replace(/(?!^)([A-Z])/g, '-$1').toLowerCase()
      expect(file).to.equal(`${kebab}.yaml`)
      const metrics = metricsIn(rule.expr)
      expect(metrics.size).to.be.greaterThan(0)
      for (const metric of metrics) expect(exists(metric), metric).to.equal(true)
      expect(rule.expr).to.contain('namespace="$namespace"')
      expect(['critical', 'warning', 'info']).to.include(rule.labels.severity)
      const runbook = readFileSync(join(root, rule.annotations['runbook']!), 'utf8')
      expect(runbook).to.contain(rule.alert)
    })
  }

  it('filter by labels that their metrics have', () => {
    const expressions = [
      ...readdirSync(join(chart, 'files/alerts')).map(
        (file) => (parse(readFileSync(join(chart, 'files/alerts', file), 'utf8')) as { expr: string }).expr,
      ),
      ...shown(),
    ]
    expect(expressions.length).to.be.greaterThan(10)
    // Prometheus adds the first two, every process the third, a histogram the last.
    const everywhere = ['namespace', 'pod', 'process', 'le']
    const labelsOf = (metric: string): string[] => Object.keys(definitionOf(metric)?.labels ?? {})
    for (const expression of expressions) {
      const asked = [
        ...[...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */)),
        ...[...expression.matchAll(/[{,] *(\w+)(?:=|!=|=~|!~)"/g)].map(([, label]) => label!),
      ]
      const known = [...everywhere, ...[...metricsIn(expression)].flatMap(labelsOf)]
      expect(known, expression).to.include.members(asked)
    }
  })

  it('have an alert for each runbook', () => {
    const alerts = readdirSync(join(chart, 'files/alerts')).map((file) => basename(file, '.yaml'))
    const runbooks = readdirSync(join(root, 'docs/runbooks')).map((file) => basename(file, '.md'))
    expect(runbooks.filter((name) => name.startsWith('nauthera-')).sort()).to.deep.equal(alerts.sort())
  })

  it('shows metrics that exist', () => {
    for (const metric of metricsIn(shown().join('\n'))) {
      expect(exists(metric), metric).to.equal(true)
    }
  })
})
