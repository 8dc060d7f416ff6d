// Writes values.schema.json and the table in README.md; with --check only says whether they are as they should be.
import { readFileSync, writeFileSync } from 'node:fs'
import { renderReadme } from './readme.ts'
import { renderValuesSchema } from './values-schema.ts'

/** The files of the chart that follow from values.yaml and from the settings of the processes. */
export const renderChartFiles = () => [renderValuesSchema(), renderReadme()]

if (import.meta.main) {
  const stale = renderChartFiles().filter(({ path, content }) => {
    try {
      return readFileSync(path, 'utf8') !== content
    } catch {
      return true
    }
  })
  for (const { path, content } of stale) {
    if (!process.argv.includes('--check')) writeFileSync(path, content)
    process.stdout.write(`${process.argv.includes('--check') ? 'differs' : 'wrote'} ${path}\n`)
  }
  process.exitCode = process.argv.includes('--check') && stale.length > 0 ? 1 : 0
}
