// Reads charts/nauthera/values.yaml: the defaults, and what its `## @param` comments say of every leaf.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value }

export interface Parameter {
  readonly path: string
  readonly section: string
  readonly description: string
}

export const chartDirectory = 'charts/nauthera'

export function readValues(text = readFileSync(`${chartDirectory}/values.yaml`, 'utf8')): {
  defaults: { readonly [key: string]: Value }
  parameters: Parameter[]
} {
  const parameters: Parameter[] = []
  let section = ''
  for (const line of text.split('\n')) {
    section = /^\s*## @section (.+)$/.exec(line)?.[1] ?? section
    const found = /^\s*## @param (\S+) (.+)$/.exec(line)
    if (found) parameters.push({ path: found[1]!, section, description: found[2]! })
  }
  return { defaults: parse(text), parameters }
}

export const isMap = (value: Value | undefined): value is { readonly [key: string]: Value } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Every leaf with its path. An empty map is a leaf, and so is a map that a parameter describes as a whole. */
export function leavesOf(value: Value, whole: ReadonlySet<string>, path = ''): { path: string; value: Value }[] {
  if (!isMap(value) || Object.keys(value).length === 0 || whole.has(path)) return [{ path, value }]
  return Object.entries(value).flatMap(([key, child]) => leavesOf(child, whole, path === '' ? key : `${path}.${key}`))
}
