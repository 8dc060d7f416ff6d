// Writes values.schema.json, the table in README.md, the annotations in Chart.yaml and the rules of policies; with --check only says whether they are as they should be.
import { readFileSync, writeFileSync } from 'node:fs'
import { renderChartYaml } from './chart-yaml.ts'
import { renderPolicyAdmission } from './policy-admission.ts'
import { renderReadme } from './readme.ts'
import { renderValuesSchema } from './values-schema.ts'

/** The files of the chart that follow from values.yaml, from the settings of the processes and from the rules of policies. */
export const renderChartFiles = () => [renderValuesSchema(), renderReadme(), renderChartYaml(), renderPolicyAdmission()]

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
