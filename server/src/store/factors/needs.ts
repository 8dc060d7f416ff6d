// What the stores of second factors share.
import { createHash } from 'node:crypto'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { StoreChanges } from '../cache/changes.ts'
import type { KeyEncryptionRing } from '../driver/envelope.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { Transactional } from '../outbox/in-transaction.ts'
import { runTold, told } from '../outbox/told.ts'
import type { Told } from '../outbox/told.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { statement } from '../driver/database.ts'
import type { Connection, Database, Statement } from '../driver/database.ts'
import { moveStandingOf } from '../people/standing.ts'
import type { OtherSessions } from '../people/standing.ts'
import { isStrong } from '../people/upstream-identity.ts'
import type { UpstreamIdentity } from '../people/upstream-identity.ts'
import { hasWay } from '../people/ways.ts'

export interface FactorNeeds {
  readonly database: Database
  readonly ring: KeyEncryptionRing
  readonly audit: AuditRows
  readonly outbox: OutboxRows
  readonly changes: StoreChanges
}

/** What every new factor comes with. */
export interface NewFactor extends Told {
  readonly userId: string
  /** Nothing is stored when it has changed, or the person is disabled. */
  readonly standing: string
  /** Given to a person who has none that still works. */
  readonly recoveryCodes: readonly string[]
  readonly others?: OtherSessions | undefined
  /** Told where identities that were linked by the password alone go with the first factor. Undefined: the person keeps them. */
  readonly unlinked?: Told | undefined
  /** The identity of this very sign-in: it stays, as a first factor only. */
  readonly cameBy?: Pick<UpstreamIdentity, 'issuer' | 'subject'> | undefined
}

/** The standing after it, when that began, and whether the recovery codes were stored. */
export interface Enrolled {
  readonly standing: string
  readonly since: Date
  readonly codesStored: boolean
}

/** Changes how a person signs in, and does with the other sessions what was chosen, in one commit.
 *  @param change locks the person's row; it has a row where something was changed
 *  @returns that row, with the standing after it; undefined when nothing was changed */
export async function changeFactors<Row>(
  needs: Pick<FactorNeeds, 'database' | 'audit' | 'outbox' | 'changes'>,
  userId: string,
  others: OtherSessions | undefined | ((row: Row) => OtherSessions),
  change: (bound: Transactional & Pick<FactorNeeds, 'outbox'>) => Promise<readonly Row[]>,
): Promise<{ readonly row: Row; readonly standing: string; readonly since: Date } | undefined> {
  return await inTransaction(needs, async (bound) => {
    const [row] = await change({ ...bound, outbox: needs.outbox })
    if (row === undefined) return undefined
    const chosen = typeof others === 'function' ? others(row) : others
    const moved = await moveStandingOf(bound.database, userId, chosen)
    await bound.changes.report(userId)
    return { row, ...moved }
  })
}

/** SQL: recovery codes for whoever has none left, with a factor that the part `new` of the statement has inserted.
 *  @param hashes the parameter with their hashes */
export const firstCodes = (hashes: string): string =>
  `INSERT INTO recovery_codes (user_id, code_hash) SELECT n.user_id, hash FROM new n, unnest(${hashes}::bytea[]) hash
     WHERE NOT EXISTS (SELECT FROM recovery_codes c WHERE c.user_id = n.user_id AND c.used_at IS NULL) RETURNING user_id`

/** SQL, for a row `person` that the statement has locked: there was no factor before it. */
export const isFirst = 'NOT EXISTS (SELECT FROM factors f WHERE f.user_id = person.id)'

// whoever knew the password may have linked them; never the last way to sign in
const dropWeakLinks = statement(
  'factor-drop-weak-links',
  `WITH gone AS (DELETE FROM upstream_links l WHERE l.user_id = $1::uuid AND NOT ${isStrong}
     AND (l.issuer, l.subject) IS DISTINCT FROM ($2::text, $3::text)
     AND ${hasWay('l.user_id', { passkeys: 'true', links: 'o.is_strong' })} RETURNING l.user_id),
   ${told('gone')}
   SELECT DISTINCT user_id FROM gone`,
)

const weakenLinks = statement(
  'factor-weaken-links',
  `UPDATE upstream_links SET is_strong = false WHERE user_id = $1::uuid AND is_strong
     AND NOT EXISTS (SELECT FROM factors f WHERE f.user_id = $1::uuid)`,
)

/** After the last factor is gone, links that a second factor made strong count as made by the password: who knew it may have set up that factor.
 *  Call it after the statement that removes one, in the same transaction, with the person's row locked. */
export const weakenLinksOf = async (connection: Connection, userId: string): Promise<void> =>
  void (await connection.query(weakenLinks, [userId]))

export interface EnrolledRow {
  readonly codes_stored: boolean
  readonly is_first: boolean
}

/** Stores a new factor. @param enrol as `change` of `changeFactors` */
export async function storeFactor(
  needs: FactorNeeds,
  enrol: Statement<EnrolledRow>,
  values: readonly unknown[],
  { userId, others, unlinked, cameBy, ...about }: NewFactor,
): Promise<Enrolled | undefined> {
  const stored = await changeFactors(needs, userId, others, async (bound) => {
    const rows = await runTold(bound, enrol, values, about)
    const kept = [cameBy?.issuer ?? null, cameBy?.subject ?? null]
    if (rows[0]?.is_first && unlinked) await runTold(bound, dropWeakLinks, [userId, ...kept], unlinked)
    return rows
  })
  return stored && { standing: stored.standing, since: stored.since, codesStored: stored.row.codes_stored }
}

/** Of a recovery code. */
export const hashOf = (code: string): Buffer => createHash('sha256').update(code).digest()
