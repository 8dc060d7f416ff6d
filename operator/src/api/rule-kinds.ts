// The rules that many fields share.
import { durationMs } from './duration.ts'
import { celMatches, matches, patterns } from './patterns.ts'
import { rule } from './schema.ts'
import type { Rule } from './schema.ts'

/** A text that matches a pattern, with a message instead of the API server's "should match '^...$'". */
export const matchesRule = (pattern: string, message: string): Rule =>
  rule<string>(celMatches('self', pattern), message, (self) => matches(self, pattern))

/** A list whose every member matches. */
export const everyMatches = (pattern: string, message: string): Rule =>
  rule<readonly string[]>(`self.all(v, ${celMatches('v', pattern)})`, message, (self) =>
    self.every((value) => matches(value, pattern)),
  )

/** A map whose every key matches. */
export const keysMatch = (pattern: string, message: string): Rule =>
  rule<Readonly<Record<string, unknown>>>(`self.all(k, ${celMatches('k', pattern)})`, message, (self) =>
    Object.keys(self).every((key) => matches(key, pattern)),
  )

/** A duration within bounds, both included. The pattern comes first: duration() of anything else is an error in CEL. */
export const durationRule = (least: string, most: string): Rule =>
  rule<string>(
    `size(self) > 0 && ${celMatches('self', patterns.duration)} && duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
    `must be a duration from ${least} to ${most}, such as ${least} or ${most}`,
    (self) => {
      const value = durationMs(self)
      return value !== undefined && value >= durationMs(least)! && value <= durationMs(most)!
    },
  )
