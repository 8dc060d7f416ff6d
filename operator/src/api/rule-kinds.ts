// The rules that many fields share.
import type { Span } from '@nauthera/rules/limits'
import { durationMs, durationText } from './duration.ts'
import { celMatches, matches, patterns } from './patterns.ts'
import { rule, text } from './schema.ts'
import type { Rule, Schema } from './schema.ts'

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

/** A duration within bounds, which the description then names. The pattern comes first: duration() of anything else is an
 *  error in CEL. */
export function timeSpan(description: string, span: Span): Schema<string> {
  const [least, most] = [durationText(span.least * 1000), durationText(span.most * 1000)]
  const within = rule<string>(
    `size(self) > 0 && ${celMatches('self', patterns.duration)} && duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
    `must be a duration from ${least} to ${most}, such as ${least} or ${most}`,
    (self) => {
      const value = durationMs(self)
      return value !== undefined && value >= span.least * 1000 && value <= span.most * 1000
    },
  )
  return text(`${description} ${least} to ${most}.`, { maxLength: 21, rules: [within] })
}
