// Evaluates the CEL rules of the CRDs: https://kubernetes.io/docs/reference/using-api/cel/. The one door to the CEL library.
import { Environment } from '@marcbachmann/cel-js'

type Program = (variables: { readonly self: unknown }) => unknown

/** RE2 matches code points, as the API server does. The library matches UTF-16 units, which is wrong beyond U+FFFF. */
const byCharacters = 'matchesByCharacters'
const environment = new Environment()
  .registerVariable('self', 'dyn')
  .registerFunction(`string.${byCharacters}(string): bool`, (value: string, pattern: string) =>
    new RegExp(pattern, 'u').test(value),
  )
/** Filled on first use: to parse all 90 rules takes 30 ms. */
const programs = new Map<string, Program>()

/** @returns whether a rule uses `oldSelf`, the value before an update */
export const isTransition = (rule: string): boolean => /\boldSelf\b/.test(rule)

/** @param self in the form of `toCel`
 *  @returns false also when the evaluation fails: the API server refuses then */
export function holds(rule: string, self: unknown): boolean {
  let program = programs.get(rule)
  if (!program) programs.set(rule, (program = environment.parse(rule.replaceAll('.matches(', `.${byCharacters}(`))))
  try {
    return program({ self }) === true
  } catch {
    return false
  }
}

/** Converts JSON to CEL values: whole numbers become `int`, and null is absent. Objects become maps, since the library misreads an object
 *  with the key `constructor`. */
export function toCel(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (Array.isArray(value)) return value.map(toCel)
  if (typeof value !== 'object' || value === null) return value
  const present = Object.entries(value).filter(([, child]) => child !== undefined && child !== null)
  return new Map(present.map(([key, child]) => [key, toCel(child)]))
}
