// What every values file of ci/ renders, NOTES included, as a file beside the tests: a review shows what a template changes.
// Of all but `minimal` only the objects that differ from it. Run by itself, it writes them anew.
import { readFileSync, readdirSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { copyWithNotes } from './notes.ts'
import { chart, modes, render } from './render.ts'

const snapshots = resolve(import.meta.dirname, '../snapshots')

export const readSnapshot = (mode: string): string => readFileSync(join(snapshots, `${mode}.yaml`), 'utf8')

/** @param text what Helm printed. Left out: definitions and files of the chart, which are reviewed where they stand, and the
 *    versions, which a release changes. */
function documentsOf(text: string): string[] {
  const { version, appVersion } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as Record<string, string>
  return text
    .split(/^---\n/m)
    .filter((document) => document !== '' && !document.includes('\nkind: CustomResourceDefinition\n'))
    .map((document) =>
      files
        .reduce(withoutFile, document)
        .replaceAll(`nauthera-${version}`, 'nauthera-VERSION')
        .replaceAll(`version: "${appVersion}"`, 'version: "VERSION"')
        .replaceAll(`:${appVersion}"`, ':VERSION"')
        // The digests of settings and pods hold the versions too.
        .replaceAll(/(checksum\/\w+: |nauthera-keys-|identity-keys-)[0-9a-f]{8,64}/g, '$1DIGEST'),
    )
}

interface ChartFile {
  readonly path: string
  readonly lines: readonly string[]
}

const files: readonly ChartFile[] = ['valkey', 'tests', 'dashboards'].flatMap((folder) =>
  readdirSync(join(chart, 'files', folder)).map((name) => ({
    path: `files/${folder}/${name}`,
    lines: readFileSync(join(chart, 'files', folder, name), 'utf8')
      .trimEnd()
      .split('\n'),
  })),
)

/** A file that stands indented in the document becomes its path. */
function withoutFile(document: string, { path, lines }: ChartFile): string {
  for (const indent of ['    ', '        ']) {
    const text = lines.map((line) => `${indent}${line}`.replace(/ +$/, (tail) => (line === '' ? tail : ''))).join('\n')
    if (document.includes(text)) return document.replace(text, `${indent}<${path}>`)
  }
  return document
}

/** @param directory of a chart with notes */
export async function renderSnapshot(directory: string, mode: string): Promise<string> {
  const documents = documentsOf(await render({ mode, directory }))
  if (mode === 'minimal') return documents.join('---\n')
  const minimal = new Set(documentsOf(await render({ mode: 'minimal', directory })))
  const same = documents.filter((document) => minimal.has(document)).map(templateOf)
  return [
    `# As in minimal:\n${same.map((template) => `#   ${template}\n`).join('')}`,
    ...documents.filter((document) => !minimal.has(document)),
  ].join('---\n')
}

const templateOf = (document: string): string =>
  /^# Source: nauthera\/templates\/(\S+)/.exec(document)?.[1] ?? document.slice(0, 80)

if (import.meta.main) {
  const copy = await copyWithNotes()
  await rm(snapshots, { recursive: true, force: true })
  await mkdir(snapshots, { recursive: true })
  for (const mode of modes) await writeFile(join(snapshots, `${mode}.yaml`), await renderSnapshot(copy.directory, mode))
  await copy.remove()
}
