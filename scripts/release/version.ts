// Where the version stands: every package.json, the lock file, the chart, and the heading of both changelogs.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const changelogs = ['CHANGELOG.md', 'charts/nauthera/CHANGELOG.md']
const chartFile = 'charts/nauthera/Chart.yaml'

interface Manifest {
  readonly version: string
  readonly workspaces?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
}

const readManifest = (root: string, folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest

const foldersOf = (root: string): string[] => ['.', ...(readManifest(root, '.').workspaces ?? [])]

/** @returns what keeps this checkout from being released as the version of its package.json, one sentence each */
export function versionFaults(root: string): string[] {
  const { version } = readManifest(root, '.')
  const faults: string[] = []
  const want = (where: string, found: string | undefined) => {
    if (found !== version) faults.push(`${where} says ${found ?? 'nothing'}, package.json says ${version}`)
  }
  for (const folder of foldersOf(root)) {
    const { version: own, dependencies = {} } = readManifest(root, folder)
    want(`${folder}/package.json`, own)
    for (const [name, wanted] of Object.entries(dependencies))
      if (name.startsWith('@nauthera/')) want(`${name} in ${folder}/package.json`, wanted)
  }
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Manifest
  want('package-lock.json', lock.version)
  const chart = parse(readFileSync(join(root, chartFile), 'utf8')) as { version: string; appVersion: string }
  want(`version of ${chartFile}`, chart.version)
  want(`appVersion of ${chartFile}`, chart.appVersion)
  for (const file of changelogs) want(`the first section of ${file}`, firstSection(root, file).title)
  return faults
}

/** Writes another version everywhere; the section "Unreleased" of the changelogs becomes its own. */
export function setVersion(root: string, version: string): void {
  const { version: before } = readManifest(root, '.')
  const edit = (file: string, change: (text: string) => string) => {
    const path = join(root, file)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }
  for (const folder of foldersOf(root))
    edit(`${folder}/package.json`, (text) =>
      text
        .replace(`"version": "${before}"`, `"version": "${version}"`)
        .replaceAll(/("@nauthera\/[a-z-]+": )"[^"]*"/g, `$1"${version}"`),
    )
  edit('package-lock.json', (text) => {
    const lock = JSON.parse(text) as Manifest & { packages: Record<string, Manifest> }
    const renewed = (one: Manifest): Manifest => ({
      ...one,
      version,
      ...(one.dependencies && {
        dependencies: Object.fromEntries(
          Object.entries(one.dependencies).map(([name, wanted]) => [
            name,
            name.startsWith('@nauthera/') ? version : wanted,
          ]),
        ),
      }),
    })
    const packages = { ...lock.packages }
    for (const folder of foldersOf(root)) {
      const key = folder === '.' ? '' : folder
      packages[key] = renewed(packages[key]!)
    }
    return `${JSON.stringify({ ...lock, version, packages }, undefined, 2)}\n`
  })
  edit(chartFile, (text) =>
    text.replace(/^version: .*$/m, `version: ${version}`).replace(/^appVersion: .*$/m, `appVersion: '${version}'`),
  )
  for (const file of changelogs) edit(file, (text) => text.replace(/^## Unreleased$/m, `## ${version}`))
}

/** @returns the newest section of a changelog: its heading without the signs, and what stands below it */
export function firstSection(root: string, file: string): { title: string | undefined; text: string } {
  const [heading, ...lines] = (readFileSync(join(root, file), 'utf8').split(/^## /m)[1] ?? '').split('\n')
  return { title: heading?.trim() || undefined, text: `${lines.join('\n').trim()}\n` }
}
