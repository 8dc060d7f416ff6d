// Pushed authorization requests (RFC 9126) of clients that authenticate. A row names its request by a hash, and holds it encrypted: whoever
// reads the database learns neither a request_uri nor a state or nonce.
import { createHash } from 'node:crypto'
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { KeyEncryptionRing } from '../driver/envelope.ts'
import { insertMark } from './one-time.ts'
import { jsonColumn } from '../driver/json-column.ts'
import { fromNow, statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

export interface PushedRequests {
  /** @param request.id what the client gets
   *  @returns false when the client has too many open ones: nothing was stored */
  insert(request: {
    id: string
    clientUid: string
    payload: Readonly<Record<string, unknown>>
    /** Milliseconds. */
    lifeMs: number
  }): Promise<boolean>
  /** For an authorization that begins, as often as the person opens it.
   *  @returns the payload; undefined when it is spent, has expired, or is of another client */
  open(id: string, clientUid: string): Promise<Readonly<Record<string, unknown>> | undefined>
  /** @returns the payload while it has not expired, for an interaction that it has begun */
  find(id: string): Promise<Readonly<Record<string, unknown>> | undefined>
  /** Before it gives its code; also of a request that has no row here.
   *  @param forMs so many milliseconds it stays used up: longer than anybody may still show it
   *  @returns true for the first caller only */
  consume(id: string, forMs: number): Promise<boolean>
}

/** Open requests of one client at most: more is a flood. As many as the replicas have connections may pass it at one moment: to hold it exactly, all
 *  requests of a client would wait for one row. */
const pushedRequestsPerClient = 10_000

const put = statement(
  'pushed-request-put',
  `INSERT INTO pushed_requests (id, client_uid, payload, expires_at) SELECT $1, $2, $3::jsonb, ${fromNow('$4')}
   WHERE (SELECT count(*) FROM (SELECT FROM pushed_requests WHERE client_uid = $2 AND expires_at > now() LIMIT $5) open) < $5
   ON CONFLICT DO NOTHING RETURNING id`,
)
const open = statement<{ payload: unknown }>(
  'pushed-request-open',
  `SELECT payload FROM pushed_requests p WHERE id = $1 AND client_uid = $2 AND expires_at > now()
   AND NOT EXISTS (SELECT FROM one_time o WHERE o.kind = 'par' AND o.id = p.id)`,
)
const consume = statement('pushed-request-consume', insertMark({ kind: "'par'", id: '$1', ends: `(${fromNow('$2')})` }))
const find = statement<{ payload: unknown }>(
  'pushed-request-find',
  'SELECT payload FROM pushed_requests WHERE id = $1 AND expires_at > now()',
)

export function createPushedRequests(needs: {
  database: Connection
  ring: Pick<KeyEncryptionRing, 'encrypt' | 'decrypt'>
  perClient?: number
}): PushedRequests {
  const { database, ring, perClient = pushedRequestsPerClient } = needs
  const decrypt = (rowId: string, [row]: readonly { payload: unknown }[]) => {
    if (row === undefined) return undefined
    const { box, key } = jsonColumn(row.payload, 'pushed_requests', rowId)
    const plain = ring.decrypt(Buffer.from(String(box), 'base64'), String(key), boundTo(rowId))
    return jsonColumn(parseJsonRecord(plain.toString()), 'pushed_requests', rowId)
  }
  return {
    async insert({ id, clientUid, payload, lifeMs }) {
      const rowId = rowIdOf(id)
      const { box, keyId } = ring.encrypt(Buffer.from(JSON.stringify(payload)), boundTo(rowId))
      const encrypted = { box: box.toString('base64'), key: keyId }
      const rows = await database.query(put, [rowId, clientUid, JSON.stringify(encrypted), lifeMs, perClient])
      return rows.length === 1
    },
    async open(id, clientUid) {
      const rowId = rowIdOf(id)
      return decrypt(rowId, await database.query(open, [rowId, clientUid]))
    },
    async find(id) {
      const rowId = rowIdOf(id)
      return decrypt(rowId, await database.query(find, [rowId]))
    },
    consume: async (id, forMs) => (await database.query(consume, [rowIdOf(id), forMs])).length === 1,
  }
}

const rowIdOf = (id: string): string => createHash('sha256').update(id).digest('base64url')
const boundTo = (rowId: string): string => `pushed-request:${rowId}`
