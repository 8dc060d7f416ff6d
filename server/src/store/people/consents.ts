// Stored consents of people. Grants, one for each authorization, do not change it. What is agreed to in one tab is added to the row as it is: another tab may have
// added to it since, or the person may have taken it back and allowed less.
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
  /** What else the person agreed to: scopes of APIs (`resources`) and `authorizationDetails`, lists by the API's identifier. */
  readonly payload: Readonly<Record<string, unknown>>
  /** When the first of it was allowed, since it was taken back last. */
  readonly grantedAt: Date
}

/** What is agreed to now, to be added to what is stored. */
export interface AddedConsent extends Omit<Consent, 'grantedAt'> {
  /** Authorization details, lists by the API's identifier, in whose place others come. */
  readonly outdated?: Readonly<Record<string, readonly unknown[]>>
}

/** How many authorization details are remembered for one client; the oldest go. */
const mostRemembered = 50

/** SQL, in a conflict: the items of a list by API, of what was stored and of what comes. @param field of the payload */
const itemsOf = (field: string): string =>
  `(VALUES (0, consents.payload), (1, excluded.payload)) AS o (n, payload), jsonb_each(o.payload->'${field}') AS a, jsonb_array_elements(a.value) WITH ORDINALITY AS d (item, n)`
/** SQL: one list by API. @param items a query of api, item and place */
const byApi = (items: string): string =>
  `SELECT api, jsonb_agg(item ORDER BY place) AS list FROM (${items}) AS one GROUP BY api`

/** The statement that adds to a consent, with the parameters of `addedValues`. @param when SQL */
export const addConsent = (
  when: string,
): string => `INSERT INTO consents (user_id, client_uid, client_id, scopes, payload)
       SELECT $consentUser::uuid, $consentClientUid, $consentClientId, $scopes::text[], $consentPayload::jsonb WHERE ${when}
       ON CONFLICT (user_id, client_uid) DO UPDATE SET client_id = excluded.client_id,
         scopes = ARRAY(SELECT scope FROM unnest(consents.scopes || excluded.scopes) WITH ORDINALITY AS s (scope, n) GROUP BY scope ORDER BY min(n)),
         payload = jsonb_build_object('resources', coalesce((SELECT jsonb_object_agg(api, list) FROM (${byApi(
           `SELECT a.key AS api, d.item, min(ARRAY[o.n, d.n]) AS place FROM ${itemsOf('resources')} GROUP BY a.key, d.item`,
         )}) AS apis), '{}'))
         || coalesce((SELECT jsonb_build_object('authorizationDetails', jsonb_object_agg(api, list)) FROM (${byApi(
           `SELECT a.key AS api, d.item, max(ARRAY[o.n, d.n]) AS place FROM ${itemsOf('authorizationDetails')}
              WHERE o.n = 1 OR NOT EXISTS (SELECT FROM jsonb_array_elements($outdated::jsonb->a.key) AS x WHERE x = d.item)
              GROUP BY a.key, d.item ORDER BY place DESC LIMIT ${mostRemembered}`,
         )}) AS apis HAVING count(*) > 0), '{}')`

export const addedValues = ({ userId, clientUid, clientId, scopes, payload, outdated = {} }: AddedConsent) => ({
  consentUser: userId,
  consentClientUid: clientUid,
  consentClientId: clientId,
  scopes,
  consentPayload: JSON.stringify(payload),
  outdated: JSON.stringify(outdated),
})

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
