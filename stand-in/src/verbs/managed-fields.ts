// Server-side apply and who owns which field, as far as custom resources and simple built-in kinds need it: maps are merged
// field by field, lists as their `x-kubernetes-list-type` says (atomic when it says nothing).
import type { ObjectSchema, KubeObject, ManagedFieldsEntry } from '../objects.ts'
import { isRecord, same, without } from '../objects.ts'
import { Refusal } from '../refusals.ts'
import { childOf } from '../schema/child-schema.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'
import type { Paths } from './field-paths.ts'
import {
  collectPaths,
  covers,
  keysOf,
  pathsOf,
  printPath,
  readPath,
  removePath,
  subtract,
  treeOf,
} from './field-paths.ts'

const systemFields = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'managedFields',
  'selfLink',
])

/** Who writes. A manager that applies and one that updates are two owners even under one name. */
export interface Writer {
  readonly manager: string
  readonly subresource?: string
}

/** Merges an applied configuration into the live object.
 *  @returns the object with its managedFields; equal to `live` in everything else when nothing changes
 *  @throws Refusal 409 that names every field and its owner, unless `force` */
export function applyFields(
  resource: Resource,
  live: KubeObject | undefined,
  applied: KubeObject,
  writer: Writer & { force: boolean },
): KubeObject {
  const schema = schemaOf(resource)
  const wanted = collectPaths(strip(applied), schema)
  const entries = live?.metadata.managedFields ?? []
  const isOurs = (entry: ManagedFieldsEntry) =>
    entry.operation === 'Apply' && entry.manager === writer.manager && entry.subresource === writer.subresource
  const ours = entries.find(isOurs)
  const before = ours ? pathsOf(ours.fieldsV1) : new Set<string>()
  const others = entries.filter((entry) => entry !== ours).map((entry) => ({ entry, paths: pathsOf(entry.fieldsV1) }))

  const merged = live ? (mergeValue(live, strip(applied), schema) as KubeObject) : applied
  const differs = (path: string) => live !== undefined && !same(readPath(live, path), readPath(merged, path))
  const conflicts = others.flatMap(({ entry, paths }) =>
    [...wanted].filter((path) => paths.has(path) && differs(path)).map((path) => ({ entry, path })),
  )
  if (conflicts.length > 0 && !writer.force) throw applyConflict(conflicts)
  for (const { entry, path } of conflicts) others.find((other) => other.entry === entry)!.paths.delete(path)

  for (const path of before) {
    if (!wanted.has(path) && !others.some(({ paths }) => covers(paths, path))) removePath(merged, path)
  }
  const managedFields = [
    ...others.filter(({ paths }) => paths.size > 0).map(({ entry, paths }) => ({ ...entry, fieldsV1: treeOf(paths) })),
    entryOf(resource, writer, 'Apply', wanted, ours),
  ]
  return { ...merged, metadata: { ...merged.metadata, managedFields } }
}

/** Records who changed what in an ordinary write: the writer takes over each field that it changed. */
export function updateFields(
  resource: Resource,
  live: KubeObject | undefined,
  next: KubeObject,
  writer: Writer,
): KubeObject {
  const schema = schemaOf(resource)
  const after = collectPaths(strip(next), schema)
  const before = live ? collectPaths(strip(live), schema) : new Set<string>()
  const changed = new Set([...after].filter((path) => !live || !same(readPath(live, path), readPath(next, path))))
  const gone = new Set([...before].filter((path) => !after.has(path)))
  const entries = live?.metadata.managedFields ?? []
  const isOurs = (entry: ManagedFieldsEntry) =>
    entry.operation === 'Update' && entry.manager === writer.manager && entry.subresource === writer.subresource
  const ours = entries.find(isOurs)
  const managedFields = entries
    .filter((entry) => entry !== ours)
    .map((entry) => ({ entry, paths: subtract(pathsOf(entry.fieldsV1), changed, gone) }))
    .filter(({ paths }) => paths.size > 0)
    .map(({ entry, paths }) => ({ ...entry, fieldsV1: treeOf(paths) }))
  const kept = ours ? subtract(pathsOf(ours.fieldsV1), gone) : new Set<string>()
  const owned = new Set([...kept, ...changed])
  if (owned.size > 0) managedFields.push(entryOf(resource, writer, 'Update', owned, ours))
  return { ...next, metadata: { ...next.metadata, managedFields } }
}

/** @returns the first field of the value that the schema does not declare, as `.spec.typo` */
export function undeclaredField(value: unknown, schema: ObjectSchema | undefined, path = ''): string | undefined {
  if (!schema || schema['x-kubernetes-preserve-unknown-fields']) return undefined
  if (Array.isArray(value)) {
    return value.map((item, index) => undeclaredField(item, schema.items, `${path}[${index}]`)).find(Boolean)
  }
  if (!isRecord(value)) return undefined
  for (const [key, child] of Object.entries(value)) {
    const childSchema = childOf(schema, key)
    if (path === '' && ['apiVersion', 'kind', 'metadata'].includes(key)) continue
    if (!childSchema && schema.additionalProperties !== true) return `${path}.${key}`
    const found = undeclaredField(child, childSchema, `${path}.${key}`)
    if (found) return found
  }
  return undefined
}

const ownerReferences: ObjectSchema = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['uid'],
  items: { type: 'object' },
}

function schemaOf(resource: Resource): ObjectSchema {
  const schema: ObjectSchema = resource.schema ?? { type: 'object' }
  return {
    ...schema,
    properties: { ...schema.properties, metadata: { type: 'object', properties: { ownerReferences } } },
  }
}

/** The object without what the system writes itself. */
function strip(object: KubeObject): KubeObject {
  const rest = without(object, 'apiVersion', 'kind', 'metadata')
  const kept = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !systemFields.has(key)))
  return { ...rest, ...(Object.keys(kept).length > 0 ? { metadata: kept } : {}) } as KubeObject
}

/** @returns a new value: `applied` laid over `live` */
function mergeValue(live: unknown, applied: unknown, schema: ObjectSchema | undefined): unknown {
  if (isRecord(live) && isRecord(applied) && schema?.['x-kubernetes-map-type'] !== 'atomic') {
    const merged: Record<string, unknown> = { ...live }
    for (const [key, value] of Object.entries(applied)) merged[key] = mergeValue(live[key], value, childOf(schema, key))
    return merged
  }
  const type = schema?.['x-kubernetes-list-type']
  if (schema && Array.isArray(live) && Array.isArray(applied) && (type === 'set' || type === 'map')) {
    const keyOf = (item: unknown) => (type === 'map' && isRecord(item) ? keysOf(item, schema) : item)
    return mergeLists(live, applied, {
      isSame: (one, other) => same(keyOf(one), keyOf(other)),
      merge: (present, item) => mergeValue(present, item, schema.items),
    })
  }
  return structuredClone(applied)
}

/** @returns members of both in the order of `applied`; those of others stay before what followed them */
function mergeLists(
  live: readonly unknown[],
  applied: readonly unknown[],
  how: {
    readonly isSame: (one: unknown, other: unknown) => boolean
    readonly merge: (present: unknown, item: unknown) => unknown
  },
): unknown[] {
  const isApplied = (item: unknown) => applied.some((other) => how.isSame(item, other))
  const merged: unknown[] = []
  let next = 0
  const takeOthers = () => {
    for (; next < live.length && !isApplied(live[next]); next += 1) merged.push(live[next])
  }
  for (const item of applied) {
    takeOthers()
    const present = live.find((one) => how.isSame(one, item))
    merged.push(present === undefined ? structuredClone(item) : how.merge(present, item))
    if (present !== undefined) next = Math.max(next, live.indexOf(present) + 1)
  }
  return [...merged, ...live.slice(next).filter((item) => !isApplied(item))]
}

function entryOf(
  resource: Resource,
  writer: Writer,
  operation: 'Apply' | 'Update',
  paths: Paths,
  previous: ManagedFieldsEntry | undefined,
): ManagedFieldsEntry {
  const fieldsV1 = treeOf(paths)
  const unchanged = previous !== undefined && same(previous.fieldsV1, fieldsV1)
  return {
    manager: writer.manager,
    operation,
    apiVersion: groupVersion(resource),
    time: unchanged && previous.time ? previous.time : new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(writer.subresource === undefined ? {} : { subresource: writer.subresource }),
  }
}

function applyConflict(conflicts: readonly { entry: ManagedFieldsEntry; path: string }[]): Refusal {
  const describe = ({ manager, operation, apiVersion }: ManagedFieldsEntry) =>
    operation === 'Apply' ? `"${manager}"` : `"${manager}" using ${apiVersion}`
  const causes = conflicts.map(({ entry, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${describe(entry)}`,
    field: printPath(path),
  }))
  const lines = causes.map(({ message, field }) => `${message}: ${field}`)
  const text =
    lines.length === 1
      ? `Apply failed with 1 conflict: ${lines[0]}`
      : `Apply failed with ${lines.length} conflicts: ${lines.join('\n')}`
  return new Refusal(409, 'Conflict', text, { details: { causes } })
}
