// npm test: every test that needs no cluster. npm run faults: the longer faults. npm run programs: programs of others. Arguments go to mocha.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, matchesGlob, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { compileCache, root } from '@nauthera/local/processes/program'
import { readCommandLine, refuse } from './command-line.ts'
import { testsOf } from './house/tests-of.ts'
import { addUp } from './plain-line.ts'

const usage = `Usage: npm test [-- [--coverage] [--suite tests|faults|nightly|programs] [--near FILE] [FILE ...] [-- MOCHA OPTIONS]]

  --suite faults   the longer faults (npm run faults)
  --suite nightly  what npm test has no time for, and the tests that generate their cases (npm run nightly: 20 times as many)
  --suite programs programs of others, each with nothing but its Secret (npm run programs): fetches them from registries
  --coverage       write coverage/ and print a summary
  --near FILE      run the tests of a source file: of its name below test/, else those that ci/test/tested-elsewhere.ts has for it; and
                   those that import it. As often as you like
  FILE ...         run these test files only, for example server/test/oidc/artefacts/sealed.test.ts; of a folder, all in it
  --grep TEXT      only tests whose title has the text

Properties generate their cases from a seed, the same one in every run of one commit, and another one in each run of the suite
nightly. PROPERTY_SEED=N sets it.
`

const { values, positionals } = readCommandLine(
  usage,
  {
    suite: { type: 'string', default: 'tests' },
    coverage: { type: 'boolean', default: false },
    grep: { type: 'string' },
    near: { type: 'string', multiple: true, default: [] },
  },
  true,
)

/** Takes minutes; npm test does without it. */
const nightlyAlone = '*/test/**/*.nightly.test.ts'

interface Suite {
  readonly files: readonly string[]
  /** So many processes run them. Tests wait for something now and then: two processes leave a sixth of two cores idle. */
  readonly lanes: number
}

const all = globSync('*/test/**/*.test.ts')
const faults = globSync('ci/faults/**/*.test.ts')
const suites: Readonly<Record<string, Suite>> = {
  tests: { files: globSync('*/test/**/*.test.ts', { exclude: [nightlyAlone] }), lanes: 3 },
  faults: { files: faults, lanes: 3 },
  nightly: {
    // those that generate their cases too: PROPERTY_RUNS multiplies how many
    files: [...all, ...faults].filter(
      (file) => matchesGlob(file, nightlyAlone) || /propertyRuns|PROPERTY_RUNS/.test(readFileSync(file, 'utf8')),
    ),
    lanes: 1,
  },
  programs: { files: globSync('ci/programs/*.program.test.ts'), lanes: 1 },
}
/** Begun first, the longest one first, so that no process has much left when the others are through. */
const longest = [
  'faults/people-crash',
  'faults/chain-operator',
  'faults/chain-server',
  'faults/crowd',
  'faults/chain-truth-time',
  'faults/operator-crash',
  'faults/key-rotations',
  'http/pages-in-browser',
  'test/dev',
  'operator/test/rotation',
  'dev/sample-app',
  'operator/test/reconcile',
  'charts/test/schema',
  'charts/test/render',
  'test/same-answer',
  'charts/test/valkey',
  'mail/reset',
]
const placeOf = (file: string): number => {
  const place = longest.findIndex((name) => file.includes(`${name}.`))
  return place === -1 ? longest.length : place
}

const suite = suites[values.suite]
if (suite === undefined) refuse(usage, `--suite ${values.suite}: must be tests, faults, nightly or programs`)
const near = values.near.flatMap((path) => testsNearTo(path, suite.files))
const asked = [...new Set([...positionals.map(testsAt), ...near])]
/** Files that are asked for run in one process, and so do those of which few tests are wanted. */
const few = asked.length > 0 ? asked : values.grep === undefined ? undefined : suite.files

/** Many times the cases take many times as long. */
const timeoutMs = values.suite === 'nightly' ? `${60 * 60_000}` : undefined

const propertySeed = process.env['PROPERTY_SEED'] ?? newSeed()
if (!/^\d{1,9}$/.test(propertySeed))
  refuse(usage, `PROPERTY_SEED=${propertySeed}: must be a whole number, of 9 digits at most`)
process.stdout.write(
  `Properties generate their cases from seed ${propertySeed}; PROPERTY_SEED=${propertySeed} repeats them.\n`,
)

const coverageData = '.nauthera/coverage'
if (values.coverage) {
  rmSync(coverageData, { recursive: true, force: true })
  mkdirSync(coverageData, { recursive: true })
}
const kept = mkdtempSync(join(tmpdir(), 'nauthera-test-'))
process.once('exit', () => rmSync(kept, { recursive: true, force: true }))
const bundles = await makeBundles()
const runs = few === undefined ? startLanes(suite) : [startMocha(few)]
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
if (runs.length > 1) process.stdout.write(`\n${addUp(runs.map(({ counts }) => counts))}\n`)
if (values.coverage) {
  const { reportCoverage } = await import('./coverage.ts')
  await reportCoverage(coverageData)
}
process.exit(status)

/** A commit that passed here passes elsewhere too: its cases are the same.
 *  @returns of the commit; random where there is none, and in the suite nightly, which searches */
function newSeed(): string {
  if (values.suite !== 'nightly') {
    try {
      const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: 'pipe' })
      return String(Number.parseInt(commit.slice(0, 7), 16))
    } catch {
      // no repository, or no git
    }
  }
  return String(randomInt(2 ** 28))
}

/** A program starts from its bundle in a third of the time. Few files are not worth making it, and coverage is that of the sources.
 *  @returns source -> bundle */
async function makeBundles(): Promise<Readonly<Record<string, string>>> {
  if (few !== undefined || values.coverage) return {}
  const { bundleAll } = await import('./bundle.ts')
  const programs = await bundleAll(join(root, '.nauthera/bundles'))
  // what V8 makes of them is kept when one ends by itself: many of those in the tests are killed
  for (const file of Object.values(programs))
    await promisify(execFile)(process.execPath, [file, '--version'], { env: { ...process.env, ...compileCache } })
  return programs
}

function startMocha(files: readonly string[]) {
  return start(0, (counts) => [
    'node_modules/mocha/bin/mocha.js',
    '--config',
    '.mocharc.json',
    '--require',
    './scripts/property-seed.ts',
    '--reporter',
    'scripts/reporter.mjs',
    '--reporter-option',
    `counts=${counts}`,
    // a mistyped --grep matches no test, and must not pass
    '--fail-zero',
    ...(values.grep ? ['--fgrep', values.grep] : []),
    ...(timeoutMs === undefined ? [] : ['--timeout', timeoutMs]),
    ...files,
  ])
}

/** Each takes the file that is next, so that all end at about the same time, whatever a file takes. */
function startLanes({ files, lanes }: Suite) {
  const queue = join(kept, 'queue')
  mkdirSync(queue)
  for (const [place, file] of files.toSorted((a, b) => placeOf(a) - placeOf(b)).entries())
    writeFileSync(join(queue, String(place).padStart(4, '0')), file)
  if (lanes > 1)
    process.stdout.write(`${lanes} processes run the tests; the reports of all but the first one come last.\n`)
  return Array.from({ length: lanes }, (_, lane) =>
    start(lane, (counts) => ['scripts/lane.ts', queue, counts, timeoutMs ?? '']),
  )
}

/** The report of the first one is printed as it comes, that of another one is kept until then. */
function start(lane: number, commandOf: (counts: string) => readonly string[]) {
  const counts = join(kept, `${lane}.json`)
  const log = lane === 0 ? undefined : join(kept, `${lane}.log`)
  const output = log === undefined ? 'inherit' : openSync(log, 'w')
  const mocha = spawn(process.execPath, commandOf(counts), {
    stdio: ['inherit', output, output],
    env: {
      ...process.env,
      NODE_ENV: 'test',
      NAUTHERA_SUITE: values.suite,
      PROPERTY_SEED: propertySeed,
      // of its own are the ports that it takes
      NAUTHERA_TEST_PROCESS: String(lane),
      NAUTHERA_BUNDLES: JSON.stringify(bundles),
      // compiled code is counted less exactly
      ...(values.coverage ? { NODE_V8_COVERAGE: coverageData } : compileCache),
    },
  })
  const ended = once(mocha, 'close') as Promise<[number | null]>
  return { mocha, log, counts, ended }
}

/** Mocha looks into a folder for .js files only, and passes in silence over one that has none.
 *  @returns a pattern for a folder; what is no folder stays as it is */
function testsAt(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? `${path.replace(/\/$/, '')}/**/*.test.ts` : path
}

/** @param path of a source file, from where the command runs
 *  @param tests those of the suite */
function testsNearTo(path: string, tests: readonly string[]): string[] {
  if (!existsSync(path)) return refuse(usage, `--near ${path}: there is no such file`)
  const file = relative(root, resolve(path)).replaceAll('\\', '/')
  const near = testsOf(file, tests)
  if (near.length === 0) {
    const places = 'no test has its name, ci/test/tested-elsewhere.ts has none for it, and none imports it'
    return refuse(usage, `--near ${path}: ${places}`)
  }
  process.stdout.write(`tests of ${file}:\n${near.map((test) => `  ${test}\n`).join('')}`)
  return near
}
