// The table of values in charts/nauthera/README.md, from the comments of values.yaml.
import { readFileSync } from 'node:fs'
import { chartDirectory, leavesOf, readValues } from './values.ts'
import type { Value } from './values.ts'

const start = '<!-- values: written by npm run generate -->'
const end = '<!-- /values -->'

/** @returns README.md with its table renewed
 *  @throws Error that names every leaf without a comment, and every comment without a leaf */
export function renderReadme(): { path: string; content: string } {
  const path = `${chartDirectory}/README.md`
  const { defaults, parameters } = readValues()
  const described = new Set(parameters.map((parameter) => parameter.path))
  const leaves = new Map(leavesOf(defaults, described).map((leaf) => [leaf.path, leaf.value]))
  const faults = [
    ...[...leaves.keys()].filter((leaf) => !described.has(leaf)).map((leaf) => `${leaf} has no "## @param"`),
    ...[...described].filter((name) => !leaves.has(name)).map((name) => `"## @param ${name}" describes no value`),
  ]
  if (faults.length > 0) throw new Error(`${chartDirectory}/values.yaml:\n  ${faults.join('\n  ')}`)

  const sections = [...new Set(parameters.map(({ section }) => section))].map((section) =>
    [
      `### ${section}`,
      '',
      '| Value | Default | Meaning |',
      '|---|---|---|',
      ...parameters
        .filter((parameter) => parameter.section === section)
        .map(
          ({ path: name, description }) =>
            `| \`${name}\` | ${cell(leaves.get(name)!)} | ${description.replaceAll('|', '\\|')} |`,
        ),
    ].join('\n'),
  )
  const text = readFileSync(path, 'utf8')
  const [before, rest] = text.split(start)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`${path} lacks the lines "${start}" and "${end}"`)
  return { path, content: `${before}${start}\n\n${sections.join('\n\n')}\n\n${end}${after}` }
}

const cell = (value: Value): string => (value === '' ? '' : `\`${JSON.stringify(value).replaceAll('|', '\\|')}\``)
