// npm run house: the shape of the sources in numbers, for this checkout or several side by side.
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine } from './command-line.ts'
import { entriesOf, findCircles, longestChain, readImports, withoutTypes } from './house/imports.ts'

const usage = `Usage: npm run house [-- [--list] [DIRECTORY ...]]

Counts how well the code is kept: lines, long files and functions, circles of imports, casts.

  --list      name what each number counts
  DIRECTORY   a checkout; default: this one. Several stand side by side
`

const product = '{proto,runtime,rules,server,config-agent,operator}/src/**/*.ts'
const everything = '{proto,runtime,rules,server,config-agent,operator,stand-in,local,harness,scripts,ci,charts}/**/*.ts'
const oxlint = fileURLToPath(new URL('../node_modules/oxlint/bin/oxlint', import.meta.url))

/** @param root a checkout; it needs no node_modules
 *  @returns each number, as the list of what it counts */
export function measureHouse(root: string): Readonly<Record<string, readonly string[]>> {
  const find = (pattern: string) =>
    globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', '**/generated/**'] }).sort()
  const sources = new Map(find(everything).map((file) => [file, readFileSync(join(root, file), 'utf8')]))
  const imports = readImports(sources)
  const files = find(product)
  const rooms = [...new Set(files.map(dirname))].map((folder) => ({ folder, entries: entriesOf(folder, imports) }))
  const chainIn = (prepare: (text: string) => string) =>
    longestChain(readImports(new Map(files.map((file) => [file, prepare(sources.get(file)!)]))))
  const lines = (file: string) => sources.get(file)!.split('\n').length - 1
  const { functions, casts } = lint(root)
  const longer = (limit: number) => functions.filter((found) => found.lines > limit).map(({ place }) => place)
  return {
    'files of the product': files.map((file) => `${lines(file)} ${file}`),
    'files over 300 lines': files.filter((file) => lines(file) > 300),
    rooms: rooms.map(({ folder }) => folder),
    'rooms with more than a dozen entries': rooms
      .filter(({ entries }) => entries.size > 12)
      .map(({ folder, entries }) => `${entries.size} ${folder}`),
    'arrows between the entries of the rooms': rooms.flatMap(({ entries }) =>
      [...entries].flatMap(([from, names]) => names.map((name) => `${from} -> ${name}`)),
    ),
    'circles of the entries of a room': rooms.flatMap(({ entries }) => findCircles(entries).map(spell)),
    'circles of files, in all sources': findCircles(imports).map(spell),
    'longest chain of imports': chainIn((text) => text),
    'longest chain of imports without types': chainIn(withoutTypes),
    'functions over 60 lines': longer(60),
    'functions over 80 lines': longer(80),
    'functions over 100 lines': longer(100),
    casts,
  }
}

const spell = (circle: readonly string[]): string => circle.join(' <-> ')

/** What the linter counts in the product: functions over 60 lines with blank lines and comments, longest first, and casts
 *  (`as`, except `as const`). */
function lint(root: string): { functions: { lines: number; place: string }[]; casts: string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-house-'))
  const config = join(directory, 'oxlint.json')
  const rules = {
    'max-lines-per-function': ['error', { max: 60 }],
    'typescript/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
  }
  writeFileSync(config, JSON.stringify({ plugins: ['typescript'], categories: { correctness: 'off' }, rules }))
  const args = [oxlint, '--config', config, '--format', 'unix', '.']
  const { stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
  rmSync(directory, { recursive: true })
  const faults = [...stdout.matchAll(/^(.+?:\d+):\d+: (.*)$/gm)]
    .map(([, place = '', message = '']) => ({ place, message }))
    .filter(({ place }) => /^(?!stand-in|local|harness)[\w-]+\/src\/(?!generated)/.test(place))
  const functions = faults.flatMap(({ place, message }) => {
    const [, name, lines] = /^(?:The )?(.*?) has too many lines \((\d+)\)/.exec(message) ?? []
    return lines ? [{ lines: Number(lines), place: `${lines} ${place} ${name}` }] : []
  })
  return {
    functions: functions.sort((a, b) => b.lines - a.lines),
    casts: faults
      .filter(({ message }) => message.includes('type assertions'))
      .map(({ place }) => place)
      .sort(),
  }
}

if (import.meta.main) {
  const { values, positionals } = readCommandLine(usage, { list: { type: 'boolean' } }, true)
  const houses = (positionals.length > 0 ? positionals : ['.']).map((path) => measureHouse(resolve(path)))
  const print = (name: string, numbers: readonly number[]) =>
    process.stdout.write(`${name.padEnd(44)}${numbers.map((number) => String(number).padStart(6)).join('')}\n`)
  const linesOf = (files: readonly string[] = []) => files.reduce((sum, file) => sum + Number.parseInt(file), 0)
  print(
    'lines of the product',
    houses.map((house) => linesOf(house['files of the product'])),
  )
  for (const name of Object.keys(houses[0]!)) {
    print(
      name,
      houses.map((house) => house[name]?.length ?? 0),
    )
    if (values.list)
      for (const house of houses) for (const place of house[name] ?? []) process.stdout.write(`    ${place}\n`)
  }
}
