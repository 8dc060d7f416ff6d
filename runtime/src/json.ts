// JSON from outside: text -> unknown -> what it should be. A shape is a value, and the type follows from it.

export const isJsonRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
  strings: readonly string[]
  record: Readonly<Record<string, unknown>>
}

const is: { readonly [Kind in keyof Kinds]: (value: unknown) => boolean } = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  strings: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  record: isJsonRecord,
}

/** What members an object has; `optional` ones may be left out. Others are not looked at. */
export interface JsonShape {
  readonly required: Readonly<Record<string, keyof Kinds>>
  readonly optional?: Readonly<Record<string, keyof Kinds>>
}

type Shaped<Shape extends JsonShape> = {
  readonly [Name in keyof Shape['required']]: Kinds[Shape['required'][Name]]
} & {
  readonly [Name in keyof Shape['optional']]?: Shape['optional'][Name] extends keyof Kinds
    ? Kinds[Shape['optional'][Name]]
    : never
}

export function hasShape<const Shape extends JsonShape>(value: unknown, shape: Shape): value is Shaped<Shape> {
  if (!isJsonRecord(value)) return false
  for (const name in shape.required) if (!is[shape.required[name]!](value[name])) return false
  for (const name in shape.optional)
    if (value[name] !== undefined && !is[shape.optional[name]!](value[name])) return false
  return true
}
