// Pushed authorization requests (RFC 9126) of clients that authenticate. A row names its request by a hash, and holds it encrypted: whoever
// reads the database learns neither a request_uri nor a state or nonce.
import { createHash } from 'node:crypto'
import type { KeyRing } from './envelope.ts'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export interface PushedRequests {
  /** @param request.id what the client gets
   *  @returns false when the client has too many open ones: nothing was stored */
  put(request: {
    id: string
    clientUid: string
    payload: Readonly<Record<string, unknown>>
    expiresAt: Date
  }): Promise<boolean>
  /** Begins the one interaction that it can begin.
   *  @returns the payload; undefined when it has begun one already, has expired, or is of another client */
  begin(id: string, clientUid: string): Promise<Readonly<Record<string, unknown>> | undefined>
  /** @returns the payload while it has not expired, for an interaction that it has begun */
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
const begin = statement(
  'pushed-request-begin',
  `WITH found AS (SELECT id, payload, expires_at FROM pushed_requests WHERE id = $1 AND client_uid = $2 AND expires_at > now()),
   mark AS (INSERT INTO one_time (kind, id, expires_at) SELECT 'begun', id, expires_at FROM found ON CONFLICT DO NOTHING RETURNING id)
   SELECT payload FROM found JOIN mark USING (id)`,
)
const find = statement(
  'pushed-request-find',
  'SELECT payload FROM pushed_requests WHERE id = $1 AND expires_at > now()',
)

/** The column `payload`. */
interface Encrypted {
  /** Base64. */
  readonly box: string
  readonly key: string
}

export function createPushedRequests(needs: {
  database: Connection
  ring: Pick<KeyRing, 'encrypt' | 'decrypt'>
  perClient?: number
}): PushedRequests {
  const { database, ring, perClient = pushedRequestsPerClient } = needs
  const open = (rowId: string, [row]: readonly { payload: Encrypted }[]) => {
    if (row === undefined) return undefined
    const plain = ring.decrypt(Buffer.from(row.payload.box, 'base64'), row.payload.key, boundTo(rowId))
    return JSON.parse(plain.toString()) as Record<string, unknown>
  }
  return {
    async put({ id, clientUid, payload, expiresAt }) {
      const rowId = rowIdOf(id)
      const { box, keyId } = ring.encrypt(Buffer.from(JSON.stringify(payload)), boundTo(rowId))
      const encrypted: Encrypted = { box: box.toString('base64'), key: keyId }
      const rows = await database.query(put, [rowId, clientUid, JSON.stringify(encrypted), expiresAt, perClient])
      return rows.length === 1
    },
    async begin(id, clientUid) {
      const rowId = rowIdOf(id)
      return open(rowId, await database.query(begin, [rowId, clientUid]))
    },
    async find(id) {
      const rowId = rowIdOf(id)
      return open(rowId, await database.query(find, [rowId]))
    },
  }
}

const rowIdOf = (id: string): string => createHash('sha256').update(id).digest('base64url')
const boundTo = (rowId: string): string => `pushed-request:${rowId}`
