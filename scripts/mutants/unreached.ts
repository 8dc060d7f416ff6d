// Which places of the sources a test never gets to: V8 counts, once for each text of the test.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from '@nauthera/runtime/settings'
import { mutationsOf } from './mutations.ts'
import type { Mutation } from './mutations.ts'

/** A source that a test loads -> the names of the changes in it that the test never gets to. */
export type Unreached = Readonly<Record<string, readonly string[]>>

const record = z.record(z.string(), z.array(z.string()))
const counted = z.object({
  result: z.array(
    z.object({
      url: z.string(),
      functions: z.array(
        z.object({
          ranges: z.array(z.object({ startOffset: z.number(), endOffset: z.number(), count: z.number() })),
        }),
      ),
    }),
  ),
})
type Counted = z.infer<typeof counted>['result'][number]

/** @param tree where the test runs
 *  @param kept where the answer is kept until the text of the test is another one */
export async function unreachedBy(test: string, tree: string, kept: string): Promise<Unreached> {
  const text = readFileSync(join(tree, test), 'utf8')
  const file = join(kept, `${createHash('sha256').update(`${test}\n${text}`).digest('hex').slice(0, 32)}.json`)
  try {
    return record.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    const found = await count(test, tree)
    mkdirSync(kept, { recursive: true })
    writeFileSync(file, JSON.stringify(found))
    return found
  }
}

async function count(test: string, tree: string): Promise<Unreached> {
  const data = mkdtempSync(join(tree, '.nauthera/counted-'))
  const mocha = ['node_modules/mocha/bin/mocha.js', '--no-config', '--exit', '--timeout', '120000', test]
  const env = { ...process.env, NODE_ENV: 'test', NODE_V8_COVERAGE: data }
  // one that fails is found by the changes (checkUnchanged)
  await new Promise<void>((done) => {
    execFile(join(tree, 'node_modules/.bin/node'), mocha, { cwd: tree, env, maxBuffer: 64 << 20 }, () => done())
  })
  const missing = new Map<string, Set<string>>()
  for (const name of readdirSync(data))
    for (const script of counted.parse(JSON.parse(readFileSync(join(data, name), 'utf8'))).result) {
      const source = script.url.startsWith('file:') ? relative(tree, fileURLToPath(script.url)) : ''
      if (!/^[a-z-]+\/src\/.*\.ts$/.test(source)) continue
      const names = namesNotIn(script, source, readFileSync(join(tree, source), 'utf8'))
      // what one process gets to is got to
      missing.set(source, missing.get(source)?.intersection(names) ?? names)
    }
  rmSync(data, { recursive: true })
  return Object.fromEntries([...missing].map(([source, names]) => [source, [...names]]))
}

/** Types are blanks for V8, so each place is where it is in the text. */
function namesNotIn({ functions }: Counted, source: string, text: string): Set<string> {
  const runs = new Uint8Array(text.length)
  // a range comes behind those that it is in
  for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges))
    runs.fill(Math.min(count, 1), startOffset, endOffset)
  const { reached = [], unreached = [] } = Object.groupBy(mutationsOf(source, text), ({ offset }) =>
    runs[offset] === 1 ? 'reached' : 'unreached',
  )
  const namesOf = (some: readonly Mutation[]) => new Set(some.map(({ name }) => name))
  // the same line may stand twice
  return namesOf(unreached).difference(namesOf(reached))
}
