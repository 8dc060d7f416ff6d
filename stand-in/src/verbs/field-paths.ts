// Paths of single fields in an object, as managedFields names them. Source: sigs.k8s.io/structured-merge-diff.
import type { FieldTree, ObjectSchema, KubeObject } from '../objects.ts'
import { isRecord, same } from '../objects.ts'
import { childOf } from '../schema/child-schema.ts'

/** A set of fields: each path as JSON of its segments (`f:name`, `v:"value"`, `k:{"type":"Ready"}`). */
export type Paths = Set<string>

/** @returns the path of every field that the value sets */
export function collectPaths(
  value: unknown,
  schema: ObjectSchema | undefined,
  at: readonly string[] = [],
  into: Paths = new Set(),
): Paths {
  const add = (path: readonly string[]) => void (path.length > 0 && into.add(JSON.stringify(path)))
  if (isRecord(value) && schema?.['x-kubernetes-map-type'] !== 'atomic') {
    const entries = Object.entries(value)
    if (entries.length === 0) add(at)
    for (const [key, child] of entries) collectPaths(child, childOf(schema, key), [...at, `f:${key}`], into)
  } else if (Array.isArray(value) && schema?.['x-kubernetes-list-type'] === 'set') {
    if (value.length === 0) add(at)
    for (const item of value) add([...at, `v:${JSON.stringify(item)}`])
  } else if (Array.isArray(value) && schema?.['x-kubernetes-list-type'] === 'map') {
    if (value.length === 0) add(at)
    for (const item of value as Record<string, unknown>[]) {
      const member = [...at, `k:${JSON.stringify(keysOf(item, schema))}`]
      add([...member, '.'])
      collectPaths(item, schema.items, member, into)
    }
  } else add(at)
  return into
}

export const keysOf = (item: Record<string, unknown>, schema: ObjectSchema): Record<string, unknown> =>
  Object.fromEntries((schema['x-kubernetes-list-map-keys'] ?? []).map((key) => [key, item[key]]))

/** @returns what is at the path; undefined when nothing is */
export function readPath(object: unknown, path: string): unknown {
  let at = object
  for (const segment of JSON.parse(path) as string[]) at = step(at, segment)
  return at
}

function step(at: unknown, segment: string): unknown {
  if (segment === '.') return at !== undefined
  const rest = segment.slice(2)
  if (segment.startsWith('f:')) return isRecord(at) ? at[rest] : undefined
  if (!Array.isArray(at)) return undefined
  return at.find((item) => matchesMember(item, segment))
}

function matchesMember(item: unknown, segment: string): boolean {
  const wanted: unknown = JSON.parse(segment.slice(2))
  if (segment.startsWith('v:')) return same(item, wanted)
  return isRecord(item) && Object.entries(wanted as object).every(([key, value]) => same(item[key], value))
}

/** Removes the field from a value that mergeValue made, copying what lies on the way. */
export function removePath(root: KubeObject, path: string): void {
  const segments = JSON.parse(path) as string[]
  const last = segments.at(-1) === '.' ? segments.at(-2)! : segments.at(-1)!
  const parents = segments.slice(0, segments.at(-1) === '.' ? -2 : -1)
  const chain: { holder: Record<string, unknown>; key: string }[] = []
  let at: Record<string, unknown> | unknown[] = root
  for (const segment of parents) {
    const next = step(at, segment)
    if (typeof next !== 'object' || next === null) return
    const copy = (Array.isArray(next) ? [...(next as unknown[])] : { ...next }) as Record<string, unknown> | unknown[]
    if (Array.isArray(at)) at[at.indexOf(next)] = copy
    else {
      at[segment.slice(2)] = copy
      chain.push({ holder: at, key: segment.slice(2) })
    }
    at = copy
  }
  if (Array.isArray(at)) {
    const index = at.findIndex((item) => matchesMember(item, last))
    if (index >= 0) at.splice(index, 1)
  } else delete at[last.slice(2)]
  // maps that applying made and that hold nothing any more go too
  for (const { holder, key } of chain.reverse()) {
    const child = holder[key]
    if (typeof child === 'object' && child !== null && Object.keys(child).length === 0 && key !== 'metadata')
      delete holder[key]
    else break
  }
}

/** @returns whether one of the paths is this one or lies below it */
export function covers(paths: Paths, path: string): boolean {
  if (paths.has(path)) return true
  const prefix = path.slice(0, -1)
  return [...paths].some((other) => other.startsWith(`${prefix},`))
}

export const subtract = (paths: Paths, ...removed: Paths[]): Paths =>
  new Set([...paths].filter((path) => !removed.some((set) => set.has(path))))

export function pathsOf(tree: FieldTree, at: readonly string[] = [], into: Paths = new Set()): Paths {
  const entries = Object.entries(tree)
  if (entries.length === 0 && at.length > 0) into.add(JSON.stringify(at))
  for (const [segment, child] of entries) pathsOf(child, [...at, segment], into)
  return into
}

export function treeOf(paths: Paths): FieldTree {
  const tree: FieldTree = {}
  for (const path of [...paths].sort()) {
    let at = tree
    for (const segment of JSON.parse(path) as string[]) at = at[segment] ??= {}
  }
  return tree
}

export const printPath = (path: string): string =>
  (JSON.parse(path) as string[])
    .filter((segment) => segment !== '.')
    .map((segment) => {
      if (segment.startsWith('f:')) return `.${segment.slice(2)}`
      if (segment.startsWith('v:')) return `[=${segment.slice(2)}]`
      const keys = Object.entries(JSON.parse(segment.slice(2)) as object)
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
    })
    .join('')
