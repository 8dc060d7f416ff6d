// Builds structural schemas: one description gives the CRD, its CEL rules, the operator's own validation and the TypeScript type.

/** A CEL rule. The API server evaluates it, and the operator does too (cel.ts). */
export interface CelRule {
  readonly rule: string
  /** What to write instead. */
  readonly message: string
  /** Where the fault is shown, relative to the schema that carries the rule: `.redirectURIs`. */
  readonly fieldPath?: string
}

/** A rule of a list; `ofItem` holds for each entry. */
export interface ListRule extends CelRule {
  readonly ofItem?: true
}

/** The part of OpenAPI v3 that a structural schema may use. */
export interface JsonSchema {
  type?: 'string' | 'integer' | 'boolean' | 'array' | 'object'
  description?: string
  default?: unknown
  enum?: readonly string[]
  format?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  maxProperties?: number
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: readonly string[]
  additionalProperties?: JsonSchema
  'x-kubernetes-list-type'?: 'set' | 'atomic' | 'map'
  'x-kubernetes-list-map-keys'?: readonly string[]
  'x-kubernetes-preserve-unknown-fields'?: true
  'x-kubernetes-validations'?: readonly CelRule[]
}

/** A schema of values of type T. */
export interface Schema<T> {
  readonly json: JsonSchema
  readonly rules: readonly CelRule[]
  readonly properties?: Readonly<Record<string, Schema<unknown>>>
  readonly items?: Schema<unknown>
  /** Never set; it carries the type. */
  readonly type?: T
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never

type Shape = Readonly<Record<string, Schema<unknown>>>
type Simplify<T> = { [K in keyof T]: T[K] }
type ObjectOf<R extends Shape, O extends Shape> = Simplify<
  { readonly [K in keyof R]: TypeOf<R[K]> } & { readonly [K in keyof O]?: TypeOf<O[K]> }
>

/** The same schema with further rules, which hold between its fields. */
export const withRules = <T>(schema: Schema<T>, ...rules: readonly CelRule[]): Schema<T> => ({
  ...schema,
  rules: [...schema.rules, ...rules],
})

export const text = (
  description: string,
  options: { maxLength: number; minLength?: number; default?: string; rules?: readonly CelRule[] },
): Schema<string> => {
  const { rules = [], ...json } = options
  return { json: { type: 'string', description, ...json }, rules }
}

export const oneOf = <const V extends string>(
  description: string,
  values: readonly V[],
  options: { default?: V } = {},
): Schema<V> => ({
  json: { type: 'string', description: withValues(description, values), enum: values, ...options },
  rules: [],
})

/** Adds the values to the description: older versions of `kubectl explain` show no enum, and none shows the enum of a list. */
function withValues(description: string, values: readonly string[]): string {
  const says = (value: string) => new RegExp(`\\b${value}\\b`).test(description)
  return values.every(says) ? description : `${description} One of: ${values.join(', ')}.`
}

export const flag = (description: string, options: { default?: boolean } = {}): Schema<boolean> => ({
  json: { type: 'boolean', description, ...options },
  rules: [],
})

export const integer = (description: string, options: { minimum: number; maximum: number }): Schema<number> => ({
  json: { type: 'integer', format: 'int64', description, ...options },
  rules: [],
})

/** RFC 3339, written by the operator. */
export const time = (description: string): Schema<string> => ({
  json: { type: 'string', format: 'date-time', description, maxLength: 40 },
  rules: [],
})

const array = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; minItems?: number; rules?: readonly ListRule[] },
  kind: 'set' | 'atomic',
): Schema<readonly T[]> => {
  const { rules = [], ...json } = options
  const said = withValues(description, items.json.enum ?? [])
  const ofItems = rules.flatMap(({ ofItem, ...rule }) => (ofItem === true ? [rule] : []))
  return {
    json: { type: 'array', description: said, 'x-kubernetes-list-type': kind, ...json },
    // a refusal then names the entry
    items: ofItems.length > 0 ? withRules(items, ...ofItems) : items,
    rules: rules.filter(({ ofItem }) => ofItem !== true),
  }
}

/** A set (`x-kubernetes-list-type: set`): several field managers may own members. */
export const set = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; minItems?: number; rules?: readonly ListRule[] },
): Schema<readonly T[]> => array(description, items, options, 'set')

/** An atomic list: one field manager owns it as a whole. */
export const list = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; minItems?: number; rules?: readonly ListRule[] },
): Schema<readonly T[]> => array(description, items, options, 'atomic')

/** A map list: a key identifies each member. */
export const mapList = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; keys: readonly (keyof T & string)[]; rules?: readonly CelRule[] },
): Schema<readonly T[]> => ({
  json: {
    type: 'array',
    description,
    maxItems: options.maxItems,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': options.keys,
  },
  items,
  rules: options.rules ?? [],
})

export const mapOf = <T>(
  description: string,
  values: Schema<T>,
  options: { maxProperties: number; rules?: readonly CelRule[] },
): Schema<Readonly<Record<string, T>>> => ({
  json: { type: 'object', description, maxProperties: options.maxProperties },
  items: values,
  rules: options.rules ?? [],
})

/** An object whose content somebody else defines, such as a JWK set. */
export const foreignObject = (description: string): Schema<Readonly<Record<string, unknown>>> => ({
  json: { type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true },
  rules: [],
})

export const object = <const R extends Shape, const O extends Shape>(
  description: string,
  required: R,
  optional: O,
  rules: readonly CelRule[] = [],
): Schema<ObjectOf<R, O>> => ({
  json: {
    type: 'object',
    description,
    ...(Object.keys(required).length > 0 ? { required: Object.keys(required) } : {}),
  },
  properties: { ...required, ...optional },
  rules,
})

/** @returns the schema as it stands in a CRD. */
export function renderSchema(schema: Schema<unknown>): JsonSchema {
  return {
    ...schema.json,
    ...(schema.rules.length > 0 ? { 'x-kubernetes-validations': schema.rules } : {}),
    ...(schema.properties
      ? {
          properties: Object.fromEntries(
            Object.entries(schema.properties).map(([key, child]) => [key, renderSchema(child)]),
          ),
        }
      : {}),
    ...(schema.items
      ? schema.json.type === 'array'
        ? { items: renderSchema(schema.items) }
        : { additionalProperties: renderSchema(schema.items) }
      : {}),
  }
}
