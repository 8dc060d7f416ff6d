// npm run bench: measures what the product promises in numbers. Tests hold the counts; here are costs, memory and times, beside a
// bare server and the protocol library as it comes.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { readCommandLine, refuse } from '../../scripts/command-line.ts'
import { describeMeasurement } from '../report.ts'
import type { Measurement } from '../report.ts'
import type { BenchContext } from './context.ts'
import { describeMachine, measureOthers, wasBusy } from './report/conditions.ts'
import { profileOf, readExplained } from './report/misses.ts'
import { reportFile, renderMeasurements } from './report/page.ts'
import { figuresOf, mergeReports, readReport } from './report/report.ts'
import type { MeasuredRow, Report, Run } from './report/report.ts'
import { againstExample, readOther } from './load/against.ts'
import type { Effort } from './cost/compare.ts'
import { rows } from './rows.ts'
import { StartedSides } from './sides/sides.ts'

const usage = `Usage: npm run bench [-- [ROW ...] [OPTIONS]]

Measures each ROW (default: all of them). A cost is CPU time in units u: what a bare node:http server spends on the least
that a token can cost (check a hash, sign one ES256 JWT), measured in the same round. So the speed of the machine hardly matters.

  --quick           fewer and shorter rounds: a first look
  --runs N          measure all rows N times, one whole pass after the other; a figure is the median of the passes
  --json            the report on standard output, and nothing else there
  --report FILE     write the report there
  --write           put each measured row into docs/measurements/report.json, and write docs/measurements.md and its plots
  --add             with --write: keep the runs that a row has there, and put these beside them; else they take their place. Quick and full
                    runs are never in one row: those of the other kind give way
  --against FILE    measure another product beside ours (rows about requests); --against help shows such a file
  --profile         take a CPU profile of each ROW in place of measuring it: .nauthera/profiles/ROW.{txt,svg,cpuprofile};
                    with --write its first lines go to docs/measurements/profile-ROW.txt
  --of ours|stock   whose profile; default: ours
  --list            the rows, one a line
  --help            print this

Exits 1 when a row could not be measured. A target that is missed is printed (MISS) and is no failure, but for those of people-times: each
difference is at most 5 ms and at most 5 %.
`

const { values, positionals } = readCommandLine(
  usage,
  {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    report: { type: 'string' },
    write: { type: 'boolean', default: false },
    add: { type: 'boolean', default: false },
    runs: { type: 'string', default: '1' },
    against: { type: 'string' },
    profile: { type: 'boolean', default: false },
    of: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
  true,
)
if (values.against === 'help') {
  process.stdout.write(againstExample)
  process.exit(0)
}
if (values.list) {
  process.stdout.write(
    Object.entries(rows)
      .map(([name, { title }]) => `${name.padEnd(20)} ${title}\n`)
      .join(''),
  )
  process.exit(0)
}
const usual = Object.keys(rows).filter((name) => !(values.quick && rows[name]!.slow))
const names = positionals.length === 0 ? usual : positionals
const unknown = names.filter((name) => !(name in rows))
if (unknown.length > 0) fail(`${unknown.join(', ')}: no such row; npm run bench -- --list shows them`)

const passes = Number(values.runs)
if (!Number.isInteger(passes) || passes < 1) fail(`--runs ${values.runs}: a number from 1 on`)

const efforts: Readonly<Record<'quick' | 'full', Effort>> = {
  quick: { rounds: 9, roundMs: 200, warmUpMs: 2_000 },
  full: { rounds: 15, roundMs: 250, warmUpMs: 4_000 },
}
mkdirSync('.nauthera', { recursive: true })
const directory = mkdtempSync('.nauthera/bench-')
reapDirectory(directory)
const failed = values.profile ? await profileAll() : await measureAll()
process.exit(failed ? 1 : 0)

async function measureAll(): Promise<boolean> {
  const other = values.against === undefined ? undefined : await readOther(values.against).catch(failBy)
  const before = values.add ? readReport(reportFile).rows : {}
  const measured: Record<string, MeasuredRow> = {}
  const broken: string[] = []
  for (let pass = 1; pass <= passes; pass++) {
    // servers of its own: how a process happens to lie in memory differs from run to run, too
    const sides = new StartedSides({ directory: mkdtempSync(`${directory}/pass-`) })
    for (const name of names) {
      await inTurn(passes === 1 ? name : `${name}, run ${pass}`, broken, async (say) => {
        const runs = (measured[name] ?? before[name])?.runs ?? []
        const run = await measureRow(name, { sides, other, say })
        const row = { title: rows[name]!.title, runs: [...runs.filter(isAlike), run] }
        measured[name] = row
        // a run that is ended early has not run in vain
        if (values.write) writePages({ rows: { [name]: row } })
        if (rows[name]!.mustHold && run.measurements.some(({ ok }) => !ok))
          throw new Error('a bound that must hold is missed')
      })
    }
    await sides.stop()
  }
  for (const row of Object.values(measured))
    if (row.runs.length > 1) print(`median of ${row.runs.length}`, figuresOf(row))
  if (values.json) process.stdout.write(jsonOf({ rows: measured }))
  if (values.report !== undefined) writeFileSync(values.report, jsonOf({ rows: measured }))
  return broken.length > 0
}

/** A first look is no run beside one in full. */
function isAlike({ conditions }: Run): boolean {
  return conditions.quick === values.quick
}

async function measureRow(name: string, given: Pick<BenchContext, 'sides' | 'other' | 'say'>): Promise<Run> {
  const { quick } = values
  const own = mkdtempSync(`${directory}/row-`)
  const conditions = describeMachine({ quick, others: await measureOthers() })
  if (wasBusy(conditions)) given.say(`others use ${conditions.others! * 100} % of the processors: compare ratios only`)
  const effort = efforts[quick ? 'quick' : 'full']
  const measurements = await rows[name]!.measure({ ...given, directory: own, effort, quick })
  print(name, measurements)
  return { conditions, measurements }
}

function print(what: string, measurements: readonly Measurement[]): void {
  if (!values.json) process.stdout.write(`${what}\n${measurements.map(describeMeasurement).join('\n')}\n`)
}

function jsonOf(report: Report): string {
  return `${JSON.stringify(report, undefined, 1)}\n`
}

function writePages(now: Report): void {
  const merged = mergeReports(readReport(reportFile), now, Object.keys(rows))
  mkdirSync(dirname(reportFile), { recursive: true })
  writeFileSync(reportFile, jsonOf(merged))
  for (const { path, content } of renderMeasurements(merged, readExplained())) writeFileSync(path, content)
}

async function profileAll(): Promise<boolean> {
  const { takeProfile } = await import('./cost/take-profile.ts')
  const { requestRows } = await import('./rows/requests.ts')
  const broken: string[] = []
  const of = values.of === 'stock' ? 'stock' : 'ours'
  for (const name of positionals.length === 0 ? Object.keys(requestRows) : positionals) {
    await inTurn(name, broken, async (say) => {
      if (!(name in requestRows)) throw new Error('only rows about one kind of request have a profile')
      const row = name as keyof typeof requestRows
      const own = mkdtempSync(`${directory}/profile-`)
      const short = values.write && of === 'ours' ? profileOf(name) : undefined
      process.stdout.write(`${await takeProfile({ row, of, directory: own, to: '.nauthera/profiles', short, say })}\n`)
    })
  }
  return broken.length > 0
}

async function inTurn(name: string, broken: string[], work: (say: (text: string) => void) => Promise<void>) {
  const startedAt = performance.now()
  const say = (text: string) => process.stderr.write(`${name}: ${text}\n`)
  try {
    await work(say)
  } catch (error) {
    broken.push(name)
    say(`failed: ${error instanceof Error ? error.stack : String(error)}`)
  }
  say(`done after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
}

function failBy(error: unknown): never {
  return fail(error instanceof Error ? error.message : String(error))
}

function fail(message: string): never {
  return refuse(usage, message)
}
