// npm test: every test that needs no cluster. npm run faults: the longer faults. Arguments go to mocha.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'

const usage = `Usage: npm test [-- [--coverage] [--suite tests|faults] [FILE ...] [-- MOCHA OPTIONS]]

  --suite faults   the longer faults (npm run faults)
  --coverage       write coverage/ and print a summary
  FILE ...         run these test files only, for example server/test/oidc/artefacts/sealed.test.ts
  --grep TEXT      only tests whose title has the text
`

const { values, positionals } = readCommandLine()
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}

const specs: Readonly<Record<string, string[]>> = {
  tests: ['*/test/**/*.test.ts'],
  faults: ['ci/faults/**/*.test.ts'],
}
const spec = positionals.length > 0 ? positionals : specs[values.suite]
if (spec === undefined) {
  process.stderr.write(`--suite ${values.suite}: must be tests or faults\n\n${usage}`)
  process.exit(2)
}

const coverageData = '.nauthera/coverage'
if (values.coverage) {
  rmSync(coverageData, { recursive: true, force: true })
  mkdirSync(coverageData, { recursive: true })
}
const mocha = spawn(
  process.execPath,
  [
    'node_modules/mocha/bin/mocha.js',
    '--config',
    '.mocharc.json',
    '--reporter',
    'scripts/reporter.mjs',
    // a mistyped --grep matches no test, and must not pass
    '--fail-zero',
    ...(values.grep ? ['--fgrep', values.grep] : []),
    ...spec,
  ],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_ENV: 'test',
      ...(values.coverage ? { NODE_V8_COVERAGE: coverageData } : {}),
    },
  },
)
// who ends us ends the tests; Ctrl-C reaches them without us
process.on('SIGTERM', () => mocha.kill('SIGTERM'))
process.on('SIGINT', () => undefined)
const [status] = (await once(mocha, 'close')) as [number | null]
if (values.coverage) {
  const { reportCoverage } = await import('./coverage.ts')
  await reportCoverage(coverageData)
}
process.exit(status ?? 1)

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
