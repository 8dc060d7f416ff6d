import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from './objects.ts'

const chart = fileURLToPath(new URL('../../charts/nauthera/files/crds', import.meta.url))

/** @returns the CustomResourceDefinitions of the chart */
export function readDefinitions(directory = chart): KubeObject[] {
  return readdirSync(directory)
    .filter((file) => /\.ya?ml$/.test(file))
    .sort()
    .flatMap((file) => readManifests(join(directory, file)))
    .filter(({ kind }) => kind === 'CustomResourceDefinition')
}

/** What the files hold, by their text: a test process starts many clusters with the same definitions. */
const parsed = new Map<string, readonly KubeObject[]>()

/** @returns the documents of a YAML file that hold something, as a copy of their own */
export function readManifests(file: string): KubeObject[] {
  const text = readFileSync(file, 'utf8')
  const known = parsed.get(text) ?? parse(text)
  parsed.set(text, known)
  return structuredClone([...known])
}

const parse = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object): object is KubeObject => object !== null)
