// CEL rules that many fields share.
import { celMatches } from './cel-text.ts'
import type { ListRule, CelRule } from './schema.ts'

/** A text that matches a pattern, with a message instead of the API server's "should match '^...$'". */
export const matchesRule = (pattern: string, message: string): CelRule => ({
  rule: celMatches('self', pattern),
  message,
})

/** Every member of a list matches. The rule is on the member, so that a message names the entry. */
export const everyMatches = (pattern: string, message: string): ListRule => ({
  ...matchesRule(pattern, message),
  ofItem: true,
})

/** A map whose every key matches. */
export const keysMatch = (pattern: string, message: string): CelRule => ({
  rule: `self.all(k, ${celMatches('k', pattern)})`,
  message,
})

/** A map whose every value matches. */
export const valuesMatch = (pattern: string, message: string): CelRule => ({
  rule: `self.all(k, ${celMatches('self[k]', pattern)})`,
  message,
})

export const createAnother = 'delete this OIDCClient and create another'

/** A value that stays. It stands at the field: CEL reserves some names of fields, such as namespace, so no rule above can read them. */
export const neverChanges: CelRule = { rule: 'self == oldSelf', message: `cannot be changed; ${createAnother}` }

/** Field (a path below spec) -> message -> CEL rule. A rule stands below its message; prettier would join both into one long line. */
type RuleTable = Readonly<Record<string, Readonly<Record<string, string>>>>

export const rulesOf = (fields: RuleTable): readonly CelRule[] =>
  Object.entries(fields).flatMap(([field, rules]) =>
    Object.entries(rules).map(([message, rule]) => ({ rule, message, fieldPath: `.${field}` })),
  )

export const ofEach = (fields: readonly string[], rules: (field: string) => RuleTable[string]): RuleTable =>
  Object.fromEntries(fields.map((field) => [field, rules(field)]))

/** CEL: the field is absent. @param path below spec */
export const absent = (path: string): string =>
  path
    .split('.')
    .map((_, at, names) => `!has(self.${names.slice(0, at + 1).join('.')})`)
    .join(' || ')
