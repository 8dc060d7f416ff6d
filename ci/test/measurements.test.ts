import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { measurement } from '../report.ts'
import type { Measurement } from '../report.ts'
import { busyBetween, measureOthers, wasBusy } from '../bench/report/conditions.ts'
import type { Conditions } from '../bench/report/conditions.ts'
import { missedOf, parseMisses, readExplained } from '../bench/report/misses.ts'
import type { Explained } from '../bench/report/misses.ts'
import { renderMeasurements, reportFile } from '../bench/report/page.ts'
import { figuresOf, mergeReports, readReport } from '../bench/report/report.ts'
import type { MeasuredRow, Report } from '../bench/report/report.ts'

// docs/measurements.md must say what was measured, and on what.

const conditions: Conditions = {
  date: '2026-01-02',
  cores: 2,
  processor: 'a processor',
  memoryGigabytes: 24,
  node: '24.0.0',
  others: 0.02,
  quick: false,
}
const row = (title: string, ...runs: Measurement[][]): MeasuredRow => ({
  title,
  runs: runs.map((measurements) => ({ conditions, measurements })),
})
const under = ({ title, runs }: MeasuredRow, more: Partial<Conditions>): MeasuredRow => ({
  title,
  runs: runs.map((run) => ({ ...run, conditions: { ...run.conditions, ...more } })),
})
const spread = { median: 2, low: 1.9, high: 2.12345, rounds: 3 }
const server = measurement({ name: 'token.server', value: 2, unit: 'u', target: 1.3, spread })
const stock = measurement({ name: 'token.stock', value: 1.55, unit: 'u', target: null })
const first = (value: number) => measurement({ name: 'start.first', value, unit: 's', target: 0.6 })
const report = { rows: { token: row('a token', [server, stock]), start: row('cold start', [first(0.5)]) } }
const nothing: Explained = { misses: [], profiles: [] }
const page = (content: Report, explained = nothing) =>
  renderMeasurements(content, explained).find(({ path }) => path === 'docs/measurements.md')!.content

describe('several runs of a row', () => {
  it('are judged by their median, and show the lowest and the highest', () => {
    const runs = row('cold start', [first(0.9)], [first(0.5)], [first(0.55)])
    const [figure] = figuresOf(runs)
    expect(figure).to.include({ value: 0.55, ok: true })
    expect(figure!.spread).to.include({ low: 0.5, high: 0.9 })
    const missed = figuresOf(row('cold start', [first(0.5)], [first(0.7)], [first(0.65)]))
    expect(missed[0]).to.include({ value: 0.65, ok: false })
    expect(page({ rows: { start: runs } })).to.contain('| first | 0.55 (0.5 to 0.9) s | <= 0.6 | ok |')
    expect(page({ rows: { start: runs } })).to.contain(
      'Each row was measured 3 times, where it does not say otherwise.',
    )
  })

  it('need not have the same figures: what one run has is shown', () => {
    const figures = figuresOf(row('a token', [server, stock], [server]))
    expect(figures.map(({ name }) => name)).to.deep.equal(['token.server', 'token.stock'])
    expect(figures[1]).to.equal(stock)
  })

  it('that have the same figure show it once', () => {
    expect(page({ rows: { start: row('cold start', [first(0.5)], [first(0.5)]) } })).to.contain('| first | 0.5 s |')
  })

  it('are what a row says that has fewer of them than others', () => {
    expect(page(report)).not.to.contain('(measured')
    const uneven = { rows: { ...report.rows, other: row('another', [], []) } }
    expect(page(uneven)).to.contain('| `token`: a token (measured once) |')
    expect(page(uneven)).to.contain('`npm run bench -- start` (measured once)')
    expect(page(uneven)).to.contain('`npm run bench -- other`\n')
  })
})

describe('whether others use the machine', () => {
  const stat = (...ticks: number[]) => `cpu  ${ticks.join(' ')} 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n`

  it('is what was neither idle nor waiting for a disk, with what other machines took', () => {
    const before = stat(100, 0, 50, 1_000, 10, 0, 0, 0)
    expect(busyBetween(before, stat(130, 0, 60, 1_140, 20, 0, 0, 10))).to.equal(0.25)
    expect(busyBetween(before, stat(100, 0, 50, 1_200, 10, 0, 0, 0))).to.equal(0)
  })

  it('is not known where nothing says so', () => {
    expect(busyBetween('', '')).to.equal(null)
    const same = stat(1, 1, 1, 1, 1, 1, 1, 1)
    expect(busyBetween(same, same)).to.equal(null)
    expect(wasBusy({ ...conditions, others: null })).to.equal(false)
  })

  it('is looked up on this machine', async () => {
    expect(await measureOthers()).to.be.within(0, 1)
  })

  it('stands on the page, with how much it was', () => {
    expect(page(report)).to.contain(
      "The machine was quiet: in the second before each run of a row others used at most 2 % of the processors' time.",
    )
    const busy = { rows: { ...report.rows, start: under(report.rows.start, { others: 0.34 }) } }
    expect(page(busy)).to.contain('**Others used the machine before 1 of 2 runs of rows** (at most 34 %')
    expect(page(busy)).to.contain('`npm run bench -- start` (others used up to 34 % of the processors before)')
    const unknown = { rows: { ...report.rows, start: under(report.rows.start, { others: null }) } }
    expect(page(unknown)).to.contain('Whether others used it is not known of 1 of 2 runs of rows.')
    const alone = { rows: { start: unknown.rows.start } }
    expect(page(alone)).not.to.contain('quiet:')
  })
})

describe('the page of measurements', () => {
  it('leaves the long tables of the chain to a page of their own', () => {
    const chain = { ...row('from an object to every replica'), runs: [{ conditions, measurements: [] }] }
    const pages = renderMeasurements({ rows: { ...report.rows, 'chain-10': chain } }, nothing)
    const withChain = pages.filter(({ content }) => content.includes('## From an object to every replica'))
    expect(withChain.map(({ path }) => path)).to.deep.equal(['docs/measurements-chain.md'])
  })

  it('has the target beside each figure, and says what misses it', () => {
    expect(page(report)).to.contain('| `token`: a token | 2 (1.9 to 2.12) |  | 1.55 | <= 1.3 | **MISS** |')
    expect(page(report)).to.contain('| first | 0.5 s | <= 0.6 | ok |')
    expect(page(report)).to.contain('1 of 2 targets are reached')
  })

  it('says why a target is missed, with the profile of its row', () => {
    const misses = parseMisses(
      'Words.\n\n## token.server, token.database\n\nIt signs.\n\n## start.first\n\nIt loads.\n',
    )
    expect(page(report, { misses, profiles: ['sign-in', 'token'] })).to.match(
      /## What is missed, and why\n\n\*\*token\.server\*\*: 2 u, to reach <= 1\.3\n\nIt signs\. \[profile of token\]\(measurements\/profile-token\.txt\)\n$/,
    )
    expect(page(report)).to.contain('**token.server**: 2 u, to reach <= 1.3: not explained yet')
    expect(page({ rows: { start: report.rows.start } }, { misses, profiles: [] })).not.to.contain('missed')
  })

  it('takes a row that was measured anew in the place of the old one, and forgets a row that is gone', () => {
    const now = { rows: { token: row('a token, again', []) } }
    const merged = mergeReports({ rows: { ...report.rows, gone: row('gone', []) } }, now, ['start', 'token'])
    expect(Object.entries(merged.rows).map(([name, { title }]) => `${name}: ${title}`)).to.deep.equal([
      'start: cold start',
      'token: a token, again',
    ])
  })

  it('is in docs/ as the report there says', () => {
    for (const { path, content } of renderMeasurements(readReport(reportFile), readExplained()))
      expect(readFileSync(path, 'utf8'), `${path}; run npm run generate`).to.equal(content)
  })

  it('explains every target that is missed, and none that is not', () => {
    const missed = missedOf(readReport(reportFile)).map(({ name }) => name)
    const named = readExplained().misses.flatMap(({ names }) => names)
    expect(named.sort()).to.deep.equal(missed.sort())
  })
})
