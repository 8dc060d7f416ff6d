// Checks a value against a structural schema in the words of the API server: the operator must not depend on it.
import type { Fault } from '@nauthera/runtime/coded-error'
import { renderSchema } from './schema.ts'
import type { JsonSchema, Rule, Schema } from './schema.ts'

/** `unknown` is a field that the schema does not have: the API server refuses it (strict) or drops it. */
export type FaultKind =
  'required' | 'type' | 'unsupported' | 'too-long' | 'too-many' | 'too-few' | 'range' | 'duplicate' | 'rule' | 'unknown'

export interface SchemaFault extends Fault {
  readonly kind: FaultKind
}

/** Evaluates the rules of one schema node. @param old undefined on creation */
export type RuleEvaluator = (node: JsonSchema, value: unknown, old: unknown, path: string) => readonly SchemaFault[]

/** @returns every fault of `value`; rules are skipped where the value has not even the right shape, as the API server does. */
export function checkValue(
  schema: JsonSchema,
  value: unknown,
  rules: RuleEvaluator,
  at: { path: string; old?: unknown } = { path: '' },
): readonly SchemaFault[] {
  const faults: SchemaFault[] = []
  checkShape(schema, value, at.path, faults)
  if (faults.some(({ kind }) => blocking.has(kind))) return faults
  checkRules(schema, value, at.old, at.path, rules, faults)
  return faults
}

const blocking = new Set<FaultKind>(['required', 'type', 'too-long', 'too-many'])

/** A schema whose rules run as TypeScript: what the operator trusts instead of the API server. */
export function nativeRules(schema: Schema<unknown>): { readonly json: JsonSchema; readonly evaluate: RuleEvaluator } {
  const byNode = new Map<JsonSchema, readonly Rule[]>()
  const json = renderSchema(schema)
  const index = (node: JsonSchema, source: Schema<unknown>): void => {
    if (source.rules.length > 0) byNode.set(node, source.rules)
    for (const [key, child] of Object.entries(source.properties ?? {})) index(node.properties![key]!, child)
    if (source.items) index((node.items ?? node.additionalProperties)!, source.items)
  }
  index(json, schema)
  return {
    json,
    evaluate: (node, value, old, path) =>
      (byNode.get(node) ?? [])
        .filter((rule) => !(rule.transition && old === undefined) && !rule.check(value as never, old as never))
        .map((rule) => ({ path: `${path}${rule.fieldPath ?? ''}`, kind: 'rule', message: rule.message })),
  }
}

function checkShape(schema: JsonSchema, value: unknown, path: string, faults: SchemaFault[]): void {
  const fault: AddFault = (kind, message, at = path) => {
    faults.push({ path: at, kind, message })
  }
  if (!hasType(schema, value)) {
    // The API server speaks of Go's types when the number is one, but not a whole one.
    const isFraction = schema.type === 'integer' && typeof value === 'number' && schema.format !== undefined
    const [wanted, given] = isFraction ? [schema.format, 'float64'] : [schema.type, typeName(value)]
    fault('type', `must be of type ${wanted}: "${given}"`)
    return
  }
  if (typeof value === 'string') {
    if (schema.enum && !schema.enum.includes(value)) {
      fault('unsupported', `supported values: ${schema.enum.map((one) => `"${one}"`).join(', ')}`)
    }
    if (schema.maxLength !== undefined && Array.from(value).length > schema.maxLength) {
      fault('too-long', `may not be more than ${schema.maxLength} bytes`)
    }
    if (schema.minLength !== undefined && value.length < schema.minLength) {
      fault('too-few', `should be at least ${schema.minLength} chars long`)
    }
  }
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum)
      fault('range', `should be greater than or equal to ${schema.minimum}`)
    if (schema.maximum !== undefined && value > schema.maximum)
      fault('range', `should be less than or equal to ${schema.maximum}`)
  }
  if (Array.isArray(value)) checkList(schema, value, path, faults, fault)
  if (isRecord(value)) checkObject(schema, value, path, faults, fault)
}

type AddFault = (kind: FaultKind, message: string, at?: string) => void

function checkList(
  schema: JsonSchema,
  value: readonly unknown[],
  path: string,
  faults: SchemaFault[],
  fault: AddFault,
): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    fault('too-many', `must have at most ${schema.maxItems} items`)
    return
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    fault('too-few', `should have at least ${schema.minItems} items`)
  }
  value.forEach((item, index) => {
    if (schema.items) checkShape(schema.items, item, `${path}[${index}]`, faults)
  })
  if (schema['x-kubernetes-list-type'] === 'atomic') return
  const keys = schema['x-kubernetes-list-map-keys']
  const seen = new Set<string>()
  value.forEach((item, index) => {
    const id = JSON.stringify(keys && isRecord(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item)
    if (seen.has(id)) fault('duplicate', `Duplicate value: ${id}`, `${path}[${index}]`)
    seen.add(id)
  })
}

function checkObject(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  path: string,
  faults: SchemaFault[],
  fault: AddFault,
): void {
  const child = (key: string): string => (path === '' ? key : `${path}.${key}`)
  for (const key of schema.required ?? []) {
    if (value[key] === undefined || value[key] === null) fault('required', 'Required value', child(key))
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null)
  if (schema.maxProperties !== undefined && entries.length > schema.maxProperties) {
    fault('too-many', `must have at most ${schema.maxProperties} items`)
    return
  }
  for (const [key, item] of entries) {
    const known = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties![key] : undefined
    const property = known ?? schema.additionalProperties
    if (property) checkShape(property, item, schema.additionalProperties ? `${path}.${key}` : child(key), faults)
    else if (schema.properties && !schema['x-kubernetes-preserve-unknown-fields']) {
      fault('unknown', `unknown field "${child(key)}"`, child(key))
    }
  }
}

function checkRules(
  schema: JsonSchema,
  value: unknown,
  old: unknown,
  path: string,
  rules: RuleEvaluator,
  faults: SchemaFault[],
): void {
  faults.push(...rules(schema, value, old, path))
  if (Array.isArray(value)) {
    if (schema.items)
      for (const [index, item] of value.entries())
        checkRules(schema.items, item, undefined, `${path}[${index}]`, rules, faults)
    return
  }
  if (!isRecord(value)) return
  const before = isRecord(old) ? old : {}
  for (const [key, item] of Object.entries(value)) {
    const known = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties![key] : undefined
    const property = known ?? schema.additionalProperties
    if (property && item !== undefined && item !== null) {
      checkRules(property, item, before[key], path === '' ? key : `${path}.${key}`, rules, faults)
    }
  }
}

function hasType(schema: JsonSchema, value: unknown): boolean {
  switch (schema.type) {
    case 'string':
      return typeof value === 'string'
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isSafeInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isRecord(value)
    default:
      return true
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
