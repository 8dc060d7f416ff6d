// Kinds of values that several parts of the settings have.
import { z } from '@nauthera/runtime/settings'
import { parseRanges } from '../address-ranges.ts'

export const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d{1,6}(ms|s|m|h|d)$/, 'must be a duration such as 10s, 5m, 24h or 30d')
    .default(fallback)
    .transform(parseDuration)

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `10s` -> milliseconds. */
function parseDuration(text: string): number {
  return Number.parseInt(text, 10) * unitMs[text.replace(/\d/g, '')]!
}

export const file = z.string().min(1)
export const listOf = (item: z.ZodType<string, string>) => z.array(item).max(100).default([])
export const hostName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?$/,
    'must be a host in lower case, such as nauthera.auth.svc or nauthera.auth.svc:8080',
  )
export const addressRange = z.string().superRefine((text, context) => {
  for (const message of proxyFaults(text)) context.addIssue({ code: 'custom', message })
})

function proxyFaults(text: string): string[] {
  if (parseRanges([text]) === undefined) return ['must be an address or a range, such as 10.0.0.0/8']
  if (/\/0+$/.test(text)) return ['would believe everybody; list your proxies, or set allowUntrustedProxy in its place']
  return []
}
export const webUrl = z
  .string()
  .max(2048)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an https URL')

export const word = z.string().min(1).max(200)

/** Of addresses that a source may vouch for: no domain is that of all. */
export const emailDomain = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/,
    'must be a domain in lower case, such as example.com',
  )

/** How groups of a source are renamed here; for directories and providers. */
export const groupNameSettings = {
  map: z
    .array(
      z.strictObject({
        from: word.describe('Name or id of the group there.'),
        to: word.describe('Name of the group here.'),
      }),
    )
    .max(500)
    .default([])
    .describe('Groups that have another name here: `from` is the name there, `to` the name here.'),
  prefix: z
    .string()
    .min(1)
    .max(50)
    .optional()
    .describe(
      'Groups that are not in the map are taken over under this prefix and their name; with only a map they are left out.',
    ),
}
