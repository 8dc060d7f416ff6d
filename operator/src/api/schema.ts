// A structural schema as Kubernetes wants it, typed: one description gives the CRD, the CEL rules, the operator's own
// validation and the TypeScript type.

/** A rule in both tongues: CEL for the API server, `check` for the operator, which trusts no API server.
 *  A test runs every case through both. `message` says what to write instead. */
export interface Rule {
  readonly cel: string
  readonly message: string
  /** Where the fault is shown, relative to the schema that carries the rule: `.redirectURIs`. */
  readonly fieldPath?: string
  /** @param old the value before an update; a rule that uses it is skipped on creation */
  readonly check: (self: never, old: never) => boolean
  readonly transition?: boolean
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
  'x-kubernetes-validations'?: readonly Readonly<{ rule: string; message: string; fieldPath?: string }>[]
}

/** A schema of values of type T. `rules` stay beside the JSON, since a function cannot go into a CRD. */
export interface Schema<T> {
  readonly json: JsonSchema
  readonly rules: readonly Rule[]
  readonly properties?: Readonly<Record<string, Schema<unknown>>>
  readonly items?: Schema<unknown>
  /** Never set: carries the type. */
  readonly type?: T
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never

type Shape = Readonly<Record<string, Schema<unknown>>>
type Simplify<T> = { [K in keyof T]: T[K] }
type ObjectOf<R extends Shape, O extends Shape> = Simplify<
  { readonly [K in keyof R]: TypeOf<R[K]> } & { readonly [K in keyof O]?: TypeOf<O[K]> }
>

/** Binds a rule to the type of the value that carries it. */
export function rule<T>(
  cel: string,
  message: string,
  check: (self: T, old: T) => boolean,
  options: { fieldPath?: string; transition?: boolean } = {},
): Rule {
  return { cel, message, check: check as Rule['check'], ...options }
}

/** The same schema with further rules: for rules that need the type of what they stand on. */
export function withRules<T>(schema: Schema<T>, ...rules: Rule[]): Schema<T> {
  return { ...schema, rules: [...schema.rules, ...rules] }
}

export const text = (
  description: string,
  options: { maxLength: number; minLength?: number; default?: string; rules?: readonly Rule[] },
): Schema<string> => {
  const { rules = [], ...json } = options
  return { json: { type: 'string', description, ...json }, rules }
}

export const oneOf = <const V extends string>(
  description: string,
  values: readonly V[],
  options: { default?: V } = {},
): Schema<V> => ({ json: { type: 'string', description, enum: values, ...options }, rules: [] })

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
  options: { maxItems: number; minItems?: number; rules?: readonly Rule[] },
  kind: 'set' | 'atomic',
): Schema<readonly T[]> => {
  const { rules = [], ...json } = options
  return { json: { type: 'array', description, 'x-kubernetes-list-type': kind, ...json }, items, rules }
}

/** A list without doubles; several appliers may each own members. */
export const set = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; minItems?: number; rules?: readonly Rule[] },
): Schema<readonly T[]> => array(description, items, options, 'set')

/** A list that one applier owns as a whole. */
export const list = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; minItems?: number; rules?: readonly Rule[] },
): Schema<readonly T[]> => array(description, items, options, 'atomic')

/** A list whose members are known by a key. */
export const mapList = <T>(
  description: string,
  items: Schema<T>,
  options: { maxItems: number; keys: readonly (keyof T & string)[]; rules?: readonly Rule[] },
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
  options: { maxProperties: number; rules?: readonly Rule[] },
): Schema<Readonly<Record<string, T>>> => ({
  json: { type: 'object', description, maxProperties: options.maxProperties },
  items: values,
  rules: options.rules ?? [],
})

/** An object whose content somebody else defines, such as a JWK set. */
export const foreignObject = (
  description: string,
  options: { rules?: readonly Rule[] } = {},
): Schema<Readonly<Record<string, unknown>>> => ({
  json: { type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true },
  rules: options.rules ?? [],
})

export const object = <const R extends Shape, const O extends Shape>(
  description: string,
  required: R,
  optional: O,
  rules: readonly Rule[] = [],
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
  const validations = schema.rules.map(({ cel, message, fieldPath }) => ({
    rule: cel,
    message,
    ...(fieldPath === undefined ? {} : { fieldPath }),
  }))
  return {
    ...schema.json,
    ...(validations.length > 0 ? { 'x-kubernetes-validations': validations } : {}),
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
