// Stored consents of people. Grants, one for each authorization, do not change it.
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { jsonColumn } from '../driver/json-column.ts'
import { statement } from '../driver/database.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { Transactional } from '../outbox/in-transaction.ts'
import { endGrants } from '../tokens/grants.ts'
import { holdPerson } from './hold-person.ts'

export interface Consent {
  readonly userId: string
  /** metadata.uid of the OIDCClient. */
  readonly clientUid: string
  readonly clientId: string
  readonly scopes: readonly string[]
  /** What else the person agreed to, such as claims and resources, in the caller's own shape. */
  readonly payload: Readonly<Record<string, unknown>>
  readonly grantedAt: Date
}

export interface Consents {
  find(userId: string, clientUid: string): Promise<Consent | undefined>
  /** Forgets the consent and revokes every grant (so every token) that this client has of this person.
   *  @returns whether there was one of them */
  revoke(userId: string, clientUid: string, audit: readonly AuditEvent[]): Promise<boolean>
}

const find = statement<ConsentRow>('consent-find', 'SELECT * FROM consents WHERE user_id = $1 AND client_uid = $2')
const revoke = statement(
  'consent-revoke',
  `WITH gone AS (DELETE FROM consents WHERE user_id = $1 AND client_uid = $2 RETURNING client_uid),
   ${endGrants('user_id = $1 AND client_uid = $2')},
   ended AS (SELECT FROM gone UNION ALL SELECT FROM revoked),
   ${audited('ended')}
   SELECT FROM ended LIMIT 1`,
)

export interface ConsentRow {
  readonly user_id: string
  readonly client_uid: string
  readonly client_id: string
  readonly scopes: string[]
  readonly payload: unknown
  readonly granted_at: Date | string
}

export function createConsents(needs: Transactional): Consents {
  const { database } = needs
  return {
    find: async (userId, clientUid) => (await database.query(find, [userId, clientUid])).map(consentOf)[0],
    revoke: (userId, clientUid, events) =>
      inTransaction(needs, async (bound) => {
        await bound.database.query(holdPerson, [userId])
        const ended = await runAudited(bound, revoke, [userId, clientUid], events)
        await bound.changes.report(userId)
        return ended.length === 1
      }),
  }
}

export const consentOf = (row: ConsentRow): Consent => ({
  userId: row.user_id,
  clientUid: row.client_uid,
  clientId: row.client_id,
  scopes: row.scopes,
  payload: jsonColumn(row.payload, 'consents', `${row.user_id} ${row.client_uid}`),
  grantedAt: new Date(row.granted_at),
})
