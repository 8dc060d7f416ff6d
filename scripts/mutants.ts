// npm run mutants: makes small wrong changes to rules, one at a time in a copy of the tree, and counts those that a unit test notices.
import { execFile, spawn } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { applyTo, chooseSome, mutationsOf } from './mutants/mutations.ts'
import type { Mutation } from './mutants/mutations.ts'

const usage = `Usage: npm run mutants [-- [--count N] [--seed TEXT] [--least PERCENT] [FILE ...]]

Changes one sign of a rule (< to <=, && to ||, true to false, ...) in a copy of the tree, and runs the unit tests: first those that import
the file, then all of its workspace (of rules: those of the operator's decisions too). Prints each change that no test noticed.

  --count N        how many changes; default: 200
  --seed TEXT      chooses which; default: 1
  --least PERCENT  fails when fewer were noticed; default: 90
  FILE ...         default: operator/src/decide/**/*.ts rules/src/*.ts
`

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const copy = join(root, '.nauthera/mutants')
const mocha = ['node_modules/mocha/bin/mocha.js', '--no-config', '--bail', '--timeout', '60000', '--reporter', 'min']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    least: { type: 'string', default: '90' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const files = globSync(positionals.length > 0 ? positionals : ['operator/src/decide/**/*.ts', 'rules/src/*.ts'], {
  cwd: root,
})
const all = files.toSorted().flatMap((file) => mutationsOf(file, readFileSync(join(root, file), 'utf8')))
const chosen = chooseSome(all, Number(values.count), values.seed)
await copyTree()
await checkUnchanged()
let killed = 0
for (const [index, mutation] of chosen.entries()) {
  if (await isNoticed(mutation)) killed++
  else process.stdout.write(`${mutation.file}:${mutation.line} "${mutation.from.trim()}" -> "${mutation.to.trim()}"\n`)
  if ((index + 1) % 20 === 0) process.stderr.write(`${index + 1} of ${chosen.length}, ${killed} noticed\n`)
}
rmSync(copy, { recursive: true, force: true })
const percent = (100 * killed) / Math.max(1, chosen.length)
process.stdout.write(
  `${killed} of ${chosen.length} changes were noticed: ${percent.toFixed(1)} % (of ${all.length} that there are)\n`,
)
process.exitCode = percent >= Number(values.least) ? 0 : 1

/** Its own files, and packages by hard links: links between workspaces are relative, and so lead to the copy. */
async function copyTree(): Promise<void> {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  const { stdout } = await run('git', ['ls-files'], { cwd: root, maxBuffer: 16 << 20 })
  for (const file of stdout.split('\n').filter(Boolean)) cpSync(join(root, file), join(copy, file), { recursive: true })
  for (const packages of globSync('{.,*}/node_modules', { cwd: root }))
    await run('cp', ['--archive', '--link', join(root, packages), join(copy, packages)])
}

/** @returns the unit tests that are asked about a file */
function unitsFor(file: string): readonly string[] {
  const [workspace = ''] = file.split('/')
  // rules have no process of their own: what the operator decides by them is their test too
  const folders = workspace === 'rules' ? ['rules/test', 'operator/test/{api,decide}'] : [`${workspace}/test`]
  const tests = globSync(
    folders.map((folder) => `${folder}/**/*.test.ts`),
    { cwd: copy },
  )
  return tests.filter((test) => !/\.(integration|nightly)\./.test(test))
}

/** Else each change would seem to be noticed. @throws Error when they fail without any change, or there are none */
async function checkUnchanged(): Promise<void> {
  for (const units of Map.groupBy(files.map(unitsFor), String).values())
    if (units[0]!.length === 0 || !(await passes(units[0]!)))
      throw new Error(
        `without any change ${units[0]!.length} unit tests must pass, and did not: npm test -- ${units[0]!.join(' ')}`,
      )
}

async function isNoticed(mutation: Mutation): Promise<boolean> {
  const path = join(copy, mutation.file)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, applyTo(text, mutation))
  try {
    const units = unitsFor(mutation.file)
    const near = units.filter((file) => importsOf(file).some((name) => mutation.file.endsWith(name)))
    return (near.length > 0 && !(await passes(near))) || !(await passes(units))
  } finally {
    writeFileSync(path, text)
  }
}

/** @returns the ends of the paths that a test imports, such as `/decide/client/schedule.ts` */
function importsOf(file: string): string[] {
  const text = readFileSync(join(copy, file), 'utf8')
  const paths = [...text.matchAll(/from '[./]*(?:@nauthera\/\w+)?([^']*?)(?:\.ts)?'/g)].map(([, path = '']) => path)
  return paths.filter((path) => path.includes('/')).map((path) => `${path.replace(/^src/, '')}.ts`)
}

async function passes(tests: readonly string[]): Promise<boolean> {
  const child = spawn(join(copy, 'node_modules/.bin/node'), [...mocha, ...tests], { cwd: copy, stdio: 'ignore' })
  return (await new Promise<number | null>((done) => child.once('close', done))) === 0
}
