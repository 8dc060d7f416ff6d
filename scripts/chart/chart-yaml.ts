// What Chart.yaml says of the newest section of CHANGELOG.md and of the images, in the words of Artifact Hub.
import { readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { chartDirectory, isMap, readValues } from './values.ts'
import type { Value } from './values.ts'

const path = `${chartDirectory}/Chart.yaml`
const start = '  # Written by npm run generate, from CHANGELOG.md and values.yaml:\n'

/** @returns Chart.yaml with what stands below its last comment renewed
 *  @throws Error when that comment is missing */
export function renderChartYaml(): { path: string; content: string } {
  const text = readFileSync(path, 'utf8')
  const [before, rest] = text.split(start)
  if (rest === undefined) throw new Error(`${path} lacks the line "${start.trim()}"`)
  const { appVersion } = parse(text) as { appVersion: string }
  const written = {
    'artifacthub.io/changes': listed(readChanges(readFileSync(`${chartDirectory}/CHANGELOG.md`, 'utf8'))),
    'artifacthub.io/images': listed(readImages(appVersion)),
  }
  return { path, content: `${before}${start}${stringify(written, { lineWidth: 0 }).replace(/^(?=.)/gm, '  ')}` }
}

const listed = (items: readonly object[]): string => stringify(items, { lineWidth: 0 })

/** The entries of the first section: `### Added` is kind `added`. */
function readChanges(changelog: string): { kind: string; description: string }[] {
  const section = changelog.split(/^## /m)[1] ?? ''
  return section
    .split(/^### /m)
    .slice(1)
    .flatMap((part) => {
      const [kind = '', ...lines] = part.split('\n')
      const entries = lines.join('\n').trim().split(/^- /m).filter(Boolean)
      return entries.map((entry) => ({
        kind: kind.toLowerCase(),
        description: entry.trim().replaceAll(/\s*\n\s*/g, ' '),
      }))
    })
}

function readImages(appVersion: string): { name: string; image: string }[] {
  const { defaults } = readValues()
  const text = (...path: string[]): string => {
    const value = path.reduce<Value | undefined>((inner, key) => (isMap(inner) ? inner[key] : undefined), defaults)
    if (typeof value !== 'string') throw new Error(`values.yaml: ${path.join('.')} is no text`)
    return value
  }
  const ours = ['server', 'config-agent', 'operator'].map((name) => ({
    name,
    image: `${text('image', 'repository')}/${name}:${appVersion}`,
  }))
  const valkey = `${text('valkey', 'image', 'repository')}:${text('valkey', 'image', 'tag')}`
  return [...ours, { name: 'valkey', image: valkey }]
}
