// The rules that many fields share.
import type { Span } from '@nauthera/rules/limits'
import { durationText } from './duration.ts'
import { celMatches, patterns } from './patterns.ts'
import { text } from './schema.ts'
import type { Rule, Schema } from './schema.ts'

/** A text that matches a pattern, with a message instead of the API server's "should match '^...$'". */
export const matchesRule = (pattern: string, message: string): Rule => ({ rule: celMatches('self', pattern), message })

/** A list whose every member matches. */
export const everyMatches = (pattern: string, message: string): Rule => ({
  rule: `self.all(v, ${celMatches('v', pattern)})`,
  message,
})

/** A map whose every key matches. */
export const keysMatch = (pattern: string, message: string): Rule => ({
  rule: `self.all(k, ${celMatches('k', pattern)})`,
  message,
})

/** A map whose every value matches. */
export const valuesMatch = (pattern: string, message: string): Rule => ({
  rule: `self.all(k, ${celMatches('self[k]', pattern)})`,
  message,
})

/** A duration within bounds, which the description then names. The pattern comes first: duration() of anything else is an
 *  error in CEL. */
export function timeSpan(description: string, span: Span): Schema<string> {
  const [least, most] = [durationText(span.least * 1000), durationText(span.most * 1000)]
  const within: Rule = {
    rule: `size(self) > 0 && ${celMatches('self', patterns.duration)} && duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
    message: `must be a duration from ${least} to ${most}, such as ${least} or ${most}`,
  }
  return text(`${description} ${least} to ${most}.`, { maxLength: 21, rules: [within] })
}
