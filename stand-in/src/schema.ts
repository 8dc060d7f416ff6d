// What the API server does with an object of a custom kind: drop or refuse what the schema does not declare, fill in defaults,
// check types and bounds, and then the CEL rules. The messages are worded as the API server's.
import type { ObjectSchema } from './objects.ts'
import { isRecord } from './objects.ts'
import type { Cause } from './refusals.ts'
import { childOf } from './schema/child-schema.ts'
import { checkRules } from './schema/rules.ts'
import { checkStructure } from './schema/structure.ts'

/** @returns the value without the fields that the schema does not declare, and the paths of these */
export function prune(value: unknown, schema: ObjectSchema | undefined): { pruned: unknown; unknown: string[] } {
  const unknown: string[] = []
  return { pruned: pruneAt(value, schema, '', unknown), unknown }
}

function pruneAt(value: unknown, schema: ObjectSchema | undefined, path: string, unknown: string[]): unknown {
  if (!schema) return value
  if (Array.isArray(value)) {
    return value.map((item, index) => pruneAt(item, schema.items, `${path}[${index}]`, unknown))
  }
  if (!isRecord(value)) return value
  const pruned: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`
    const isRoot = path === '' && ['apiVersion', 'kind', 'metadata'].includes(key)
    const declared = childOf(schema, key)
    if (isRoot) pruned[key] = child
    else if (declared) pruned[key] = pruneAt(child, declared, at, unknown)
    else if (schema['x-kubernetes-preserve-unknown-fields'] || schema.additionalProperties === true) pruned[key] = child
    else unknown.push(at)
  }
  return pruned
}

/** @returns the value with the schema's defaults where a field is absent (or null and not nullable) */
export function applyDefaults(value: unknown, schema: ObjectSchema | undefined): unknown {
  if (!schema) return value
  if (Array.isArray(value)) return value.map((item) => applyDefaults(item, schema.items))
  if (!isRecord(value)) return value
  const result: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(value)) {
    const declared = childOf(schema, key)
    if (child === null && declared && !declared.nullable && declared.default !== undefined) continue
    result[key] = applyDefaults(child, declared)
  }
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (result[key] === undefined && child.default !== undefined) {
      result[key] = applyDefaults(structuredClone(child.default), child)
    }
  }
  return result
}

/** @param old the object before an update: rules that speak of `oldSelf` hold then only
 *  @returns every fault; CEL rules are not evaluated while the structure is wrong */
export function validate(value: unknown, old: unknown, schema: ObjectSchema | undefined): Cause[] {
  if (!schema) return []
  const causes: Cause[] = []
  checkStructure(value, schema, '', causes)
  const before = causes.length
  if (before === 0) checkRules(value, old, schema, '', causes)
  else if (hasRules(schema)) {
    causes.push({
      reason: 'FieldValueInvalid',
      field: '<nil>',
      message:
        'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    })
  }
  return causes
}

const hasRules = (schema: ObjectSchema): boolean =>
  schema['x-kubernetes-validations'] !== undefined ||
  Object.values(schema.properties ?? {}).some(hasRules) ||
  (schema.items !== undefined && hasRules(schema.items)) ||
  (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties))
