import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { parse, stringify } from 'yaml'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { metricsByProcess } from '../../scripts/metrics-page.ts'
import { alerts, findPrometheus, queries } from './support/alerts.ts'
import type { Alert } from './support/alerts.ts'
import { chart, objectsOf } from './support/render.ts'

const runbooks = join(chart, '../../docs/runbooks')
const headings = ['What it means', 'Who is hurt', 'Look at', 'Do', 'When to wake somebody']

/** Metrics of prom-client's own that every process has. */
const builtIn = new Set([
  'nodejs_eventloop_lag_p99_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
])
const defined = new Map(
  Object.values(metricsByProcess)
    .flat()
    .map((definition) => [definition.name, definition]),
)
const definitionOf = (metric: string) => defined.get(metric) ?? defined.get(metric.replace(/_(bucket|sum|count)$/, ''))
const metricsIn = (text: string) =>
  new Set([...text.matchAll(/\b((?:nauthera|nodejs|process)_[a-z0-9_]+)\b/g)].map((found) => found[1]!))

/** A case of alerts.promtool.yaml. */
interface PromtoolCase {
  readonly name: string
  readonly alert_rule_test: readonly { readonly eval_time: string; readonly exp_alerts: readonly object[] }[]
}

/** Fails where an expression asks for a metric or a label that the code does not have. */
function checkExpression(expr: string): void {
  const metrics = metricsIn(expr)
  expect(metrics.size, expr).to.be.greaterThan(0)
  for (const metric of metrics) expect(builtIn.has(metric) || definitionOf(metric), metric).to.be.ok
  expect(expr).to.contain('namespace="$namespace"')
  // Prometheus adds the first two, every process the third, a histogram the last
  const known = [
    'namespace',
    'pod',
    'process',
    'le',
    ...[...metrics].flatMap((metric) => Object.keys(definitionOf(metric)?.labels ?? {})),
  ]
  const asked = [
    ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */)),
    ...[...expr.matchAll(/[{,] *(\w+)(?:=|!=|=~|!~)"/g)].map(([, label]) => label!),
  ]
  expect(known, expr).to.include.members(asked)
}

describe('alerts', () => {
  for (const [file, { alert, expr, labels, annotations, for: time }] of alerts) {
    it(`${alert} asks for metrics that exist and has a runbook`, () => {
      expect(file).to.equal(alert.replace(/(?!^)([A-Z])/g, '-$1').toLowerCase())
      checkExpression(expr)
      expect(['critical', 'warning', 'info']).to.include(labels.severity)
      expect(time).to.match(/^\d+m$/)
      const page = readFileSync(join(runbooks, `${file}.md`), 'utf8')
      expect(page.split('\n')[0]).to.equal(`# ${alert}: ${annotations['summary']}`)
      expect([...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).to.deep.equal(headings)
    })
  }

  it('have an alert for each runbook', () => {
    const pages = readdirSync(runbooks).map((file) => basename(file, '.md'))
    expect(pages.filter((name) => name.startsWith('nauthera-')).sort()).to.deep.equal([...alerts.keys()].sort())
  })

  const addresses: readonly [sentence: string, base: string, addressOf: (page: string) => string | undefined][] = [
    [
      'of the repository',
      'https://git.example.com/docs/runbooks/',
      (page) => `https://git.example.com/docs/runbooks/${page}.md`,
    ],
    [
      'of the site',
      'https://docs.example.com/runbooks/{page}.html',
      (page) => `https://docs.example.com/runbooks/${page}.html`,
    ],
    ['of nobody: they have no link that leads nowhere', '', () => undefined],
  ]
  for (const [sentence, runbookBaseURL, addressOf] of addresses)
    it(`link a runbook that is there, below an address ${sentence}`, async () => {
      const values = { metrics: { prometheusRule: { enabled: true, runbookBaseURL } } }
      const objects = await objectsOf({ mode: 'everything', values })
      const rule = objects.find(({ kind }) => kind === 'PrometheusRule')!
      const [group] = (rule as unknown as { spec: { groups: { rules: Alert[] }[] } }).spec.groups
      const pages = readdirSync(runbooks).map((file) => basename(file, '.md'))
      expect(group!.rules.map(({ annotations }) => annotations['runbook_url'])).to.deep.equal(
        pages.filter((page) => alerts.has(page)).map(addressOf),
      )
    })

  it('of a spoke are about its operator alone: it would miss servers for ever', async () => {
    const values = { metrics: { prometheusRule: { enabled: true } } }
    const rule = (await objectsOf({ mode: 'spoke', values, apis: ['monitoring.coreos.com/v1'] })).find(
      ({ kind }) => kind === 'PrometheusRule',
    )!
    const [group] = (rule as unknown as { spec: { groups: { rules: Alert[] }[] } }).spec.groups
    const known = new Set(['every process', 'operator'].flatMap((of) => metricsByProcess[of]!.map(({ name }) => name)))
    expect(group!.rules.map(({ alert }) => alert)).to.include.members(['NautheraHubUnreachable', 'NautheraNoLeader'])
    for (const { alert, expr } of group!.rules) {
      for (const metric of metricsIn(expr)) expect(known.has(metric) || builtIn.has(metric), alert).to.equal(true)
      expect(expr, alert).to.not.include('process="server"')
    }
  })

  const tests = join(chart, '../test/alerts.promtool.yaml')
  const promtoolFile = parse(readFileSync(tests, 'utf8')) as { tests: PromtoolCase[] }
  const written = promtoolFile.tests
  it('have a case that fires and one that does not', () => {
    const cases = written.map(({ name }) => name)
    const usual = [...alerts.values()].flatMap(({ alert }) => [`${alert} fires`, `${alert} is silent`])
    expect(cases).to.include.members(usual)
    expect(new Set(cases).size).to.equal(cases.length)
    for (const name of cases)
      expect(
        usual.some((one) => name === one || name.startsWith(`${one} when `)),
        name,
      ).to.equal(true)
  })

  it('are silent until the minute in which they fire: another `for` or range moves it', () => {
    for (const { name, alert_rule_test: moments } of written.filter(({ name }) => name.endsWith(' fires'))) {
      const [before, at] = moments.map(({ eval_time: time, exp_alerts: fired }) => ({
        minute: Number(/^(\d+)m$/.exec(time)?.[1]),
        fires: fired.length > 0,
      }))
      expect({ before, at }, name).to.deep.equal({
        before: { minute: at!.minute - 1, fires: false },
        at: { minute: at!.minute, fires: true },
      })
    }
  })

  const promtool = findPrometheus('promtool')
  const where = promtool === undefined ? ' (not run: promtool is in the Debian package prometheus)' : ''
  ;(promtool === undefined ? it.skip : it)(`fire and are silent as promtool evaluates them${where}`, () => {
    const directory = temporaryDirectory('alerts')
    try {
      const rules = [...alerts.values()].map((rule) => ({ ...rule, expr: rule.expr.replaceAll('$namespace', 'auth') }))
      const write = (name: string, list: readonly object[]) =>
        writeFileSync(join(directory, name), stringify({ groups: [{ name: 'nauthera', rules: list }] }))
      write('whole.yaml', rules)
      // each case evaluates the rules of its file, so each alert has files of its own; with annotations a case would have to repeat them
      const files = rules.map(({ alert, expr, for: time, labels }) => {
        write(`${alert}.rules.yaml`, [{ alert, expr, for: time, labels }])
        const cases = written.filter(({ name }) => name.startsWith(`${alert} `))
        const file = { ...promtoolFile, rule_files: [`${alert}.rules.yaml`], tests: cases }
        writeFileSync(join(directory, `${alert}.yaml`), stringify(file))
        return `${alert}.yaml`
      })
      const run = (...args: string[]) => execFileSync(promtool!, args, { cwd: directory, encoding: 'utf8' })
      run('check', 'rules', 'whole.yaml')
      run('test', 'rules', ...files)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('dashboards', () => {
  for (const { dashboard, panel, expr } of queries)
    it(`${dashboard}: ${panel} asks for metrics that exist: ${expr}`, () => checkExpression(expr))
})
