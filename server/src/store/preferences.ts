// What a person prefers, such as a language.
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export interface Preferences {
  readonly locale?: string
}

export interface PreferenceStore {
  find(userId: string): Promise<Preferences>
  set(userId: string, preferences: Preferences): Promise<void>
}

const find = statement('preference-find', 'SELECT preferences FROM preferences WHERE user_id = $1')
const set = statement(
  'preference-set',
  `INSERT INTO preferences (user_id, preferences) VALUES ($1, $2)
   ON CONFLICT (user_id) DO UPDATE SET preferences = excluded.preferences, updated_at = now()`,
)

export function createPreferences(needs: { database: Connection }): PreferenceStore {
  return {
    find: async (userId) =>
      (await needs.database.query<{ preferences: Preferences }>(find, [userId]))[0]?.preferences ?? {},
    set: async (userId, preferences) => {
      await needs.database.query(set, [userId, JSON.stringify(preferences)])
    },
  }
}
