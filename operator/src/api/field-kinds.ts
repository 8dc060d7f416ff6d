// Schemas of fields that several definitions share.
import type { Span } from '@nauthera/rules/limits'
import { durationPattern, durationText } from './duration.ts'
import { patterns } from './patterns.ts'
import { celMatches } from './cel-text.ts'
import { matchesRule } from './rule-kinds.ts'
import { integer, text, withRules } from './schema.ts'
import type { CelRule, Schema } from './schema.ts'

export const notPlain = 'must be plain text without control characters and invisible ones'

/** How many there are, in a status. */
export const count = (description: string) => integer(description, { minimum: 0, maximum: 1_000_000 })

/** @param of what is about that generation */
export const observedGeneration = (of: string) =>
  integer(`The generation of the object that ${of} is about.`, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const httpsUri = (description: string) =>
  text(description, {
    maxLength: 2048,
    rules: [
      matchesRule(patterns.httpsUri, 'must be an https URL without a fragment, such as https://app.example.com/path'),
    ],
  })

/** A redirect URI. Rules that depend on the type of the client are in client-rules.ts; a message of these names the entry. */
export const redirectUri = withRules(
  text('URI.', { maxLength: 2048 }),
  matchesRule(
    patterns.uriCharacters,
    'must be a whole URI without fragment (#), *, \\, space or quotes; encode them with %',
  ),
  matchesRule(
    patterns.namedHost,
    'must name a host and at most a port from 0 to 65535, such as https://app.example.com/callback',
  ),
  {
    rule: `!${celMatches('self', patterns.userinfo)}`,
    message: 'must have no user name before the host; remove what stands before the @',
  },
)

export const plainText = (description: string, maxLength: number) =>
  text(description, {
    maxLength,
    rules: [matchesRule(patterns.plainText, notPlain)],
  })

export const languageName = text('Language, such as de.', {
  maxLength: 3,
  rules: [matchesRule('^[a-z]{2,3}$', 'must be a language such as de')],
})

export const scopeName = (description: string) => text(description, { maxLength: 128, minLength: 1 })

/** An instant in RFC 3339 that people write. */
export const instant = (description: string) =>
  text(description, {
    maxLength: 40,
    rules: [matchesRule(patterns.time, 'must be a time such as 2027-01-31T00:00:00Z')],
  })

/** A duration within bounds, which the description then names. The pattern comes first: duration() of anything else is an
 *  error in CEL. */
export function timeSpan(description: string, span: Span): Schema<string> {
  const [least, most] = [durationText(span.least * 1000), durationText(span.most * 1000)]
  const within: CelRule = {
    rule: `size(self) > 0 && ${celMatches('self', durationPattern)} && duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
    message: `must be a duration from ${least} to ${most}, such as ${least} or ${most}`,
  }
  return text(`${description} ${least} to ${most}.`, { maxLength: 21, rules: [within] })
}
