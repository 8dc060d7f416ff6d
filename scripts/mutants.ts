// npm run mutants: makes small wrong changes to rules, one at a time in a copy of the tree, and counts those that a test notices.
import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { z } from '@nauthera/runtime/settings'
import { compileCache } from '@nauthera/local/processes/program'
import { readCommandLine } from './command-line.ts'
import { readImports } from './house/imports.ts'
import { isEquivalent } from './mutants/equivalent.ts'
import { applyTo, chooseSome, mutationsOf } from './mutants/mutations.ts'
import type { Mutation } from './mutants/mutations.ts'
import { wilsonInterval } from './mutants/wilson.ts'
import { testsNear, testsThatReach } from './mutants/near-tests.ts'
import { unreachedBy } from './mutants/unreached.ts'
import type { Unreached } from './mutants/unreached.ts'

const usage = `Usage: npm run mutants [-- [--count N] [--seed TEXT] [--since COMMIT] [--least PERCENT] [--units] [--nearest N]
       [FOLDER or FILE ...]]

Changes one sign of a rule (< to <=, && to ||, true to false, ...) in a copy of the tree, and runs the tests that reach it: unit tests by
imports, the nearest first, then up to twelve integration tests that get to the place (each is counted once, the first time: half an hour).
Noticed is a change for which one of these tests fails: npm test runs them all. Prints each change that no test noticed, and the score of
each folder with its 95 % interval (Wilson): the changes are a random sample. Not counted: scripts/mutants/equivalent.ts.

  --count N        how many changes in each folder; default: 50
  --seed TEXT      chooses which; default: 1
  --since COMMIT   only in files that changed since; default: in all
  --least PERCENT  fails when fewer were noticed in a folder; default: 90
  --units          runs unit tests alone: minutes in place of hours, and a lower score
  --nearest N      asks the N nearest unit and integration tests alone: faster, and the true score may be higher; default: all
  FOLDER or FILE   default: operator/src/decide rules/src server/src/oidc server/src/users
`

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const copy = join(root, '.nauthera/mutants')
const kept = join(root, '.nauthera/mutants-unreached')
const mocha = [
  'node_modules/mocha/bin/mocha.js',
  '--no-config',
  '--exit',
  '--bail',
  '--timeout',
  '60000',
  '--reporter',
  'json',
]
/** A change may make a loop that does not end. */
const longestMs = 600_000

const { values, positionals } = readCommandLine(
  usage,
  {
    count: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    since: { type: 'string' },
    least: { type: 'string', default: '90' },
    units: { type: 'boolean', default: false },
    nearest: { type: 'string', default: 'all' },
  },
  true,
)
const nearest = values.nearest === 'all' ? Infinity : Number(values.nearest)
const places =
  positionals.length > 0 ? positionals : ['operator/src/decide', 'rules/src', 'server/src/oidc', 'server/src/users']
await copyTree()
const find = (pattern: string) => globSync(pattern, { cwd: copy, exclude: ['**/node_modules/**'] }).toSorted()
const read = (file: string) => readFileSync(join(copy, file), 'utf8')
const since = values.since === undefined ? undefined : await changedSince(values.since)
const imports = readImports(new Map(find('*/{src,test}/**/*.ts').map((file) => [file, read(file)])))
const tests = find('{ci,operator,rules,runtime,server}/test/**/*.test.ts').filter(
  (file) => !/\.nightly\.|lint/.test(file) && !(values.units && file.includes('.integration.')),
)
const passed = new Set<string>()
const unreached = new Map<string, Unreached>()
const reportOfMocha = z.object({ failures: z.array(z.object({ file: z.string().optional() })) })

process.exitCode = 0
for (const place of places) {
  const percent = await measure(place)
  if (percent < Number(values.least)) process.exitCode = 1
}
rmSync(copy, { recursive: true, force: true })

/** Prints what no test noticed in a folder or file.
 *  @returns how many percent were noticed */
async function measure(place: string): Promise<number> {
  const files = place.endsWith('.ts') ? find(place) : find(`${place}/**/*.ts`)
  const wanted = files.filter((file) => since?.has(file) ?? true)
  const all = wanted.flatMap((file) => {
    const text = read(file)
    const lines = text.split('\n')
    return mutationsOf(file, text).filter((mutation) => !isEquivalent(mutation, lines[mutation.line - 1]!))
  })
  const chosen = chooseSome(all, Number(values.count), values.seed)
  let noticed = 0
  for (const [index, mutation] of chosen.entries()) {
    if (await isNoticed(mutation)) noticed++
    else
      process.stdout.write(`${mutation.file}:${mutation.line} "${mutation.from.trim()}" -> "${mutation.to.trim()}"\n`)
    if ((index + 1) % 10 === 0) process.stderr.write(`${place}: ${index + 1} of ${chosen.length}, ${noticed} noticed\n`)
  }
  const percent = (100 * noticed) / Math.max(1, chosen.length)
  const [low, high] = wilsonInterval(noticed, chosen.length)
  process.stdout.write(
    `${place}: ${noticed} of ${chosen.length} changes were noticed: ${percent.toFixed(1)} % (${low.toFixed(1)} to ${high.toFixed(1)} %; of ${all.length} that there are)\n`,
  )
  return percent
}

async function changedSince(commit: string): Promise<ReadonlySet<string>> {
  const { stdout } = await run('git', ['diff', '--name-only', commit], { cwd: root })
  return new Set(stdout.split('\n'))
}

/** Its own files, and packages by hard links: links between workspaces are relative, and so lead to the copy. */
async function copyTree(): Promise<void> {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  const { stdout } = await run('git', ['ls-files'], { cwd: root, maxBuffer: 16 << 20 })
  for (const file of stdout.split('\n').filter(Boolean)) cpSync(join(root, file), join(copy, file), { recursive: true })
  for (const packages of globSync('{.,*}/node_modules', { cwd: root }))
    await run('cp', ['--archive', '--link', join(root, packages), join(copy, packages)])
}

async function isNoticed(mutation: Mutation): Promise<boolean> {
  const path = join(copy, mutation.file)
  const text = readFileSync(path, 'utf8')
  const { units, integration } = testsNear(mutation.file, tests, imports, nearest)
  const notices = async (group: readonly string[]) => {
    if (group.length === 0) return false
    writeFileSync(path, applyTo(text, mutation))
    const failed = await runTests(group)
    writeFileSync(path, text)
    if (failed.length > 0) await checkUnchanged(failed)
    return failed.length > 0
  }
  for (const group of units) if (await notices(group)) return true
  return notices(testsThatReach(mutation, await unreachedByAll(integration)))
}

async function unreachedByAll(integration: readonly string[]): Promise<ReadonlyMap<string, Unreached>> {
  const all = new Map<string, Unreached>()
  for (const test of integration) {
    const known = unreached.get(test) ?? (await unreachedBy(test, copy, kept))
    unreached.set(test, known)
    all.set(test, known)
  }
  return all
}

/** Else each change would seem to be noticed. @throws Error when tests fail without any change */
async function checkUnchanged(files: readonly string[]): Promise<void> {
  const unknown = files.filter((file) => !passed.has(file))
  if (unknown.length === 0) return
  if ((await runTests(unknown)).length > 0)
    throw new Error(`these must pass without any change, and did not: npm test -- ${unknown.join(' ')}`)
  for (const file of unknown) passed.add(file)
}

/** Until a test fails.
 *  @returns the files that failed: all, where nobody knows which */
async function runTests(group: readonly string[]): Promise<readonly string[]> {
  const report = join(copy, '.nauthera/mutant.json')
  rmSync(report, { force: true })
  const child = spawn(
    join(copy, 'node_modules/.bin/node'),
    [...mocha, '--reporter-option', `output=${report}`, ...group],
    {
      cwd: copy,
      stdio: 'ignore',
      timeout: longestMs,
      env: { ...process.env, NODE_ENV: 'test', ...compileCache },
    },
  )
  const code = await new Promise<number | null>((done) => child.once('close', done))
  if (code === 0) return []
  // a process that does not begin, or that is ended, writes none
  if (!existsSync(report)) return group
  const { failures } = reportOfMocha.parse(JSON.parse(readFileSync(report, 'utf8')))
  const files = failures.flatMap(({ file }) => (file === undefined ? [] : [relative(copy, file)]))
  return files.length === 0 ? group : files
}
