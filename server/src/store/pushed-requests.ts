// Pushed authorization requests (RFC 9126). They are stored here; the one-time mark `par` uses them up.
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export interface PushedRequests {
  /** @returns false when the client has too many open ones: nothing was stored */
  put(request: {
    id: string
    clientUid: string
    payload: Readonly<Record<string, unknown>>
    expiresAt: Date
  }): Promise<boolean>
  /** @returns the payload while it has not expired */
  find(id: string): Promise<Readonly<Record<string, unknown>> | undefined>
}

/** Open requests of one client at most: more is a flood. */
const pushedRequestsPerClient = 10_000

const put = statement(
  'pushed-request-put',
  `INSERT INTO pushed_requests (id, client_uid, payload, expires_at) SELECT $1, $2, $3, $4
   WHERE (SELECT count(*) FROM (SELECT FROM pushed_requests WHERE client_uid = $2 AND expires_at > now() LIMIT $5) open) < $5
   ON CONFLICT DO NOTHING RETURNING id`,
)
const find = statement(
  'pushed-request-find',
  'SELECT payload FROM pushed_requests WHERE id = $1 AND expires_at > now()',
)

export function createPushedRequests(needs: { database: Connection; perClient?: number }): PushedRequests {
  const { database, perClient = pushedRequestsPerClient } = needs
  return {
    put: async ({ id, clientUid, payload, expiresAt }) =>
      (await database.query(put, [id, clientUid, JSON.stringify(payload), expiresAt, perClient])).length === 1,
    find: async (id) => (await database.query<{ payload: Record<string, unknown> }>(find, [id]))[0]?.payload,
  }
}
