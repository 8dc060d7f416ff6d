// Values and calls as they stand in a CEL rule.

/** @returns a CEL string literal */
export const celText = (value: string): string =>
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
export const celList = (values: readonly string[]): string => `[${values.map(celText).join(', ')}]`

/** @returns the CEL call that matches `target` against a pattern: `self.matches('^a$')`. */
export const celMatches = (target: string, pattern: string): string => `${target}.matches(${celText(pattern)})`

/** @returns CEL: each part of the path is there: `has(self.a) && has(self.a.b)` */
export const celHas = (target: string, path: string): string =>
  path
    .split('.')
    .map((_, at, names) => `has(${target}.${names.slice(0, at + 1).join('.')})`)
    .join(' && ')
