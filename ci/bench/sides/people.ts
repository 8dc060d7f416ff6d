import { hash } from '@node-rs/argon2'
import pgPromise from 'pg-promise'
import { password } from './our-clients.ts'

const connect = pgPromise({ noWarnings: true })

/** Writes people into the tables of a server, all with one password, and its hash is made once.
 *  @param options.cheapHash as the bundle of the server has it, so that no sign-in makes a new one
 *  @returns their user names */
export async function addPeople(
  url: string,
  { count, cheapHash }: { count: number; cheapHash: boolean },
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `person-${index}`)
  const passwordHash = await hash(password, {
    algorithm: 2,
    parallelism: 1,
    ...(cheapHash ? { memoryCost: 8, timeCost: 1 } : { memoryCost: 19_456, timeCost: 2 }),
  })
  await execute(
    url,
    `WITH made AS (
       INSERT INTO users (id, username, canonical_username, email, canonical_email, email_verified, name)
       SELECT gen_random_uuid(), name, name, name || '@example.com', name || '@example.com', true, 'Person Example'
       FROM unnest($1::text[]) name RETURNING id)
     INSERT INTO credentials (user_id, password_hash) SELECT id, $2 FROM made`,
    [names, passwordHash],
  )
  return names
}

/** Runs one statement as the owner of a database. */
export async function execute(url: string, statement: string, values: readonly unknown[] = []): Promise<unknown[]> {
  const database = connect({ connectionString: url, max: 1 })
  try {
    return await database.any(statement, [...values])
  } finally {
    await database.$pool.end()
  }
}
