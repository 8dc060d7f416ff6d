// Types and bounds: everything that a schema says without CEL.
import type { ObjectSchema } from '../objects.ts'
import { isRecord, same } from '../objects.ts'
import type { Cause } from '../refusals.ts'
import { childOf } from './child-schema.ts'

/** A value as the API server prints it in a message. */
export const show = (value: unknown): string =>
  isRecord(value) ? '"object"' : Array.isArray(value) ? '"array"' : JSON.stringify(value)

const typeName = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** Adds every fault of the value to `causes`. */
export function checkStructure(value: unknown, schema: ObjectSchema, path: string, causes: Cause[]): void {
  const field = path === '' ? '<nil>' : path
  const add = (reason: string, message: string, at = field) => void causes.push({ reason, message, field: at })
  const actual = typeName(value)
  if (value === null && schema.nullable) return
  const fits =
    schema.type === undefined ||
    schema.type === actual ||
    (schema.type === 'number' && actual === 'integer') ||
    (schema['x-kubernetes-int-or-string'] === true && (actual === 'integer' || actual === 'string'))
  if (!fits) {
    // for a number with a fraction the API server names Go's types
    const isFraction = schema.type === 'integer' && actual === 'number' && schema.format !== undefined
    const [wanted, given] = isFraction ? [schema.format, 'float64'] : [schema.type, actual]
    return add(
      'FieldValueTypeInvalid',
      `Invalid value: "${given}": ${field} in body must be of type ${wanted}: "${given}"`,
    )
  }
  if (schema.enum && !schema.enum.some((allowed) => same(allowed, value))) {
    const supported = schema.enum.map((allowed) => JSON.stringify(allowed)).join(', ')
    add('FieldValueNotSupported', `Unsupported value: ${show(value)}: supported values: ${supported}`)
  }
  if (typeof value === 'string') checkString(value, schema, field, add)
  if (typeof value === 'number') checkNumber(value, schema, field, add)
  if (Array.isArray(value)) checkArray(value, schema, path, causes, add)
  if (isRecord(value)) checkObject(value, schema, path, causes, add)
}

type Add = (reason: string, message: string, at?: string) => void

function checkString(value: string, schema: ObjectSchema, field: string, add: Add): void {
  const length = Array.from(value).length
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    add('FieldValueTooLong', `Too long: may not be more than ${schema.maxLength} bytes`)
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    add(
      'FieldValueInvalid',
      `Invalid value: ${show(value)}: ${field} in body should be at least ${schema.minLength} chars long`,
    )
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    add('FieldValueInvalid', `Invalid value: ${show(value)}: ${field} in body should match '${schema.pattern}'`)
  }
  const isDate = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/
  if (schema.format === 'date-time' && !isDate.test(value)) {
    add(
      'FieldValueInvalid',
      `Invalid value: ${show(value)}: ${field} in body must be of type date-time: ${show(value)}`,
    )
  }
}

function checkNumber(value: number, schema: ObjectSchema, field: string, add: Add): void {
  if (schema.minimum !== undefined && value < schema.minimum) {
    add(
      'FieldValueInvalid',
      `Invalid value: ${value}: ${field} in body should be greater than or equal to ${schema.minimum}`,
    )
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    add(
      'FieldValueInvalid',
      `Invalid value: ${value}: ${field} in body should be less than or equal to ${schema.maximum}`,
    )
  }
}

function checkArray(value: unknown[], schema: ObjectSchema, path: string, causes: Cause[], add: Add): void {
  const { maxItems, minItems = 0 } = schema
  if (maxItems !== undefined && value.length > maxItems) {
    add('FieldValueTooMany', `Too many: ${value.length}: must have at most ${maxItems} items`)
  }
  if (value.length < minItems) {
    add('FieldValueInvalid', `Invalid value: ${value.length}: ${path} in body should have at least ${minItems} items`)
  }
  const identity = (item: unknown): string => {
    const keys = schema['x-kubernetes-list-map-keys'] ?? []
    const isMember = schema['x-kubernetes-list-type'] === 'map' && isRecord(item)
    return JSON.stringify(isMember ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item)
  }
  const seen = new Set<string>()
  for (const [index, item] of value.entries()) {
    const at = `${path}[${index}]`
    const id = identity(item)
    if (schema['x-kubernetes-list-type'] !== 'atomic' && schema['x-kubernetes-list-type'] && seen.has(id)) {
      add('FieldValueDuplicate', `Duplicate value: ${isRecord(item) ? id : show(item)}`, at)
    }
    seen.add(id)
    if (schema.items) checkStructure(item, schema.items, at, causes)
  }
}

function checkObject(
  value: Record<string, unknown>,
  schema: ObjectSchema,
  path: string,
  causes: Cause[],
  add: Add,
): void {
  const join = (key: string) => (path === '' ? key : `${path}.${key}`)
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) add('FieldValueRequired', 'Required value', join(key))
  }
  const count = Object.keys(value).length
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    add('FieldValueTooMany', `Too many: ${count}: must have at most ${schema.maxProperties} items`)
  }
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    add(
      'FieldValueInvalid',
      `Invalid value: ${count}: ${path} in body should have at least ${schema.minProperties} properties`,
    )
  }
  for (const [key, child] of Object.entries(value)) {
    const declared = childOf(schema, key)
    if (declared) checkStructure(child, declared, join(key), causes)
  }
}
