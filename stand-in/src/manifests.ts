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

/** @returns the documents of a YAML file that hold something */
export function readManifests(file: string): KubeObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object): object is KubeObject => object !== null)
}
