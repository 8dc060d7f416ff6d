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
