// docs/measurements.md and its plots, from the report alone: no figure on the page is written by hand.
import type { Measurement } from '../../report.ts'
import { wasBusy } from './conditions.ts'
import type { Conditions } from './conditions.ts'
import { renderBars, renderLines } from './plot.ts'
import type { Bar, Line } from './plot.ts'
import type { MeasuredRow, Report } from './report.ts'

export const reportFile = 'docs/measurements/report.json'

/** A generated file: its path from the root, and what it must hold. */
interface Generated {
  readonly path: string
  readonly content: string
}

/** @returns the page and the plots that it shows */
export function renderMeasurements(report: Report): Generated[] {
  const rows = Object.entries(report.rows)
  const requests = rows.filter(([name, { measurements }]) => costOf(name, measurements) !== undefined)
  const others = rows.filter(([name, { measurements }]) => costOf(name, measurements) === undefined)
  const plots = [...plotRequests(requests), ...plotGrowth(others)]
  const content = [
    head(rows.map(([, row]) => row)),
    ...(requests.length > 0 ? [renderRequests(requests)] : []),
    ...plots.map(({ path, title }) => `![${title}](${path.replace('docs/', '')})`),
    ...others.map(([name, row]) => renderRow(name, row)),
  ].join('\n\n')
  return [
    { path: 'docs/measurements.md', content: `${content}\n` },
    ...plots.map(({ path, content: svg }) => ({ path, content: svg })),
  ]
}

function head(rows: readonly MeasuredRow[]): string {
  const missed = rows.flatMap(({ measurements }) => measurements.filter(({ ok }) => !ok)).length
  const promised = rows.flatMap(({ measurements }) => measurements.filter(({ target }) => target !== null)).length
  return `# Measurements

<!-- Written by "npm run generate" from ${reportFile}, which "npm run bench -- --write" fills. -->

\`npm run bench\` measures this. A cost is CPU time in units **u**: what a bare \`node:http\` server spends, in the same rounds, on the least that a token can cost: it
checks a hash and signs one ES256 JWT. So a cost hardly depends on the machine. In each round the bare server, stock oidc-provider (the protocol library alone, with
its adapter in memory) and ours take turns; a figure is the median of the rounds, and the middle half of them lies between the figures in parentheses. The CPU time
of the server and that of PostgreSQL (all its processes) stand apart. Servers run from the bundles and with the flags of the images; PostgreSQL runs without fsync.
Times and memory depend on the machine. What a real cluster and the faults showed is in [measurements-cluster.md](measurements-cluster.md).

${describeConditions(rows.map(({ conditions }) => conditions))}

${promised - missed} of ${promised} targets are reached.`
}

function describeConditions(all: readonly Conditions[]): string {
  if (all.length === 0) return 'Nothing has been measured yet.'
  const dates = [...new Set(all.map(({ date }) => date))].sort()
  const machines = [
    ...new Set(
      all.map(
        ({ cores, memoryGigabytes, processor, node }) =>
          `${cores} cores (${processor}), ${memoryGigabytes} GB, Node ${node}`,
      ),
    ),
  ]
  const loads = all.map(({ load }) => load)
  const busy = all.filter(wasBusy).length
  return [
    `Measured ${dates.length === 1 ? `on ${dates[0]}` : `from ${dates[0]} to ${dates.at(-1)}`} on ${machines.join('; ')}.`,
    `Load average ${Math.min(...all.map(({ loadBefore }) => loadBefore))} before, ${Math.min(...loads)} to ${Math.max(...loads)} during the run.`,
    busy === 0
      ? 'Nothing else used the machine.'
      : `**Others used the machine during ${busy} of ${all.length} rows**: compare ratios, and take times and memory with care. Ratios are higher than on a quiet machine too: the caches hold the bare server, and not a product.`,
    ...(all.some(({ quick }) => quick) ? ['Some rows come from a quick run.'] : []),
  ].join(' ')
}

const find = (measurements: readonly Measurement[], name: string) => measurements.find((one) => one.name === name)
const costOf = (row: string, measurements: readonly Measurement[]) => find(measurements, `${row}.server`)

const range = (measured: Measurement | undefined): string => {
  if (measured === undefined) return ''
  const { value, spread } = measured
  return spread === undefined ? plain(value) : `${plain(value)} (${plain(spread.low)} to ${plain(spread.high)})`
}

/** Three digits that count. */
const plain = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(value >= 1 ? 3 : 2)).toString()

const verdict = (measured: readonly (Measurement | undefined)[]): string => {
  const promised = measured.filter((one) => one !== undefined && one.target !== null)
  return promised.length === 0 ? '' : promised.every((one) => one!.ok) ? 'ok' : '**MISS**'
}

const targetOf = ({ target, better }: Measurement): string =>
  target === null ? '' : `${better === 'lower' ? '<=' : '>='} ${target}`

function renderRequests(rows: readonly (readonly [string, MeasuredRow])[]): string {
  const lines = rows.map(([name, { title, measurements }]) => {
    const [server, database, stock, ratio] = ['server', 'database', 'stock', 'ratio'].map((what) =>
      find(measurements, `${name}.${what}`),
    )
    const toReach = [
      server && targetOf(server),
      database && database.target !== null ? `database ${targetOf(database)}` : '',
      ratio && `${targetOf(ratio)} of a bare GET`,
    ].filter(Boolean)
    const own = ratio === undefined ? range(server) : `${range(server)}; ${range(ratio)} of a bare GET`
    return `| \`${name}\`: ${title} | ${own} | ${range(database)} | ${range(stock)} | ${toReach.join(', ')} | ${verdict([server, database, ratio])} |`
  })
  return [
    '## Cost of a request, in u',
    '',
    '| Request | Ours | PostgreSQL | Stock | To reach | |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

function renderRow(name: string, { title, measurements, conditions }: MeasuredRow): string {
  const lines = measurements.map((one) => {
    const what = one.name.replace(/^[^.]*\./, '').replaceAll('.', ', ')
    return `| ${what} | ${range(one)} ${one.unit} | ${targetOf(one)} | ${verdict([one])} |`
  })
  const busy = wasBusy(conditions) ? ` (at a load average of ${conditions.load}: others used the machine)` : ''
  const heading = `## ${title.charAt(0).toUpperCase()}${title.slice(1)}`
  return [
    heading,
    '',
    `\`npm run bench -- ${name}\`${busy}`,
    '',
    '| What | Measured | To reach | |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n')
}

interface Plot extends Generated {
  readonly title: string
}

function plotRequests(rows: readonly (readonly [string, MeasuredRow])[]): Plot[] {
  if (rows.length === 0) return []
  const title = 'Cost of a request in u'
  const bars = rows.flatMap(([name, { measurements }]): Bar[] => {
    const value = (what: string) => find(measurements, `${name}.${what}`)
    // the hash is 30 times the rest: nothing else could be seen beside it
    if (name === 'sign-in-hash') return []
    const targets = ['server', 'database'].map((what) => value(what)?.target ?? 0)
    const target = value('server')?.target === null ? undefined : targets[0]! + targets[1]!
    return [
      {
        label: name,
        parts: [value('server')!.value, value('database')?.value ?? 0],
        target,
        beside: value('stock')?.value,
      },
    ]
  })
  const names = ['ours: server', 'ours: PostgreSQL', 'stock oidc-provider']
  return [{ path: 'docs/measurements/requests.svg', title, content: renderBars({ title, unit: 'u', names, bars }) }]
}

/** Cost by size, of every row that has `growth-WHAT.REQUEST.SIZE`. */
function plotGrowth(rows: readonly (readonly [string, MeasuredRow])[]): Plot[] {
  return rows.flatMap(([name, { title, measurements }]) => {
    if (!name.startsWith('growth-')) return []
    const byRequest = Map.groupBy(
      measurements.filter(({ unit }) => unit === 'u with the database'),
      (one) => one.name.split('.')[1]!,
    )
    const lines = [...byRequest].map(([request, points]): Line => ({
      name: request,
      points: points.map((one) => ({ x: Number(one.name.split('.')[2]), y: one.value })),
    }))
    if (lines.length === 0) return []
    const about = { title, x: name.replace('growth-', ''), y: 'u with the database', lines }
    return [{ path: `docs/measurements/${name}.svg`, title, content: renderLines(about) }]
  })
}
