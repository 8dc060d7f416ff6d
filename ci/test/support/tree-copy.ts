import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'chai'

/** What stands in a file, and what stands before that text afterwards. */
export type Insertion = readonly [before: string, added: string]

export interface TreeCopy {
  /** Writes a file of the tree with these insertions into the copy. */
  insert(file: string, insertions: readonly Insertion[]): void
  /** Writes a file that the tree does not have. */
  add(file: string, text: string): void
  /** Makes a file as it is in the tree; one that the tree does not have is removed. */
  restore(file: string): void
  /** Runs Node with these arguments in the copy. */
  run(args: readonly string[]): { readonly status: number | null; readonly output: string }
  /** The same, for what must succeed. */
  expectSuccess(args: readonly string[]): void
  remove(): void
}

/** Arguments of Node that run test files of the copy. */
export const mocha = (tests: readonly string[]): string[] => [
  'node_modules/mocha/bin/mocha.js',
  '--config',
  '.mocharc.json',
  '--reporter',
  'dot',
  ...tests,
]

/** Copies everything that is not installed or built; the packages stay where they are, but for our own workspaces. */
export function copyTree(options: { timeoutMs: number }): TreeCopy {
  const copy = mkdtempSync(join(tmpdir(), 'nauthera-tree-'))
  const isLeft = (path: string): boolean => ['node_modules', '.git', '.nauthera', 'coverage'].includes(basename(path))
  for (const entry of readdirSync('.')) {
    if (!isLeft(entry)) cpSync(entry, join(copy, entry), { recursive: true, filter: (path) => !isLeft(path) })
  }
  mkdirSync(join(copy, 'node_modules/@nauthera'), { recursive: true })
  const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] }
  for (const name of workspaces) {
    symlinkSync(join(copy, name), join(copy, 'node_modules/@nauthera', name))
    const own = join(name, 'node_modules')
    if (existsSync(own)) symlinkSync(join(process.cwd(), own), join(copy, own))
  }
  for (const entry of readdirSync('node_modules')) {
    if (entry !== '@nauthera')
      symlinkSync(join(process.cwd(), 'node_modules', entry), join(copy, 'node_modules', entry))
  }

  function run(args: readonly string[]) {
    const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
      cwd: copy,
      encoding: 'utf8',
      timeout: options.timeoutMs,
    })
    return { status, output: `${args.join(' ')}\n${stdout}${stderr}${error ?? ''}` }
  }

  return {
    insert(file, insertions) {
      let text = readFileSync(file, 'utf8')
      for (const [before, added] of insertions) {
        expect(text.split(before), `${file} has ${before} once`).to.have.length(2)
        text = text.replace(before, () => added + before)
      }
      writeFileSync(join(copy, file), text)
    },
    add(file, text) {
      expect(existsSync(file), `${file} is new`).to.equal(false)
      writeFileSync(join(copy, file), text)
    },
    restore: (file) => (existsSync(file) ? cpSync(file, join(copy, file)) : rmSync(join(copy, file))),
    run,
    expectSuccess(args) {
      const { status, output } = run(args)
      expect(status, output).to.equal(0)
    },
    remove: () => rmSync(copy, { recursive: true, force: true }),
  }
}
