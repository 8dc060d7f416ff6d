// Which clients may do something for a person: what the person allowed for good, and what was granted and is still alive.
import { isDeepStrictEqual } from 'node:util'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

/** All that a person has allowed one client. */
export interface Authorization {
  readonly clientUid: string
  readonly clientId: string
  readonly since: Date
  readonly scopes: readonly string[]
  /** Scopes of APIs, by their identifier. */
  readonly resources: Readonly<Record<string, readonly string[]>>
  /** Authorization details (RFC 9396), by the identifier of their API. */
  readonly details: Readonly<Record<string, readonly StoredDetail[]>>
  /** The client keeps its access when the session ends (offline_access). */
  readonly offline: boolean
}

export interface StoredDetail {
  readonly type: string
  readonly [field: string]: unknown
}

export interface Authorizations {
  /** The newest first. */
  listOfUser(userId: string): Promise<Authorization[]>
}

const list = statement(
  'authorization-list',
  `SELECT coalesce(c.client_uid, g.client_uid) AS client_uid, coalesce(c.client_id, g.client_id) AS client_id,
     least(c.granted_at, g.since) AS since, coalesce(c.scopes, '{}') AS scopes, coalesce(c.payload, '{}') AS payload,
     coalesce(g.offline, false) AS offline, coalesce(g.payloads, '[]') AS payloads
   FROM (SELECT * FROM consents WHERE user_id = $1) c
   FULL JOIN (
     SELECT client_uid, max(client_id) AS client_id, min(created_at) AS since, bool_or(offline) AS offline, jsonb_agg(DISTINCT payload) AS payloads
     FROM grants WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
       AND NOT EXISTS (SELECT FROM grant_parents x WHERE x.grant_id = grants.id) GROUP BY client_uid
   ) g ON g.client_uid = c.client_uid
   ORDER BY since DESC, client_id`,
)

interface Row {
  readonly client_uid: string
  readonly client_id: string
  readonly since: Date
  readonly scopes: readonly string[]
  readonly payload: { readonly resources?: Readonly<Record<string, readonly string[]>> } & WithDetails
  readonly offline: boolean
  readonly payloads: readonly ({
    readonly openid?: { readonly scope?: string }
    readonly resources?: Readonly<Record<string, string>>
  } & WithDetails)[]
}

interface WithDetails {
  readonly authorizationDetails?: Authorization['details']
}

export function createAuthorizations(needs: { database: Connection }): Authorizations {
  return { listOfUser: async (userId) => (await needs.database.query<Row>(list, [userId])).map(authorizationOf) }
}

function authorizationOf(row: Row): Authorization {
  const granted = row.payloads.flatMap(({ openid }) => words(openid?.scope))
  const ofApis = [
    ...Object.entries(row.payload.resources ?? {}),
    ...row.payloads.flatMap(({ resources }) =>
      Object.entries(resources ?? {}).map(([api, scope]) => [api, words(scope)] as const),
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
    details: detailsOf([row.payload, ...row.payloads]),
    offline: row.offline,
  }
}

/** Each once: what is remembered is granted again and again. */
function detailsOf(payloads: readonly WithDetails[]): Authorization['details'] {
  const all = payloads.flatMap(({ authorizationDetails = {} }) =>
    Object.entries(authorizationDetails).flatMap(([api, ofApi]) => ofApi.map((detail) => ({ api, detail }))),
  )
  const once = all.filter((one, index) => !all.slice(0, index).some((other) => isDeepStrictEqual(one, other)))
  return Object.fromEntries(
    [...Map.groupBy(once, ({ api }) => api)].map(([api, ofApi]) => [api, ofApi.map(({ detail }) => detail)]),
  )
}

const words = (text: string | undefined): string[] => (text ?? '').split(' ').filter(Boolean)
