import { randomUUID } from 'node:crypto'
import { told } from '../outbox/told.ts'
import { statement } from '../driver/database.ts'
import { insertMark } from '../tokens/one-time.ts'
import { admitted, standing } from '../people/standing.ts'
import type { AsAdmitted } from '../people/standing.ts'
import { firstCodes, hashOf, isFirst, storeFactor } from './needs.ts'
import type { Enrolled, EnrolledRow, FactorNeeds, NewFactor } from './needs.ts'

/** A passkey, as it is checked. */
export interface StoredPasskey {
  readonly id: string
  readonly userId: string
  readonly credentialId: string
  /** COSE key. */
  readonly publicKey: Uint8Array
  readonly signCount: number
  readonly synced: boolean
}

export interface PasskeyEnrolment extends NewFactor {
  readonly passkey: Omit<StoredPasskey, 'id' | 'userId'> & {
    readonly name: string
    readonly transports: readonly string[]
  }
  /** Used up by it. */
  readonly challenge: { readonly id: string; readonly expiresAt: Date }
}

/** Of one person. */
export const mostPasskeys = 20

/** Passkeys (WebAuthn). */
export interface Passkeys {
  /** @param credentialId base64url */
  findPasskey(credentialId: string): Promise<StoredPasskey | undefined>
  credentialIds(userId: string): Promise<string[]>
  /** Uses a challenge up. @returns its owner, with the standing that it proves; undefined when it was used before, on any replica, or the passkey is gone */
  consumePasskey(use: {
    id: string
    signCount: number
    challenge: string
    expiresAt: Date
  }): Promise<AsAdmitted | undefined>
  /** Stores a passkey that the person has proved. @returns as `enrolApp`; undefined also when the passkey is known, its challenge was used, or the person
   *  has `mostPasskeys` */
  enrolPasskey(enrolment: PasskeyEnrolment): Promise<Enrolled | undefined>
}

const findPasskey = statement<PasskeyRow>(
  'factor-find-passkey',
  `SELECT id, user_id, credential_id, public_key, sign_count::float8 AS sign_count, synced FROM factors
   WHERE credential_id = $1 AND kind = 'passkey'`,
)
const credentialIds = statement<{ credential_id: string }>(
  'factor-credential-ids',
  `SELECT credential_id FROM factors WHERE user_id = $1 AND kind = 'passkey'`,
)
const markChallenge = (id: string, ends: string, from?: string) =>
  `mark AS (${insertMark({ kind: "'challenge'", id, ends, ...(from === undefined ? {} : { from }) })})`
const usePasskey = statement<{ id: string; standing: string }>(
  'factor-use-passkey',
  `WITH ${markChallenge('$3', '$4')}
   UPDATE factors f SET sign_count = $2::bigint, last_used_at = now() FROM users u
   WHERE f.id = $1 AND u.id = f.user_id AND EXISTS (SELECT FROM mark) RETURNING u.id, ${standing} AS standing`,
)
const enrolPasskey = statement<EnrolledRow>(
  'factor-enrol-passkey',
  `WITH person AS (${admitted(` AND (SELECT count(*) FROM factors f WHERE f.user_id = u.id AND f.kind = 'passkey') < ${mostPasskeys}`)}),
   ${markChallenge('$10', '$11', 'person')},
   new AS (INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced, transports)
     SELECT $3::uuid, p.id, 'passkey', $4, $5, $6::bytea, $7::bigint, $8::boolean, $9::text[] FROM person p, mark
     ON CONFLICT DO NOTHING RETURNING id, user_id),
   codes AS (${firstCodes('$12')}),
   ${told('new')}
   SELECT EXISTS (SELECT FROM codes) AS codes_stored, ${isFirst} AS is_first
   FROM person WHERE EXISTS (SELECT FROM new)`,
)

type PasskeyRow = {
  id: string
  user_id: string
  credential_id: string
  public_key: Buffer
  sign_count: number
  synced: boolean
}

export function createPasskeys(needs: FactorNeeds): Passkeys {
  const { database } = needs
  return {
    async findPasskey(credentialId) {
      return (await database.query(findPasskey, [credentialId])).map(passkeyOf)[0]
    },
    async credentialIds(userId) {
      const rows = await database.query(credentialIds, [userId])
      return rows.map((row) => row.credential_id)
    },
    async consumePasskey({ id, signCount, challenge, expiresAt }) {
      const [used] = await database.query(usePasskey, [id, signCount, challenge, expiresAt])
      return used && { userId: used.id, standing: used.standing }
    },
    enrolPasskey: (enrolment) => storePasskey(needs, enrolment),
  }
}

async function storePasskey(needs: FactorNeeds, enrolment: PasskeyEnrolment) {
  const { userId, passkey, challenge, recoveryCodes } = enrolment
  const { name, credentialId, publicKey, signCount, synced, transports } = passkey
  const stored = [randomUUID(), name, credentialId, Buffer.from(publicKey), signCount, synced, transports]
  const marked = [challenge.id, challenge.expiresAt, recoveryCodes.map(hashOf)]
  const values = [userId, enrolment.standing, ...stored, ...marked]
  return storeFactor(needs, enrolPasskey, values, enrolment)
}

const passkeyOf = (row: PasskeyRow): StoredPasskey => ({
  id: row.id,
  userId: row.user_id,
  credentialId: row.credential_id,
  publicKey: row.public_key,
  signCount: row.sign_count,
  synced: row.synced,
})
