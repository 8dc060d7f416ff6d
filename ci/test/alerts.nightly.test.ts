import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { alerts, queries } from '../../charts/test/support/alerts.ts'
import { awayFaults } from './support/alerts/away-faults.ts'
import { processFaults } from './support/alerts/process-faults.ts'
import { contentFaults } from './support/alerts/content-faults.ts'
import { startAlertSite } from './support/alerts/site.ts'
import type { AlertSite } from './support/alerts/site.ts'
import { storeFaults } from './support/alerts/store-faults.ts'
import { shortened } from './support/prometheus.ts'

// A real Prometheus scrapes the whole product with three replicas under load, with the alerts of the chart. In quiet no alert fires, every
// query of the dashboards has data, and faults raise the alerts that are about them.

const faults = [...awayFaults, ...storeFaults, ...processFaults, ...contentFaults]
/** A client counts as not Ready after a minute. */
const usualPatienceMs = 120_000
const quietMs = Number(process.env['QUIET_SECONDS'] ?? 60) * 1000
const isLong = quietMs > 600_000

describe('alerts and dashboards at a real Prometheus', function () {
  this.timeout(900_000 + quietMs)
  const seconds: string[] = []
  let site: AlertSite

  before(async () => {
    site = await startAlertSite({ isLong })
  })
  after(async () => {
    await site?.stop()
    const head = '| Alert | Fault | Fired after | Silent after its end |\n| --- | --- | --- | --- |'
    process.stdout.write(`\n${head}\n${seconds.join('\n')}\n\n`)
  })

  it(`no alert fires in ${quietMs / 1000} s of mixed load`, async () => {
    const { prometheus, load } = site
    await pause(quietMs)
    const range = `${quietMs / 1000}s`
    const seen = await prometheus.query(`max_over_time(ALERTS{alertstate="firing"}[${range}])`)
    const pending = await prometheus.query(`max_over_time(ALERTS{alertstate="pending"}[${range}])`)
    const waited = pending.map(({ metric }) => metric['alertname']).join(', ')
    const failed = load.failures().length
    process.stdout.write(
      `\n${load.outcomes.length} requests, ${failed} failed; pending for a while: ${waited || 'none'}\n`,
    )
    expect(seen.map(({ metric }) => metric['alertname'])).to.deep.equal([])
  })

  it('every query of the dashboards returns data', async () => {
    const empty: string[] = []
    process.stdout.write('\n| Dashboard | Panel | Series |\n| --- | --- | --- |\n')
    for (const { dashboard, panel, expr } of queries) {
      // a ratio of two rates that are zero is no data
      const found = (await site.prometheus.query(shortened(expr))).filter(({ value }) => value !== 'NaN')
      if (found.length === 0) empty.push(`${dashboard}, ${panel}: ${expr}`)
      process.stdout.write(`| ${dashboard} | ${panel} | ${found.length} |\n`)
    }
    expect(empty).to.deep.equal([])
  })

  it('says when everything ends by which the parts of a release trust each other', async () => {
    const found = await site.prometheus.query(
      'count by (process, certificate) (nauthera_certificate_expiry_timestamp_seconds > time())',
    )
    // an agent tells of the link a minute later
    const told = found.map(({ metric }) => `${metric['process']} ${metric['certificate']}`)
    expect(told).to.include.members(['agent pod', 'operator link'])
  })

  it('a process has as many series as docs/metrics.md allows, and far fewer', async () => {
    const expr = 'max by (process) (count by (process, pod) ({__name__=~"nauthera_.*"}))'
    const series = await site.prometheus.query(expr)
    for (const { metric, value } of series) expect(Number(value), metric['process']).to.be.below(1_000)
  })

  for (const { fault, alerts: wanted, isPossible = () => true, begin, end, patienceMs = usualPatienceMs } of faults)
    it(`${fault}: ${wanted.join(', ')}`, async function () {
      if (!isPossible()) this.skip()
      const { prometheus } = site
      // another fault may have raised them too
      await prometheus.untilSilent(wanted, patienceMs)
      const rows: string[] = []
      const since = (began: number) => `${Math.round((performance.now() - began) / 1000)} s`
      let ended = performance.now()
      try {
        const began = performance.now()
        await begin(site)
        for (const name of wanted) {
          await prometheus.untilFiring([name], patienceMs)
          rows.push(`| ${name} | ${fault} | ${since(began)} |`)
        }
      } finally {
        ended = performance.now()
        await end?.(site)
      }
      if (end !== undefined) await prometheus.untilSilent(wanted, patienceMs)
      seconds.push(...rows.map((row) => `${row} ${end === undefined ? '' : since(ended)} |`))
    })

  it('every alert of the chart has its fault', () => {
    const raised = new Set(faults.flatMap((fault) => fault.alerts))
    const missing = [...alerts.values()].map(({ alert }) => alert).filter((name) => !raised.has(name))
    expect(missing).to.deep.equal([])
  })
})
