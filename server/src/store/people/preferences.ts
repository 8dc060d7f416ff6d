// What a person prefers: the language of pages and mails, and the colours of pages. It is read with the person, never by itself.
import { isJsonRecord } from '@nauthera/runtime/json'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

export const colourSchemes = ['light', 'dark'] as const
export type ColourScheme = (typeof colourSchemes)[number]

/** What is undefined is as the browser says. */
export interface PersonalPreferences {
  /** Tag of a language that pages have, such as `de`. */
  readonly language?: string | undefined
  readonly colourScheme?: ColourScheme | undefined
}

export interface Preferences {
  /** Replaces what the person preferred. @returns false when nobody has this id */
  set(userId: string, preferences: PersonalPreferences, audit: readonly AuditEvent[]): Promise<boolean>
}

/** SQL: column `preferences` of a person u; null when they never chose. */
export const preferencesOf = `(SELECT p.preferences FROM preferences p WHERE p.user_id = u.id) AS preferences`

/** @param stored by this release or another one: what is not known here counts as not chosen */
export function readPreferences(stored: unknown): PersonalPreferences | undefined {
  if (!isJsonRecord(stored)) return undefined
  const { language, colourScheme } = stored
  return {
    language: typeof language === 'string' ? language : undefined,
    colourScheme: colourSchemes.find((one) => one === colourScheme),
  }
}

// a preference of a newer release stays
const set = statement(
  'preferences-set',
  `WITH kept AS (INSERT INTO preferences (user_id, preferences)
     SELECT id, jsonb_strip_nulls($2::jsonb) FROM users WHERE id = $1::uuid
     ON CONFLICT (user_id) DO UPDATE
       SET preferences = jsonb_strip_nulls(preferences.preferences || $2::jsonb), updated_at = now()
     RETURNING user_id),
   ${audited('kept')}
   SELECT user_id FROM kept`,
)

export const createPreferences = (needs: { database: Connection; audit: AuditRows }): Preferences => ({
  set: async (userId, { language = null, colourScheme = null }, events) =>
    (await runAudited(needs, set, [userId, JSON.stringify({ language, colourScheme })], events)).length === 1,
})
