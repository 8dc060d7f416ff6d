import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, matchesGlob } from 'node:path'
import { expect } from 'chai'
import { mirrorsOf, namedElsewhereFor } from '../../scripts/house/tests-of.ts'
import { testedElsewhere } from './tested-elsewhere.ts'

// A source file of the product has its test at the same place below test/, or tested-elsewhere.ts names the tests that prove it.

const product = '{proto,runtime,rules,server,config-agent,operator}/src/**/*.ts'
const everything = '{proto,runtime,rules,server,config-agent,operator,stand-in,local,harness,ci,scripts}/**/*.ts'
const find = (pattern: string) =>
  globSync(pattern, { exclude: ['**/node_modules/**', '**/generated/**'] }).map((path) => path.replaceAll('\\', '/'))

const texts = new Map(find(everything).map((file) => [file, readFileSync(file, 'utf8')]))
const sources = find(product).filter((file) => hasCode(texts.get(file)!))

/** A file of nothing but types has nothing to test. */
function hasCode(text: string): boolean {
  return /^(export )?(default )?(async )?(function|class|const|let|await)\b/m.test(text)
}

/** Files that a file imports, or starts by their path. */
function namedIn(file: string): string[] {
  const literals = [...texts.get(file)!.matchAll(/['"`]([\w@./-]+)['"`]/g)].map(([, text = '']) => text)
  return literals
    .flatMap((text) => {
      const [, workspace, path] = /^@nauthera\/([^/]+)\/(.+)$/.exec(text) ?? []
      return workspace ? [`${workspace}/src/${path}.ts`] : [join(dirname(file), text), text]
    })
    .filter((name) => texts.has(name))
}

/** Every file that a test runs, as far as it can be read off. */
function reachedFrom(test: string): Set<string> {
  const reached = new Set<string>([test])
  for (const file of reached) for (const name of namedIn(file)) reached.add(name)
  return reached
}

const entries = Object.entries(testedElsewhere)
const without = sources.filter((file) => mirrorsOf(file).length === 0)
const coveredBy = (pattern: string) => without.filter((file) => matchesGlob(file, pattern))

describe('the tests of the product', () => {
  it('lie where their source lies, or are named in tested-elsewhere.ts', () => {
    const missing = without.filter((file) => namedElsewhereFor(file).length === 0)
    expect(missing.join('\n'), 'neither a test of its name below test/ nor in ci/test/tested-elsewhere.ts').to.equal('')
  })

  it('that are named there exist', () => {
    const gone = entries.flatMap(([, tests]) => tests.filter((test) => !existsSync(test)))
    expect(gone.join('\n')).to.equal('')
  })

  for (const [pattern, tests] of entries) {
    it(`run what they are named for: ${pattern}`, () => {
      const reached = tests.filter((test) => texts.has(test)).map(reachedFrom)
      const files = coveredBy(pattern)
      expect(files.length, 'every file has a test of its own now: remove the entry').to.be.greaterThan(0)
      expect(files.filter((file) => !reached.some((set) => set.has(file))).join('\n'), 'not run').to.equal('')
      const idle = tests.filter((test) => texts.has(test) && !files.some((file) => reachedFrom(test).has(file)))
      expect(idle.join('\n'), 'runs none of them').to.equal('')
    })
  }
})
