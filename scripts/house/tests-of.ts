// Which tests are those of a file: of its name below test/, or named in ci/test/tested-elsewhere.ts; and those that import it.
import { existsSync, readFileSync } from 'node:fs'
import { matchesGlob } from 'node:path'
import { testedElsewhere } from '../../ci/test/tested-elsewhere.ts'
import { readImports } from './imports.ts'

const kinds = ['test', 'integration.test', 'properties.test', 'properties.integration.test']

/** @param file from the root, as in `server/src/http/pages/pages.ts`
 *  @returns the tests of its name that are there, as in `server/test/http/pages/pages.test.ts` */
export function mirrorsOf(file: string): string[] {
  if (!/\.m?ts$/.test(file)) return []
  const place = file.includes('/src/') ? file.replace('/src/', '/test/') : file.replace('/', '/test/')
  return kinds.map((kind) => place.replace(/\.m?ts$/, `.${kind}.ts`)).filter((test) => existsSync(test))
}

/** @returns the tests that prove a file which has none of its name */
export const namedElsewhereFor = (file: string): string[] =>
  Object.entries(testedElsewhere).flatMap(([pattern, tests]) => (matchesGlob(file, pattern) ? tests : []))

/** @param tests among which those are looked for that import the file, or have its path between quotes
 *  @returns a test is its own; nothing where no test is near */
export function testsOf(file: string, tests: readonly string[]): string[] {
  if (file.endsWith('.test.ts')) return [file]
  const mirrors = mirrorsOf(file)
  const texts = new Map(tests.map((test) => [test, readFileSync(test, 'utf8')]))
  const imports = readImports(new Map([...texts, [file, '']]))
  const users = tests.filter((test) => imports.get(test)!.includes(file) || texts.get(test)!.includes(`'${file}'`))
  return [...new Set([...mirrors, ...(mirrors.length > 0 ? [] : namedElsewhereFor(file)), ...users])]
}
