// Which clients may do something for a person: what the person allowed for good, and what was granted and is still alive.
import { isOfSignIn } from './grants.ts'
import { isAliveRow } from './what-counts.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

/** All that a person has allowed one client. */
export interface Authorization {
  readonly clientUid: string
  readonly clientId: string
  readonly since: Date
  readonly scopes: readonly string[]
  /** Scopes of APIs, by their identifier. */
  readonly resources: Readonly<Record<string, readonly string[]>>
  /** Authorization details (RFC 9396), by the identifier of their API: each once, the newest first, and `mostDetails` of an API at most. */
  readonly details: Readonly<Record<string, readonly StoredDetail[]>>
  /** The client keeps its access when the session ends (offline_access). */
  readonly offline: boolean
}

export interface StoredDetail {
  readonly type: string
  readonly [field: string]: unknown
}

/** A client that may do something for a person. */
export type AuthorizedClient = Pick<Authorization, 'clientUid' | 'clientId'>

export interface Authorizations {
  /** A part of them, the newest first. */
  listOfUser(userId: string, part: { readonly skip: number; readonly limit: number }): Promise<Authorization[]>
  find(userId: string, clientUid: string): Promise<Authorization | undefined>
  /** All of them, without what they may do. */
  clientsOfUser(userId: string): Promise<AuthorizedClient[]>
}

/** Of one client at one API: it may have asked for many payments. */
export const mostDetails = 20

/** SQL: a row for each client of the person `$1`. */
const clients = `SELECT client_uid, (array_agg(client_id ORDER BY since DESC))[1] AS client_id, min(since) AS since, bool_or(offline) AS offline
   FROM (SELECT client_uid, client_id, granted_at AS since, false AS offline FROM consents WHERE user_id = $1
     UNION ALL SELECT client_uid, client_id, created_at, offline FROM grants
       WHERE user_id = $1 AND ${isAliveRow('grants')} AND ${isOfSignIn('grants')}) had`
const ordered = 'GROUP BY client_uid ORDER BY since DESC, client_id, client_uid'
const listClients = statement<Pick<Row, 'client_uid' | 'client_id'>>('authorization-clients', `${clients} ${ordered}`)

/** Merges what they may do: a client may have hundreds of grants, and payments in each. A server that did it would do nothing else meanwhile.
 *  @param chosen a query: which of `clients` */
const described = (chosen: string, details: string): string =>
  `WITH chosen AS (${chosen}),
   given AS (
     SELECT client_uid, granted_at AS at, true AS for_good, payload FROM consents JOIN chosen USING (client_uid) WHERE user_id = $1
     UNION ALL SELECT client_uid, created_at, false, payload FROM grants JOIN chosen USING (client_uid)
       WHERE user_id = $1 AND ${isAliveRow('grants')} AND ${isOfSignIn('grants')}),
   once AS (
     SELECT client_uid, api.key AS api, detail.value AS detail, max(at) AS newest,
       row_number() OVER (PARTITION BY client_uid, api.key ORDER BY max(at) DESC, detail.value) AS place
     FROM given, jsonb_each(payload->'authorizationDetails') api, jsonb_array_elements(api.value) detail GROUP BY client_uid, api.key, detail.value),
   details AS (
     SELECT client_uid, jsonb_object_agg(api, of_api) AS details
     FROM (SELECT client_uid, api, jsonb_agg(detail ORDER BY place) AS of_api FROM once WHERE place <= ${details} GROUP BY client_uid, api) by_api
     GROUP BY client_uid),
   payloads AS (
     SELECT client_uid, jsonb_agg(DISTINCT payload - 'authorizationDetails') AS payloads FROM given WHERE NOT for_good GROUP BY client_uid)
   SELECT chosen.client_uid, chosen.client_id, chosen.since, chosen.offline, coalesce(c.scopes, '{}') AS scopes,
     coalesce(c.payload->'resources', '{}') AS resources, coalesce(p.payloads, '[]') AS payloads, coalesce(d.details, '{}') AS details
   FROM chosen LEFT JOIN consents c ON c.user_id = $1 AND c.client_uid = chosen.client_uid
   LEFT JOIN payloads p ON p.client_uid = chosen.client_uid LEFT JOIN details d ON d.client_uid = chosen.client_uid
   ORDER BY chosen.since DESC, chosen.client_id, chosen.client_uid`
const list = statement<Row>('authorization-list', described(`${clients} ${ordered} OFFSET $2 LIMIT $3`, '$4'))
const find = statement<Row>('authorization-find', described(`${clients} WHERE client_uid = $2 ${ordered}`, '$3'))

interface Row {
  readonly client_uid: string
  readonly client_id: string
  readonly since: Date
  readonly offline: boolean
  readonly scopes: readonly string[]
  readonly resources: Readonly<Record<string, readonly string[]>>
  readonly payloads: readonly {
    readonly openid?: { readonly scope?: string }
    readonly resources?: Readonly<Record<string, string>>
  }[]
  readonly details: Authorization['details']
}

export function createAuthorizations({ database }: { database: Connection }): Authorizations {
  return {
    async listOfUser(userId, { skip, limit }) {
      return (await database.query(list, [userId, skip, limit, mostDetails])).map(authorizationOf)
    },
    find: async (userId, clientUid) =>
      (await database.query(find, [userId, clientUid, mostDetails])).map(authorizationOf)[0],
    clientsOfUser: async (userId) =>
      (await database.query(listClients, [userId])).map(({ client_uid, client_id }) => ({
        clientUid: client_uid,
        clientId: client_id,
      })),
  }
}

function authorizationOf(row: Row): Authorization {
  const granted = row.payloads.flatMap(({ openid }) => words(openid?.scope))
  const ofApis = [
    ...Object.entries(row.resources),
    ...row.payloads.flatMap(({ resources = {} }) =>
      Object.entries(resources).map(([api, scope]) => [api, words(scope)] as const),
    ),
  ]
  const byApi = Map.groupBy(ofApis, ([api]) => api)
  return {
    clientUid: row.client_uid,
    clientId: row.client_id,
    since: row.since,
    scopes: [...new Set([...row.scopes, ...granted])],
    resources: Object.fromEntries(
      [...byApi].map(([api, entries]) => [api, [...new Set(entries.flatMap(([, scopes]) => scopes))]]),
    ),
    details: row.details,
    offline: row.offline,
  }
}

const words = (text: string | undefined): string[] => (text ?? '').split(' ').filter(Boolean)
