import { argon2Sync, randomBytes } from 'node:crypto'
import { execute } from '@nauthera/local/programs/fresh-database'
import { password } from './our-clients.ts'

/** Writes people into the tables of a server, all with one password, and its hash is made once.
 *  @param options.cheapHash as the bundle of the server has it, so that no sign-in makes a new one
 *  @returns their user names */
export async function addPeople(
  url: string,
  { count, cheapHash }: { count: number; cheapHash: boolean },
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `person-${index}`)
  const passwordHash = hashOf(password, cheapHash ? { memory: 8, passes: 1 } : { memory: 19_456, passes: 2 })
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

/** A PHC string of argon2id. @param cost.memory KiB */
function hashOf(message: string, cost: { memory: number; passes: number }): string {
  const nonce = randomBytes(16)
  const tag = argon2Sync('argon2id', { message, nonce, parallelism: 1, tagLength: 32, ...cost })
  const [salt, hash] = [nonce, tag].map((bytes) => bytes.toString('base64').replace(/=+$/, ''))
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=1$${salt}$${hash}`
}

/** So many rows are made by one statement. */
const step = 50_000

/** Fills the tables of a server with people and with grants that are alive, of nobody who signs in. */
export async function fillTables(url: string, { people, grants }: { people: number; grants: number }): Promise<void> {
  const owners = Math.max(people, Math.min(1000, grants))
  for (let from = 1; from <= owners; from += step)
    await execute(url, fillPeople, [from, Math.min(from + step - 1, owners)])
  for (let from = 1; from <= grants; from += step)
    await execute(url, fillGrants, [from, Math.min(from + step - 1, grants), owners])
  // as autovacuum would have left them; and what was written is not flushed while something is measured
  for (const statement of ['VACUUM ANALYZE', 'CHECKPOINT']) await execute(url, statement)
}

const fillPeople = `INSERT INTO users (id, username, canonical_username, email, canonical_email, name)
  SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'user' || n, 'user' || n,
    'mail' || n || '@example.test', 'mail' || n || '@example.test', 'First' || n || ' Last' || n
  FROM generate_series($1::integer, $2::integer) n`

const fillGrants = `WITH made AS (
    INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, payload, expires_at)
    SELECT 'grant-' || n || '-' || md5(n::text), ('00000000-0000-4000-8000-' || lpad(to_hex(1 + n % $3::integer), 12, '0'))::uuid,
      'uid-bench.web', 'bench.web', md5('session' || n), '{"openid":{"scope":"openid email"}}', now() + interval '30 days'
    FROM generate_series($1::integer, $2::integer) n RETURNING id)
  INSERT INTO refresh_families (grant_id, rotated_at, expires_at, absolute_expires_at)
  SELECT id, now(), now() + interval '30 days', now() + interval '90 days' FROM made`
