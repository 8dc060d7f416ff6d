import { randomUUID } from 'node:crypto'
import { told } from '../outbox/told.ts'
import { statement } from '../driver/database.ts'
import { reencryptRows, unreadableIds } from '../driver/sealed-rows.ts'
import type { Reencrypted, SealedRows } from '../driver/sealed-rows.ts'
import { admitted } from '../people/standing.ts'
import { firstCodes, hashOf, isFirst, storeFactor } from './needs.ts'
import type { Enrolled, EnrolledRow, FactorNeeds, NewFactor } from './needs.ts'
import { deleteWrongCodes, lockOf } from './wrong-codes.ts'
import type { CodeLimits } from './wrong-codes.ts'

/** An authenticator app. */
export interface StoredApp {
  readonly id: string
  /** Base32, not encrypted: never log it. */
  readonly seed: string
}

export interface NewApp {
  readonly name: string
  readonly seed: string
  /** The time step of the code that proved it: it does not work again. */
  readonly lastStep: number
}

export interface Enrolment extends NewFactor {
  readonly app: NewApp
}

/** Authenticator apps. */
export interface Apps {
  /** @returns `lockedSeconds`: how long codes of this account are not accepted, 0 when they are */
  findApp(userId: string, limits: CodeLimits): Promise<{ app: StoredApp | undefined; lockedSeconds: number }>
  /** Uses the code of a time step, and forgets the wrong ones.
   *  @returns false when a code of this step or a later one was used before, or the account's codes are locked */
  consumeStep(use: { userId: string; id: string; step: number; limits: CodeLimits }): Promise<boolean>
  /** Stores an authenticator app that the person has proved, in the place of an earlier one.
   *  @returns the standing after it, and whether the recovery codes were stored; undefined when nothing was */
  enrolApp(enrolment: Enrolment): Promise<Enrolled | undefined>
  /** Encrypts again each seed that the current key of the ring does not encrypt. */
  reencrypt(): Promise<Reencrypted>
  /** The ids of the factors whose seed does not open. */
  unreadable(): Promise<string[]>
  /** How many seeds each key of the ring encrypts. */
  keysInUse(): Promise<{ keyId: string; seeds: number }[]>
}

const findApp = statement<AppRow>(
  'factor-find-app',
  `SELECT f.id, f.secret, f.encrypted_by,
     coalesce(ceil(extract(epoch FROM (${lockOf('$1::uuid', '$2')}) - clock_timestamp())), 0)::integer AS locked_seconds
   FROM (SELECT) one LEFT JOIN factors f ON f.user_id = $1::uuid AND f.kind = 'totp'`,
)
const useStep = statement(
  'factor-use-step',
  `WITH used AS (UPDATE factors SET last_step = $3::bigint, last_used_at = now()
     WHERE id = $2 AND user_id = $1::uuid AND last_step < $3::bigint AND NOT EXISTS (${lockOf('$1::uuid', '$4')}) RETURNING id),
   ${deleteWrongCodes('$1::uuid', 'EXISTS (SELECT FROM used)')}
   SELECT id FROM used`,
)
const enrolApp = statement<EnrolledRow>(
  'factor-enrol-app',
  `WITH person AS (${admitted()}),
   before AS (DELETE FROM factors WHERE user_id = (SELECT id FROM person) AND kind = 'totp' RETURNING id),
   new AS (INSERT INTO factors (id, user_id, kind, name, secret, encrypted_by, last_step)
     SELECT $3::uuid, p.id, 'totp', $4, $5::bytea, $6, $7::bigint FROM person p WHERE (SELECT count(*) FROM before) >= 0
     ON CONFLICT DO NOTHING RETURNING id, user_id),
   codes AS (${firstCodes('$8')}),
   ${told('new')}
   SELECT EXISTS (SELECT FROM codes) AS codes_stored, ${isFirst} AS is_first
   FROM person WHERE EXISTS (SELECT FROM new)`,
)
const seeds = statement<{ id: string; user_id: string; secret: Buffer; encrypted_by: string }>(
  'factor-seeds',
  `SELECT id, user_id, secret, encrypted_by FROM factors
   WHERE kind = 'totp' AND encrypted_by <> $2 AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT 500`,
)
const setSecret = statement(
  'factor-set-secret',
  'UPDATE factors SET secret = $2, encrypted_by = $3 WHERE id = $1 AND encrypted_by = $4',
)
const keysInUse = statement<{ key_id: string; seeds: number }>(
  'factor-keys-in-use',
  `SELECT encrypted_by AS key_id, count(*)::integer AS seeds FROM factors WHERE kind = 'totp' GROUP BY encrypted_by ORDER BY 1`,
)

type AppRow = { id: string | null; secret: Buffer; encrypted_by: string; locked_seconds: number }

export function createApps(needs: FactorNeeds): Apps {
  const { database, ring } = needs
  return {
    async findApp(userId, { perAccount }) {
      const [row] = await database.query(findApp, [userId, perAccount])
      const { id, secret, encrypted_by: keyId, locked_seconds: lockedSeconds } = row!
      if (id === null) return { app: undefined, lockedSeconds }
      return { app: { id, seed: ring.decrypt(secret, keyId, bindingOf(id, userId)).toString() }, lockedSeconds }
    },
    async consumeStep({ userId, id, step, limits }) {
      return (await database.query(useStep, [userId, id, step, limits.perAccount])).length === 1
    },
    enrolApp: (enrolment) => enrol(needs, enrolment),
    reencrypt: () => reencryptRows(ring, sealedSeeds(needs)),
    unreadable: () => unreadableIds(ring, sealedSeeds(needs)),
    async keysInUse() {
      const rows = await database.query(keysInUse)
      return rows.map(({ key_id: keyId, seeds }) => ({ keyId, seeds }))
    },
  }
}

async function enrol(needs: FactorNeeds, enrolment: Enrolment) {
  const { ring } = needs
  const { userId, app, recoveryCodes } = enrolment
  const id = randomUUID()
  const { box, keyId } = ring.encrypt(Buffer.from(app.seed), bindingOf(id, userId))
  const stored = [id, app.name, box, keyId, app.lastStep, recoveryCodes.map(hashOf)]
  const values = [userId, enrolment.standing, ...stored]
  return storeFactor(needs, enrolApp, values, enrolment)
}

const sealedSeeds = ({ database }: FactorNeeds): SealedRows => ({
  page: async (after, but) =>
    (await database.query(seeds, [after ?? null, but])).map((row) => ({
      id: row.id,
      box: row.secret,
      keyId: row.encrypted_by,
      boundTo: bindingOf(row.id, row.user_id),
    })),
  replace: async (row, box, keyId) => void (await database.query(setSecret, [row.id, box, keyId, row.keyId])),
})

/** What a seed is bound to: it does not open in another row, nor for another person. */
const bindingOf = (id: string, userId: string): string => `factors:${id}:${userId}:totp`
