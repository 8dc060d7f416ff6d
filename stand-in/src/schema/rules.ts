// The CEL rules of a schema (x-kubernetes-validations).
import { Environment } from '@marcbachmann/cel-js'
import type { ObjectSchema, ValidationRule } from '../objects.ts'
import { isRecord, same } from '../objects.ts'
import type { Cause } from '../refusals.ts'
import { additionalOf, childOf } from './child-schema.ts'
import { show } from './structure.ts'

/** Evaluates every rule at every depth; `old` is the same place before an update. */
export function checkRules(value: unknown, old: unknown, schema: ObjectSchema, path: string, causes: Cause[]): void {
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
    // the very same value: see keptOf in verbs/admission.ts
    if (isRecord(child) && child === before) continue
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
  // the API server's expressions (RE2) go by characters, those of the library by halves of a character
  .registerFunction('string.matchesByCharacters(string): bool', (text: string, pattern: string) =>
    new RegExp(pattern, 'u').test(text),
  )

const parsed = new Map<string, Evaluate>()

const parse = (expression: string): Evaluate =>
  environment.parse(expression.replaceAll('.matches(', '.matchesByCharacters(')) as Evaluate

function evaluator(expression: string): Evaluate {
  let evaluate = parsed.get(expression)
  if (!evaluate) parsed.set(expression, (evaluate = parse(expression)))
  return evaluate
}

function checkRule(
  rule: ValidationRule,
  value: unknown,
  old: unknown,
  schema: ObjectSchema,
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
function toCel(value: unknown, schema: ObjectSchema | undefined): unknown {
  if (typeof value === 'number') {
    return schema?.type === 'number' || !Number.isInteger(value) ? value : BigInt(value)
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items))
  if (!isRecord(value)) return value
  // a map: the library takes an object with a key `constructor` for something else
  return new Map(Object.entries(value).map(([key, child]) => [key, toCel(child, childOf(schema, key))]))
}
