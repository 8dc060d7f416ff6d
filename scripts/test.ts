// npm test: every test that needs no cluster. npm run faults: the longer faults. npm run programs: programs of others. Arguments go to mocha.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compileCache } from '@nauthera/local/processes/program'
import { addUp } from './plain-line.ts'

const usage = `Usage: npm test [-- [--coverage] [--suite tests|faults|nightly|programs] [FILE ...] [-- MOCHA OPTIONS]]

  --suite faults   the longer faults (npm run faults)
  --suite nightly  what npm test has no time for, and the tests that generate their cases (npm run nightly: 20 times as many)
  --suite programs programs of others, each with nothing but its Secret (npm run programs): fetches them from registries
  --coverage       write coverage/ and print a summary
  FILE ...         run these test files only, for example server/test/oidc/artefacts/sealed.test.ts; of a folder, all in it
  --grep TEXT      only tests whose title has the text
`

const { values, positionals } = readCommandLine()
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}

/** Faults by the time that they take, a third each: people that crash again and again, and those that work more than they wait. */
const secondFaults = ['people-crash', 'operator-crash', 'operator-api'].map((name) => `ci/faults/${name}.test.ts`)
const thirdFaults = ['flood', 'key-rotations', 'crowd', 'chain-truth-time', 'drain'].map(
  (name) => `ci/faults/${name}.test.ts`,
)
const without = (files: readonly string[]): string[] => files.flatMap((file) => ['--ignore', file])

/** Takes minutes; npm test does without it. */
const nightlyAlone = '*/test/**/*.nightly.test.ts'
/** Those that generate their cases are here too: PROPERTY_RUNS multiplies how many. */
const nightly = [
  nightlyAlone,
  ...globSync('{*/test,ci/faults}/**/*.test.ts').filter((file) =>
    /propertyRuns|PROPERTY_RUNS/.test(readFileSync(file, 'utf8')),
  ),
]

/** A third of the tests each, by the time that they take. */
const secondTests = ['{charts,ci,scripts}/test/**/*.test.ts']
const thirdTests = ['{config-agent,operator}/test/**/*.test.ts', 'server/test/{account,admin,cli,mail}/**/*.test.ts']

interface Suite {
  readonly all: string
  /** What runs side by side, each in a process of its own. Tests wait for something now and then: two processes leave a sixth of two
   *  cores idle. */
  readonly lanes: readonly (readonly string[])[]
}

const suites: Readonly<Record<string, Suite>> = {
  tests: {
    all: '*/test/**/*.test.ts',
    lanes: [
      ['*/test/**/*.test.ts', ...without([...secondTests, ...thirdTests, nightlyAlone])],
      [...secondTests, ...without([nightlyAlone])],
      [...thirdTests, ...without([nightlyAlone])],
    ],
  },
  faults: {
    all: 'ci/faults/**/*.test.ts',
    lanes: [['ci/faults/**/*.test.ts', ...without([...secondFaults, ...thirdFaults])], secondFaults, thirdFaults],
  },
  nightly: { all: '*/test/**/*.test.ts', lanes: [nightly] },
  programs: { all: 'ci/programs/*.program.test.ts', lanes: [['ci/programs/*.program.test.ts']] },
}
const suite = suites[values.suite]
if (suite === undefined) {
  process.stderr.write(`--suite ${values.suite}: must be tests, faults, nightly or programs\n\n${usage}`)
  process.exit(2)
}
const asked = positionals.map(testsAt)
const lanes = asked.length > 0 ? [asked] : values.grep === undefined ? suite.lanes : [[suite.all]]

const coverageData = '.nauthera/coverage'
if (values.coverage) {
  rmSync(coverageData, { recursive: true, force: true })
  mkdirSync(coverageData, { recursive: true })
}
const kept = mkdtempSync(join(tmpdir(), 'nauthera-test-'))
process.once('exit', () => rmSync(kept, { recursive: true, force: true }))
if (lanes.length > 1)
  process.stdout.write(`${lanes.length} processes run the tests; the reports of all but the first one come last.\n`)
const runs = lanes.map((spec, lane) => startMocha(spec, lane))
// who ends us ends the tests; Ctrl-C reaches them without us
process.on('SIGTERM', () => {
  for (const { mocha } of runs) mocha.kill('SIGTERM')
})
process.on('SIGINT', () => undefined)
let status = 0
for (const { log, ended } of runs) {
  status = Math.max(status, (await ended)[0] ?? 1)
  if (log !== undefined) process.stdout.write(readFileSync(log))
}
if (lanes.length > 1) process.stdout.write(`\n${addUp(runs.map(({ counts }) => counts))}\n`)
if (values.coverage) {
  const { reportCoverage } = await import('./coverage.ts')
  await reportCoverage(coverageData)
}
process.exit(status)

/** The report of the first lane is printed as it comes, that of another one is kept until then. */
function startMocha(spec: readonly string[], lane: number) {
  const counts = join(kept, `${lane}.json`)
  const log = lane === 0 ? undefined : join(kept, `${lane}.log`)
  const output = log === undefined ? 'inherit' : openSync(log, 'w')
  const mocha = spawn(
    process.execPath,
    [
      'node_modules/mocha/bin/mocha.js',
      '--config',
      '.mocharc.json',
      '--reporter',
      'scripts/reporter.mjs',
      '--reporter-option',
      `counts=${counts}`,
      // a mistyped --grep matches no test, and must not pass
      '--fail-zero',
      ...(values.grep ? ['--fgrep', values.grep] : []),
      // many times the cases take many times as long
      ...(values.suite === 'nightly' ? ['--timeout', `${60 * 60_000}`] : []),
      ...spec,
    ],
    {
      stdio: ['inherit', output, output],
      env: {
        ...process.env,
        NODE_ENV: 'test',
        NAUTHERA_SUITE: values.suite,
        // compiled code is counted less exactly
        ...(values.coverage ? { NODE_V8_COVERAGE: coverageData } : compileCache),
      },
    },
  )
  const ended = once(mocha, 'close') as Promise<[number | null]>
  return { mocha, log, counts, ended }
}

/** Mocha looks into a folder for .js files only, and passes in silence over one that has none.
 *  @returns a pattern for a folder; what is no folder stays as it is */
function testsAt(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? `${path.replace(/\/$/, '')}/**/*.test.ts` : path
}

function readCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        suite: { type: 'string', default: 'tests' },
        coverage: { type: 'boolean', default: false },
        grep: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}
