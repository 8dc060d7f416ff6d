import { Secret } from '@nauthera/runtime/secret'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import type { FreshDatabase } from '@nauthera/local/programs/fresh-database'
import { parseDsn } from '@nauthera/server/store/driver/connection'
import { migrateUp } from '@nauthera/server/store/migrate'

let template: Promise<string> | undefined

/** A new database with every table. The migrations run once in a process; each call gets a copy of what they made. */
export async function migratedDatabase(): Promise<FreshDatabase> {
  template ??= migrate().catch((error: unknown) => {
    // the next one tries again
    template = undefined
    throw error
  })
  return freshDatabase({ template: await template })
}

async function migrate(): Promise<string> {
  const { name, url } = await freshDatabase()
  await migrateUp({ ...parseDsn(new Secret(url), 'disable'), poolMax: 2 }, { log: () => undefined })
  return name
}
