import { readFileSync, readdirSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import MCR from 'monocart-coverage-reports'

interface V8Entry {
  url: string
  source?: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const covered = /\/(proto|rules|runtime|server|config-agent|operator)\/src\/(?!generated\/)/

/** Turns the V8 data of every process of a test run into coverage/ and a summary on stdout.
 *  @param directory what NODE_V8_COVERAGE named */
export async function reportCoverage(directory: string): Promise<void> {
  const report = MCR({
    name: 'Nauthera',
    outputDir: join(root, 'coverage'),
    reports: ['console-summary', 'lcovonly', 'v8'],
    cleanCache: true,
    sourcePath: (path: string) => path.replace(`${pathToFileURL(root).href}`, ''),
  })
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
    const { result } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as { result: V8Entry[] }
    const entries = result.filter((entry) => entry.url.startsWith(pathToFileURL(root).href) && covered.test(entry.url))
    for (const entry of entries) entry.source = stripTypeScriptTypes(readFileSync(fileURLToPath(entry.url), 'utf8'))
    if (entries.length > 0) await report.add(entries)
  }
  await report.generate()
}
