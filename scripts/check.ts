// npm run check: everything about the sources that needs no test to run. Prints each check and what it took.
import { spawnSync } from 'node:child_process'

const knip = ['node_modules/knip/bin/knip.js', '--no-progress', '--treat-config-hints-as-errors']

const checks: readonly { name: string; command: string; args: string[]; cwd?: string; remedy?: string }[] = [
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
  {
    name: 'format',
    command: process.execPath,
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
    remedy: 'npm run format',
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
for (const check of checks) {
  const started = performance.now()
  const run = spawnSync(check.command, check.args, { cwd: check.cwd ?? '.', encoding: 'utf8' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const ok = run.status === 0
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`)
  if (ok) continue
  failed++
  process.stdout.write(`${run.stdout}${run.stderr}${run.error ? String(run.error) : ''}`)
  if (check.remedy) process.stdout.write(`-> ${check.remedy}\n`)
}
process.exit(failed === 0 ? 0 : 1)
