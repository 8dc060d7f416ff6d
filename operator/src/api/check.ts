// Validates a value against a structural schema, with the messages of the API server. The operator does not rely on the API server's check.
import type { Fault } from '@nauthera/runtime/coded-error'
import { isJsonRecord } from '@nauthera/runtime/json'
import { holds, isTransition, toCel } from './cel.ts'
import type { JsonSchema } from './schema.ts'

/** `unknown` is a field that the schema does not have: the API server refuses it (strict) or drops it. */
export type FaultKind =
  'required' | 'type' | 'unsupported' | 'too-long' | 'too-many' | 'too-few' | 'range' | 'duplicate' | 'rule' | 'unknown'

export interface SchemaFault extends Fault {
  readonly kind: FaultKind
}

/** @param path of the value, for the faults
 *  @returns every fault. As in the API server, rules are skipped where the value has the wrong type. Transition rules are skipped: only
 *  the API server knows the old value */
export function checkValue(schema: JsonSchema, value: unknown, path = ''): readonly SchemaFault[] {
  const faults: SchemaFault[] = []
  checkShape(schema, value, path, faults)
  if (!faults.some(({ kind }) => blocking.has(kind))) checkRules(schema, toCel(value), path, faults)
  return faults
}

const blocking = new Set<FaultKind>(['required', 'type', 'too-long', 'too-many'])

function checkShape(schema: JsonSchema, value: unknown, path: string, faults: SchemaFault[]): void {
  const fault: AddFault = (kind, message, at = path) => {
    faults.push({ path: at, kind, message })
  }
  if (!hasType(schema, value)) {
    // For a number with a fraction, the API server's message names Go's types.
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
  if (isJsonRecord(value)) checkObject(schema, value, path, faults, fault)
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
    const id = JSON.stringify(
      keys && isJsonRecord(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item,
    )
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
    const property = propertyOf(schema, key)
    if (property) checkShape(property, item, schema.additionalProperties ? `${path}.${key}` : child(key), faults)
    else if (schema.properties && !schema['x-kubernetes-preserve-unknown-fields']) {
      fault('unknown', `unknown field "${child(key)}"`, child(key))
    }
  }
}

/** @param self as CEL sees it */
function checkRules(schema: JsonSchema, self: unknown, path: string, faults: SchemaFault[]): void {
  for (const { rule, message, fieldPath = '' } of schema['x-kubernetes-validations'] ?? []) {
    if (!isTransition(rule) && !holds(rule, self)) faults.push({ path: `${path}${fieldPath}`, kind: 'rule', message })
  }
  if (Array.isArray(self) && schema.items) {
    for (const [index, item] of self.entries()) checkRules(schema.items, item, `${path}[${index}]`, faults)
  }
  if (!(self instanceof Map)) return
  for (const [key, child] of self) {
    const property = propertyOf(schema, key)
    if (property) checkRules(property, child, path === '' ? key : `${path}.${key}`, faults)
  }
}

const propertyOf = (schema: JsonSchema, key: string): JsonSchema | undefined =>
  Object.hasOwn(schema.properties ?? {}, key) ? schema.properties![key] : schema.additionalProperties

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
      return isJsonRecord(value)
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
