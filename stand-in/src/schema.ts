import { Environment } from '@marcbachmann/cel-js'
import type { Cause, JsonSchema, ValidationRule } from './objects.ts'
import { isRecord } from './objects.ts'
import { same } from './managed-fields.ts'

// What the API server does with an object of a custom kind: drop or refuse what the schema does not declare, fill in defaults,
// check types and bounds, and then the CEL rules. The messages are worded as the API server's.

/** @returns the value without the fields that the schema does not declare, and the paths of these */
export function prune(value: unknown, schema: JsonSchema | undefined): { pruned: unknown; unknown: string[] } {
  const unknown: string[] = []
  return { pruned: pruneAt(value, schema, '', unknown), unknown }
}

function pruneAt(value: unknown, schema: JsonSchema | undefined, path: string, unknown: string[]): unknown {
  if (!schema) return value
  if (Array.isArray(value)) {
    return value.map((item, index) => pruneAt(item, schema.items, `${path}[${index}]`, unknown))
  }
  if (!isRecord(value)) return value
  const pruned: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`
    const isRoot = path === '' && ['apiVersion', 'kind', 'metadata'].includes(key)
    const declared = schema.properties?.[key] ?? additionalOf(schema)
    if (isRoot) pruned[key] = child
    else if (declared) pruned[key] = pruneAt(child, declared, at, unknown)
    else if (schema['x-kubernetes-preserve-unknown-fields'] || schema.additionalProperties === true) pruned[key] = child
    else unknown.push(at)
  }
  return pruned
}

/** @returns the value with the schema's defaults where a field is absent (or null and not nullable) */
export function applyDefaults(value: unknown, schema: JsonSchema | undefined): unknown {
  if (!schema) return value
  if (Array.isArray(value)) return value.map((item) => applyDefaults(item, schema.items))
  if (!isRecord(value)) return value
  const result: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(value)) {
    const declared = schema.properties?.[key] ?? additionalOf(schema)
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
export function validate(value: unknown, old: unknown, schema: JsonSchema | undefined): Cause[] {
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

const additionalOf = (schema: JsonSchema): JsonSchema | undefined =>
  typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined

const hasRules = (schema: JsonSchema): boolean =>
  schema['x-kubernetes-validations'] !== undefined ||
  Object.values(schema.properties ?? {}).some(hasRules) ||
  (schema.items !== undefined && hasRules(schema.items)) ||
  (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties))

const show = (value: unknown): string =>
  isRecord(value) ? '"object"' : Array.isArray(value) ? '"array"' : JSON.stringify(value)

const typeName = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function checkStructure(value: unknown, schema: JsonSchema, path: string, causes: Cause[]): void {
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
    // the API server speaks of Go's types when the number is one, but not a whole one
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

function checkString(value: string, schema: JsonSchema, field: string, add: Add): void {
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

function checkNumber(value: number, schema: JsonSchema, field: string, add: Add): void {
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

function checkArray(value: unknown[], schema: JsonSchema, path: string, causes: Cause[], add: Add): void {
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
  schema: JsonSchema,
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
    const declared = schema.properties?.[key]
    const additional = additionalOf(schema)
    if (declared) checkStructure(child, declared, join(key), causes)
    else if (additional) checkStructure(child, additional, join(key), causes)
  }
}

function checkRules(value: unknown, old: unknown, schema: JsonSchema, path: string, causes: Cause[]): void {
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    const cause = checkRule(rule, value, old, schema, path)
    if (cause) causes.push(cause)
  }
  if (Array.isArray(value) && schema.items) {
    const keys = schema['x-kubernetes-list-map-keys'] ?? []
    const isTwin = (a: unknown, b: unknown) => isRecord(a) && isRecord(b) && keys.every((key) => same(a[key], b[key]))
    for (const [index, item] of value.entries()) {
      const twin = keys.length > 0 && Array.isArray(old) ? old.find((other) => isTwin(item, other)) : undefined
      checkRules(item, twin, schema.items, `${path}[${index}]`, causes)
    }
  }
  if (!isRecord(value)) return
  for (const [key, child] of Object.entries(value)) {
    const declared = schema.properties?.[key]
    const additional = additionalOf(schema)
    const before = isRecord(old) ? old[key] : undefined
    if (declared) checkRules(child, before, declared, path === '' ? key : `${path}.${key}`, causes)
    else if (additional) checkRules(child, before, additional, `${path}[${key}]`, causes)
  }
}

type Evaluate = (variables: Record<string, unknown>) => unknown

const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false })
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn')
  .registerFunction('isURL(string): bool', (text: string) => URL.canParse(text))
  .registerFunction(
    'string.find(string): string',
    (text: string, pattern: string) => new RegExp(pattern, 'u').exec(text)?.[0] ?? '',
  )

const parsed = new Map<string, Evaluate>()

function evaluator(expression: string): Evaluate {
  let evaluate = parsed.get(expression)
  if (!evaluate) parsed.set(expression, (evaluate = environment.parse(expression) as Evaluate))
  return evaluate
}

function checkRule(
  rule: ValidationRule,
  value: unknown,
  old: unknown,
  schema: JsonSchema,
  path: string,
): Cause | undefined {
  const isTransition = /\boldSelf\b/.test(rule.rule)
  if (isTransition && old === undefined) return undefined
  const variables = { self: toCel(value, schema), ...(isTransition ? { oldSelf: toCel(old, schema) } : {}) }
  const field = `${path}${rule.fieldPath ?? ''}`.replace(/^\./, '') || '<nil>'
  const shown = `Invalid value: ${show(value)}`
  let message: string
  try {
    if (evaluator(rule.rule)(variables) === true) return undefined
    message = rule.message ?? `failed rule: ${rule.rule}`
    if (rule.messageExpression) message = String(evaluator(rule.messageExpression)(variables))
  } catch (error) {
    message = `rule evaluation error: ${rule.rule}: ${error instanceof Error ? error.message : String(error)}`
  }
  return { reason: rule.reason ?? 'FieldValueInvalid', field, message: `${shown}: ${message}` }
}

/** JSON -> what CEL sees: integers are int, undeclared fields are not there. */
function toCel(value: unknown, schema: JsonSchema | undefined): unknown {
  if (typeof value === 'number') {
    return schema?.type === 'number' || !Number.isInteger(value) ? value : BigInt(value)
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      toCel(child, schema?.properties?.[key] ?? (schema ? additionalOf(schema) : undefined)),
    ]),
  )
}
