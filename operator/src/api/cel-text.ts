// Values and calls as they stand in a CEL rule.

const quote = (value: string): string =>
  `'${value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replace(/[^ -~]/gu, escapeCharacter)}'`

/** Generated files have escapes in place of invisible characters. */
const escapeCharacter = (character: string): string => {
  const code = character.codePointAt(0)!.toString(16)
  return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`
}

/** @returns a CEL list of string literals: `['a', 'b']`. */
export const celList = (values: readonly string[]): string => `[${values.map(quote).join(', ')}]`

/** @returns the CEL call that matches `target` against a pattern: `self.matches('^a$')`. */
export const celMatches = (target: string, pattern: string): string => `${target}.matches(${quote(pattern)})`
