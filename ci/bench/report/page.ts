// docs/measurements.md and its plots, from the report: no figure on the page is written by hand, and only why one is missed is.
import type { Measurement } from '../../report.ts'
import { wasBusy } from './conditions.ts'
import type { Conditions } from './conditions.ts'
import { missedOf, missesFile, profileOf } from './misses.ts'
import type { Explained } from './misses.ts'
import { renderBars, renderLines } from './plot.ts'
import type { Bar, PlotLine } from './plot.ts'
import { figuresOf } from './report.ts'
import type { MeasuredRow, Report } from './report.ts'

export const reportFile = 'docs/measurements/report.json'

/** A generated file: its path from the root, and what it must hold. */
interface Generated {
  readonly path: string
  readonly content: string
}

/** A row as the page has it. */
interface Shown {
  readonly name: string
  readonly title: string
  readonly runs: MeasuredRow['runs']
  readonly measurements: readonly Measurement[]
  /** How often it was measured, where that is less than other rows were. */
  readonly fewer: string
}

/** @returns the pages and the plots that they show */
export function renderMeasurements(report: Report, explained: Explained): Generated[] {
  const most = mostRuns(report)
  const rows = Object.entries(report.rows).map(([name, row]): Shown => {
    const fewer = row.runs.length === most ? '' : ` (measured ${timesOf(row.runs.length)})`
    return { name, ...row, measurements: figuresOf(row), fewer }
  })
  const requests = rows.filter((row) => costOf(row) !== undefined)
  const others = rows.filter((row) => costOf(row) === undefined)
  const plots = [...plotRequests(requests), ...plotGrowth(others)]
  const [chain, rest] = [others.filter(isOfChain), others.filter((row) => !isOfChain(row))]
  const content = [
    head(rows, most),
    ...(requests.length > 0 ? [renderRequests(requests)] : []),
    ...plots.map(({ path, title }) => `![${title}](${inDocs(path)})`),
    ...rest.map(renderRow),
    ...renderMisses(missedOf(report), explained),
  ].join('\n\n')
  return [
    { path: 'docs/measurements.md', content: `${content}\n` },
    { path: 'docs/measurements-chain.md', content: `${[chainHead, ...chain.map(renderRow)].join('\n\n')}\n` },
    ...plots.map(({ path, content: svg }) => ({ path, content: svg })),
  ]
}

/** Its tables are long, and a page of the site has a limit. */
const isOfChain = ({ name }: Shown): boolean => name.startsWith('chain-')

const writtenBy = `<!-- Written by "npm run generate" from ${reportFile}, which "npm run bench -- --write" fills, and ${missesFile}. -->`

const chainHead = `# Measurements: from an object to every replica

${writtenBy}

How it is measured, on what, and why a target is missed: [measurements](measurements.md).`

const inDocs = (path: string): string => path.replace('docs/', '')

const mostRuns = (report: Report): number => Math.max(...Object.values(report.rows).map(({ runs }) => runs.length))
const timesOf = (count: number): string => (count === 1 ? 'once' : `${count} times`)

function head(rows: readonly Shown[], most: number): string {
  const all = rows.flatMap(({ measurements }) => measurements)
  const missed = all.filter(({ ok }) => !ok).length
  const promised = all.filter(({ target }) => target !== null).length
  return `# Measurements

${writtenBy}

\`npm run bench\` measures this. A cost is CPU time in units **u**: what a bare \`node:http\` server spends, in the same rounds, on the least that a token can cost: it
checks a hash and signs one ES256 JWT. So the speed of a machine hardly matters; its memory does, since the bare server lives in the caches of a processor and a product does not: compare with stock. In each round the bare server, stock oidc-provider (the protocol library alone, with
its adapter in memory) and ours take turns. A figure of one run is the median of its rounds, and the middle half of them lies between the figures in parentheses. A figure of several runs
is their median, between the lowest and the highest of them; a target is judged by that median. The CPU time
of the server and that of PostgreSQL (all its processes) stand apart. Servers run from the bundles and with the flags of the images; PostgreSQL runs without fsync.
Times and memory depend on the machine. Memory of its own is what no other process shares. What a process holds for more clients is read after a full collection; before it, garbage is counted that comes and goes,
and that figure (with garbage, what an administrator sees) swings from run to run. Where there is a goal for memory of its own, resident memory has none: some 50 MB of it is the mapped Node, which all processes of a node share.
From an OIDCClient to every replica: [measurements-chain.md](measurements-chain.md). What a real cluster and the faults showed: [measurements-cluster.md](measurements-cluster.md).

${describeConditions(rows.flatMap(({ runs }) => runs.map(({ conditions }) => conditions)))}${rows.length === 0 ? '' : ` Each row was measured ${timesOf(most)}, where it does not say otherwise.`}

${promised - missed} of ${promised} targets are reached.${missed === 0 ? '' : ' [What is missed, and why](#what-is-missed-and-why)'}`
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
  return [
    `Measured ${dates.length === 1 ? `on ${dates[0]}` : `from ${dates[0]} to ${dates.at(-1)}`} on ${machines.join('; ')}.`,
    ...describeOthers(all),
    ...(all.some(({ quick }) => quick) ? ['Some rows come from a quick run.'] : []),
  ].join(' ')
}

/** What the bench saw of others: it looks for a second, without work of its own, before it measures a row. */
function describeOthers(all: readonly Conditions[]): string[] {
  const seen = all.flatMap(({ others }) => others ?? [])
  const busy = all.filter(wasBusy).length
  const unknown = all.length - seen.length
  const most = `at most ${percent(Math.max(...seen))} of the processors' time`
  return [
    ...(seen.length === 0
      ? []
      : busy === 0
        ? [`The machine was quiet: in the second before each run of a row others used ${most}.`]
        : [
            `**Others used the machine before ${busy} of ${seen.length} runs of rows** (${most}, in the second before each): compare ratios, and take times and memory with care. Ratios are higher than on a quiet machine too: the caches hold the bare server, and not a product.`,
          ]),
    ...(unknown === 0 ? [] : [`Whether others used it is not known of ${unknown} of ${all.length} runs of rows.`]),
  ]
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

const find = (measurements: readonly Measurement[], name: string) => measurements.find((one) => one.name === name)
const costOf = ({ name, measurements }: Shown) => find(measurements, `${name}.server`)

const range = (measured: Measurement | undefined): string => {
  if (measured === undefined) return ''
  const { value, spread } = measured
  const [low, high] = spread === undefined ? [value, value] : [spread.low, spread.high]
  return plain(low) === plain(high) ? plain(value) : `${plain(value)} (${plain(low)} to ${plain(high)})`
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

function renderRequests(rows: readonly Shown[]): string {
  const lines = rows.map(({ name, title, measurements, fewer }) => {
    const [server, database, stock, ratio] = ['server', 'database', 'stock', 'ratio'].map((what) =>
      find(measurements, `${name}.${what}`),
    )
    const toReach = [
      server && targetOf(server),
      database && database.target !== null ? `database ${targetOf(database)}` : '',
      ratio && `${targetOf(ratio)} of a bare GET`,
    ].filter(Boolean)
    const own = ratio === undefined ? range(server) : `${range(server)}; ${range(ratio)} of a bare GET`
    return `| \`${name}\`: ${title}${fewer} | ${own} | ${range(database)} | ${range(stock)} | ${toReach.join(', ')} | ${verdict([server, database, ratio])} |`
  })
  return [
    '## Cost of a request, in u',
    '',
    '| Request | Ours | PostgreSQL | Stock | To reach | |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

function renderRow({ name, title, measurements, runs, fewer }: Shown): string {
  const lines = measurements.map((one) => {
    const what = one.name.replace(/^[^.]*\./, '').replaceAll('.', ', ')
    return `| ${what} | ${range(one)} ${one.unit} | ${targetOf(one)} | ${verdict([one])} |`
  })
  const busy = runs.flatMap(({ conditions }) => (wasBusy(conditions) ? [conditions.others!] : []))
  const beside = busy.length === 0 ? '' : ` (others used up to ${percent(Math.max(...busy))} of the processors before)`
  return [
    `## ${capital(title)}`,
    '',
    `\`npm run bench -- ${name}\`${fewer}${beside}`,
    '',
    '| What | Measured | To reach | |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n')
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** Each missed target, in the order of the file that says why; those of which it says nothing last. */
function renderMisses(missed: readonly Measurement[], { misses, profiles }: Explained): string[] {
  if (missed.length === 0) return []
  const described = misses.flatMap(({ names, text }) => {
    const of = missed.filter(({ name }) => names.includes(name))
    if (of.length === 0) return []
    const rows = new Set(of.map(({ name }) => name.split('.')[0]!))
    const links = profiles.filter((row) => rows.has(row)).map((row) => `[profile of ${row}](${inDocs(profileOf(row))})`)
    return [`${of.map(describeMiss).join('  \n')}\n\n${[text, ...links].join(' ')}`]
  })
  const named = new Set(misses.flatMap(({ names }) => names))
  const silent = missed.filter(({ name }) => !named.has(name)).map((one) => `${describeMiss(one)}: not explained yet`)
  return ['## What is missed, and why', ...described, ...silent]
}

const describeMiss = (one: Measurement): string =>
  `**${one.name}**: ${plain(one.value)} ${one.unit}, to reach ${targetOf(one)}`

interface Plot extends Generated {
  readonly title: string
}

function plotRequests(rows: readonly Shown[]): Plot[] {
  if (rows.length === 0) return []
  const title = 'Cost of a request in u'
  const bars = rows.flatMap(({ name, measurements }): Bar[] => {
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
function plotGrowth(rows: readonly Shown[]): Plot[] {
  return rows.flatMap(({ name, title, measurements }) => {
    if (!name.startsWith('growth-')) return []
    const byRequest = Map.groupBy(
      measurements.filter(({ unit }) => unit === 'u with the database'),
      (one) => one.name.split('.')[1]!,
    )
    const lines = [...byRequest].map(([request, points]): PlotLine => ({
      name: request,
      points: points.map((one) => ({ x: Number(one.name.split('.')[2]), y: one.value })),
    }))
    if (lines.length === 0) return []
    const about = { title, x: name.replace('growth-', ''), y: 'u with the database', lines }
    return [{ path: `docs/measurements/${name}.svg`, title, content: renderLines(about) }]
  })
}
