// JSON from outside: text -> unknown -> what it should be. A shape is a value, and the type follows from it.

export const isJsonRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The members of an object from outside. @returns none of what is no object */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (isJsonRecord(value) ? value : {})

/** A list from outside. @returns an empty one of what is no list */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** @returns the object without the fields that are undefined or null */
export function definedOf<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const defined: { [Name in keyof Fields]?: NonNullable<Fields[Name]> } = {}
  for (const name in fields) {
    const value = fields[name]
    if (value !== undefined && value !== null) defined[name] = value
  }
  return defined
}

export const isOneOf = <Word>(words: readonly Word[], value: unknown): value is Word =>
  words.some((word) => word === value)

/** @returns undefined for text that is no JSON, or no object */
export function parseJsonRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

interface Kinds {
  string: string
  number: number
  boolean: boolean
  strings: readonly string[]
  record: Readonly<Record<string, unknown>>
}

const is: { readonly [Kind in keyof Kinds]: (value: unknown) => boolean } = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  strings: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  record: isJsonRecord,
}

type Kind = keyof Kinds | JsonShape

type Value<Of> = Of extends keyof Kinds ? Kinds[Of] : Of extends JsonShape ? Shaped<Of> : never

/** What members an object has, each a kind or a shape in turn; `optional` ones may be left out. Others are not looked at. */
export interface JsonShape {
  readonly required?: Readonly<Record<string, Kind>>
  readonly optional?: Readonly<Record<string, Kind>>
}

export type Shaped<Shape extends JsonShape> = {
  readonly [Name in keyof Shape['required']]: Value<Shape['required'][Name]>
} & {
  readonly [Name in keyof Shape['optional']]?: Value<Shape['optional'][Name]> | undefined
}

export function hasShape<const Shape extends JsonShape>(value: unknown, shape: Shape): value is Shaped<Shape> {
  if (!isJsonRecord(value)) return false
  const { required = {}, optional = {} }: JsonShape = shape
  for (const name in required) if (!isOf(required[name]!, value[name])) return false
  for (const name in optional) if (value[name] !== undefined && !isOf(optional[name]!, value[name])) return false
  return true
}

const isOf = (kind: Kind, value: unknown): boolean =>
  typeof kind === 'string' ? is[kind](value) : hasShape(value, kind)
