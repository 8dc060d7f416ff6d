/** A field with a value that is taken and one that is refused, each put into the same object. */
export type FieldRow = readonly [
  path: string,
  good: unknown,
  bad: unknown,
  /** Why the bad value is refused: `spec.pkce: supported values: …`. */
  refusal: string,
  /** The test that shows that the field does something: its file, and a sentence there. */
  file: string,
  sentence: string,
  /** The rest of the spec. */
  around: object,
  /** Who refuses, where the API server cannot. */
  by?: 'operator',
]

/** @returns values as a refusal names them: `"one", "two"` */
export const named = (values: readonly string[]): string => values.map((value) => JSON.stringify(value)).join(', ')

/** @returns the spec with a value at a path such as `claims[].name`; of a list it is the first member */
export function withValue(around: object, path: string, value: unknown): Record<string, unknown> {
  const copy = structuredClone(around) as Record<string, unknown>
  const keys = path.replaceAll('[]', '.0').split('.')
  const last = keys.pop()!
  let at: Record<string, unknown> = copy
  for (const [index, key] of keys.entries()) {
    at[key] ??= keys[index + 1] === '0' ? [{}] : {}
    at = at[key] as Record<string, unknown>
  }
  at[last] = value
  return copy
}
