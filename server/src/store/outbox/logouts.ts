// Which applications are to be told that a session has ended (OpenID Connect Back-Channel Logout). Whatever ends sessions queues that in
// the same statement, for every client that they were used for: a client may name an address for it later than its people sign in.
import type { Shaped } from '@nauthera/runtime/json'
import type { WorkKind } from './outbox-rows.ts'

/** Work of the outbox: the use of a session by one client, which has ended. `sector` is that of the client in the newest of its grants of the
 *  session: empty when it had public subjects, absent where there is no grant. */
export const endedUse = {
  required: { clientUid: 'string', clientId: 'string', userId: 'string', sid: 'string' },
  optional: { sector: 'string' },
} as const
export type EndedUse = Shaped<typeof endedUse>

const kind: WorkKind = 'backchannel-logout'

/** Longer than most outages of an application, and shorter than the life of its own session. */
const giveUpAfter = '24 hours'

/** The part of a statement that queues what clients are to be told. It says nothing that `devices` does not, so it is not encrypted.
 *  @param ended the name of the part with the rows of `devices` that end */
export const logoutInsert = (ended: string): string =>
  `INSERT INTO outbox (id, kind, once_key, payload, encrypted_by, give_up_at)
     SELECT gen_random_uuid(), '${kind}', 'logout:' || e.session_uid || ':' || e.client_uid,
       convert_to(jsonb_strip_nulls(jsonb_build_object('clientUid', e.client_uid, 'clientId', e.client_id, 'userId', e.user_id, 'sid', e.sid,
         'sector', (SELECT coalesce(g.payload->>'sector', '') FROM grants g
           WHERE g.session_uid = e.session_uid AND g.client_uid = e.client_uid ORDER BY g.created_at DESC LIMIT 1)))::text, 'UTF8'),
       '', now() + interval '${giveUpAfter}'
     FROM ${ended} e WHERE e.client_uid <> ''
     ON CONFLICT (once_key) DO NOTHING`

/** Two parts of a statement: `ended`, the rows of `devices` whose session ends by it, and what their clients are to be told.
 *  @param where of devices: which sessions */
export const endDevices = (where: string): string =>
  `ended AS (UPDATE devices SET revoked_at = now() WHERE ${where} AND revoked_at IS NULL RETURNING *),
   logouts AS (${logoutInsert('ended')})`
