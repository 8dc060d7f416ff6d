// The last good answer of each document of a sector (OpenID Connect Core 1.0 section 8.1).
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

export interface SectorMembers {
  /** @returns what the document listed when it was read last; undefined when it never was */
  find(uri: string): Promise<readonly string[] | undefined>
  set(uri: string, members: readonly string[]): Promise<void>
}

const find = statement<{ members: string[] }>('sector-find', 'SELECT members FROM sector_documents WHERE uri = $1')
const put = statement(
  'sector-put',
  `INSERT INTO sector_documents (uri, members) VALUES ($1, $2)
   ON CONFLICT (uri) DO UPDATE SET members = excluded.members, read_at = now()`,
)

export function createSectorMembers({ database }: { database: Connection }): SectorMembers {
  return {
    find: async (uri) => (await database.query(find, [uri]))[0]?.members,
    set: async (uri, members) => void (await database.query(put, [uri, JSON.stringify(members)])),
  }
}
