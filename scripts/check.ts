// npm run check: everything about the sources that needs no test to run. Prints each check and what it took.
import { execFile } from 'node:child_process'
import { readCommandLine } from './command-line.ts'

readCommandLine(
  `Usage: npm run check

Checks the sources without running a test: format, types, lint, unused code, generated files. Says what to run where one fails.
`,
  {},
)

const knip = ['node_modules/knip/bin/knip.js', '--no-progress', '--treat-config-hints-as-errors']

interface Check {
  readonly name: string
  readonly command: string
  readonly args: string[]
  readonly cwd?: string
  readonly remedy?: string
}

const checks: readonly Check[] = [
  // takes as long as all others together: begun first
  {
    name: 'format',
    command: process.execPath,
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
    remedy: 'npm run format',
  },
  { name: 'types', command: process.execPath, args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  {
    name: 'lint',
    command: process.execPath,
    args: ['node_modules/oxlint/bin/oxlint', '--config', 'oxlint.config.ts'],
  },
  {
    name: 'unused exports, files and dependencies',
    command: process.execPath,
    args: knip,
    remedy: 'remove it, or only the word export when the file itself uses it',
  },
  {
    name: 'exports of the product that only tests use',
    command: process.execPath,
    args: [...knip, '--production'],
    remedy: 'remove it with its test, or mark it @internal and say what the test needs it for',
  },
  { name: 'proto lint', command: '../node_modules/.bin/buf', args: ['lint'], cwd: 'proto' },
  {
    name: 'proto breaking',
    command: '../node_modules/.bin/buf',
    args: ['breaking', '--against', 'baseline.binpb'],
    cwd: 'proto',
    remedy: 'a field is never renumbered or retyped; add a new one',
  },
  {
    name: 'generated files',
    command: process.execPath,
    args: ['scripts/generate.ts', '--check'],
    remedy: 'npm run generate, and commit what it changes',
  },
]

let failed = 0
const waiting = [...checks]
/** One that uses a single core has another one beside it. */
await Promise.all([runNext(), runNext()])
process.exit(failed === 0 ? 0 : 1)

async function runNext(): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const started = performance.now()
    const fault = await faultOf(check)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    process.stdout.write(`${fault === undefined ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`)
    if (fault === undefined) continue
    failed++
    process.stdout.write(fault)
    if (check.remedy) process.stdout.write(`-> ${check.remedy}\n`)
  }
}

/** @returns what a check that failed said; undefined when all is well */
function faultOf({ command, args, cwd = '.' }: Check): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      // what did not begin said nothing
      resolve(error === null ? undefined : stdout + stderr || `${error.message}\n`)
    })
  })
}
