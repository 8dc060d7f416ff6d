// The one door to CEL, in which the rules of the CRDs stand: https://kubernetes.io/docs/reference/using-api/cel/.
import { Environment } from '@marcbachmann/cel-js'

type Program = (variables: { readonly self: unknown }) => unknown

/** The API server's expressions (RE2) go by characters. Those of the library go by halves of a character, and know none beyond U+FFFF. */
const byCharacters = 'matchesByCharacters'
const environment = new Environment()
  .registerVariable('self', 'dyn')
  .registerFunction(`string.${byCharacters}(string): bool`, (value: string, pattern: string) =>
    new RegExp(pattern, 'u').test(value),
  )
/** Filled on first use: to parse all 90 rules takes 30 ms. */
const programs = new Map<string, Program>()

/** @returns whether a rule speaks of the value before an update, `oldSelf` */
export const isTransition = (rule: string): boolean => /\boldSelf\b/.test(rule)

/** @param self in the form of `toCel`
 *  @returns false also where the evaluation fails, as the API server then refuses */
export function holds(rule: string, self: unknown): boolean {
  let program = programs.get(rule)
  if (!program)
    programs.set(rule, (program = environment.parse(rule.replaceAll('.matches(', `.${byCharacters}(`)) as Program))
  try {
    return program({ self }) === true
  } catch {
    return false
  }
}

/** JSON as CEL sees it: whole numbers are `int`, and what is null is not there. Objects become maps, since the library takes
 *  an object with a key `constructor` for something else. */
export function toCel(value: unknown): unknown {
  if (Number.isInteger(value)) return BigInt(value as number)
  if (Array.isArray(value)) return value.map(toCel)
  if (typeof value !== 'object' || value === null) return value
  const present = Object.entries(value).filter(([, child]) => child !== undefined && child !== null)
  return new Map(present.map(([key, child]) => [key, toCel(child)]))
}
