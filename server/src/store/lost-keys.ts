// The way out when a key-encryption key is lost for good: what it encrypted is of no use any more, and keeps servers from starting.
import { audited, runAudited } from './audit/audited.ts'
import type { AuditEvent } from './audit/audit-event.ts'
import type { AuditRows } from './audit/audit-rows.ts'
import { statement } from './driver/database.ts'
import type { Connection } from './driver/database.ts'

/** How many rows were deleted. */
export interface GivenUp {
  readonly keys: number
  readonly apps: number
  readonly mails: number
}

const isLost = (row: string) => `${row}.encrypted_by <> '' AND ${row}.encrypted_by <> ALL($1::text[])`
const giveUp = statement<GivenUp>(
  'lost-keys-give-up',
  `WITH lost_keys AS (DELETE FROM keys k WHERE ${isLost('k')} RETURNING id),
   lost_apps AS (DELETE FROM factors f WHERE ${isLost('f')} RETURNING id, user_id),
   codes AS (DELETE FROM recovery_codes c WHERE c.user_id IN (SELECT user_id FROM lost_apps)
     AND NOT EXISTS (SELECT FROM factors f WHERE f.user_id = c.user_id AND f.id NOT IN (SELECT id FROM lost_apps))),
   lost_mails AS (DELETE FROM outbox o WHERE o.done_at IS NULL AND ${isLost('o')} RETURNING id),
   ${audited()}
   SELECT (SELECT count(*) FROM lost_keys)::integer AS keys, (SELECT count(*) FROM lost_apps)::integer AS apps,
     (SELECT count(*) FROM lost_mails)::integer AS mails`,
)

/** Deletes signing keys, cookie keys, authenticator apps and waiting mails that no key of the ring opens.
 *  @param ringIds the keys that are there */
export async function deleteLost(
  needs: { readonly database: Connection; readonly audit: AuditRows },
  ringIds: readonly string[],
  events: readonly AuditEvent[],
): Promise<GivenUp> {
  const [given] = await runAudited(needs, giveUp, [ringIds], events)
  return given!
}
