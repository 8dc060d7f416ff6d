// A migrated database for one test file, and stores on it: each is a replica.
import { randomBytes, randomUUID } from 'node:crypto'
import { keptLog, quietLog } from '@nauthera/harness/kept-log'
import { Secret } from '@nauthera/runtime/secret'
import { migratedDatabase } from '@nauthera/harness/migrated-database'
import { parseDsn } from '../../src/store/driver/connection.ts'
import { createKeyRing } from '../../src/store/driver/envelope.ts'
import type { KeyEncryptionRing } from '../../src/store/driver/envelope.ts'
import { createDatabase } from '../../src/store/driver/postgres.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { DatabaseConnection } from '../../src/store/driver/address.ts'
import type { FamilyState } from '../../src/store/sessions/renewals.ts'
import { familyInsert, familyValues } from '../../src/store/tokens/grants.ts'
import type { NewFamily } from '../../src/store/tokens/grants.ts'
import { createStore } from '../../src/store/store.ts'
import type { Store } from '../../src/store/store.ts'

export interface FreshStore {
  readonly url: string
  readonly connection: DatabaseConnection
  /** Lines that the stores logged, as JSON. */
  readonly lines: string[]
  /** Another replica: it has its own pool on the same database. */
  replica(options?: { ring?: KeyEncryptionRing; poolMax?: number; sendsMail?: boolean }): Store
  stop(): Promise<void>
}

/** A database for one test file; the `before` that calls it needs up to 30 s. */
export async function freshStore(): Promise<FreshStore> {
  const database = await migratedDatabase()
  const connection = connectionOf(database.url)
  const { lines, log } = keptLog()
  const stores: Store[] = []
  return {
    url: database.url,
    connection,
    lines,
    replica({ ring = testRing, poolMax = 10, sendsMail = false } = {}) {
      const replica = `replica-${stores.length}`
      const store = createStore({
        database: createDatabase({ connection: { ...connection, poolMax, patience: 20 }, log }),
        ring,
        log,
        replica,
        auditSettings,
        sendsMail,
      })
      stores.push(store)
      return store
    },
    async stop() {
      await Promise.all(stores.map((store) => store.stop()))
      await database.drop()
    },
  }
}

/** A replica whose database does not answer. */
export function awayFrom({ connection }: FreshStore): Store {
  const database = createDatabase({ connection: { ...connection, port: 1 }, log: quietLog })
  return createStore({ database, ring: testRing, log: quietLog, replica: 'away', auditSettings })
}

const auditSettings = { machineTokens: 'counted', retention: 90 * 86_400_000 } as const

export const testRing = createKeyRing(new Map([['test', randomBytes(32)]]), 'test')

export const connectionOf = (url: string): DatabaseConnection => ({
  ...parseDsn(new Secret(url), 'disable'),
  poolMax: 10,
})

/** @returns a person's id, ready for grants and sessions */
export async function addPerson(
  store: Store,
  about: { passwordHash?: string; groups?: string[] } = {},
): Promise<{ id: string; username: string }> {
  const username = `person-${randomUUID().slice(0, 8)}`
  const user = await store.users.insert({ username, email: `${username}@example.test`, ...about })
  return { id: user.id, username }
}

const hour = 3_600_000

const begin = statement('test-begin-family', familyInsert('SELECT $grantId::text AS id'))

/** Begins the refresh family of a grant, whether it counts or not. */
export async function beginFamily(store: Store, grantId: string, ttl: Partial<NewFamily> = {}): Promise<void> {
  await store.database.query(begin, { grantId, ...familyValues({ idleTtlMs: hour, absoluteTtlMs: hour, ...ttl }) })
}

const family = statement<{ seq: number; rotated_at: Date; expires_at: Date }>(
  'test-family',
  `SELECT f.seq, f.rotated_at, f.expires_at FROM refresh_families f JOIN grants g ON g.id = f.grant_id
   WHERE g.id = $1 AND g.revoked_at IS NULL AND g.expires_at > now() AND f.revoked_at IS NULL AND f.expires_at > now()`,
)

/** @returns undefined unless it and its grant live */
export async function familyOf(store: Store, grantId: string): Promise<FamilyState | undefined> {
  const [row] = await store.database.query(family, [grantId])
  return row && { seq: row.seq, rotatedAt: row.rotated_at.getTime(), expiresAt: row.expires_at.getTime() }
}

export const inMs = (ms: number): Date => new Date(Date.now() + ms)
