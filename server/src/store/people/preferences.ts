// Keeps what a person prefers: the language of pages and mails, and the colours of pages. It is read with the person (user.ts).
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import type { PersonalPreferences } from './user.ts'

export interface Preferences {
  /** Replaces what the person preferred. @returns false when nobody has this id */
  set(userId: string, preferences: PersonalPreferences, audit: readonly AuditEvent[]): Promise<boolean>
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
