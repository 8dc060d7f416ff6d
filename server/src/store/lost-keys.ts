// The way out when a key-encryption key is lost for good, or a row is damaged: what it encrypted is of no use any more.
import { audited, runAudited } from './audit/audited.ts'
import type { AuditEvent } from './audit/audit-event.ts'
import type { AuditRows } from './audit/audit-rows.ts'
import { statement } from './driver/database.ts'
import type { Connection } from './driver/database.ts'
import type { Factors } from './factors/factors.ts'
import type { Outbox } from './outbox/outbox.ts'
import type { Keys, UnreadableKey } from './tokens/keys.ts'

/** What no key of the ring opens. */
export interface LostRows {
  readonly keys: readonly UnreadableKey[]
  /** Ids of authenticator apps, and of mails that wait. */
  readonly apps: readonly string[]
  readonly mails: readonly string[]
}

/** How many rows were deleted. */
export type GivenUp = Readonly<Record<keyof LostRows, number>>

const giveUp = statement<GivenUp>(
  'lost-keys-give-up',
  `WITH lost_keys AS (DELETE FROM keys WHERE id = ANY($1::text[]) RETURNING id),
   lost_apps AS (DELETE FROM factors WHERE id = ANY($2::uuid[]) RETURNING id, user_id),
   codes AS (DELETE FROM recovery_codes c WHERE c.user_id IN (SELECT user_id FROM lost_apps)
     AND NOT EXISTS (SELECT FROM factors f WHERE f.user_id = c.user_id AND f.id NOT IN (SELECT id FROM lost_apps))),
   weak AS (UPDATE upstream_links l SET is_strong = false WHERE l.is_strong AND l.user_id IN (SELECT user_id FROM lost_apps)
     AND NOT EXISTS (SELECT FROM factors f WHERE f.user_id = l.user_id AND f.id NOT IN (SELECT id FROM lost_apps))),
   lost_mails AS (DELETE FROM outbox WHERE id = ANY($3::uuid[]) AND done_at IS NULL RETURNING id),
   ${audited()}
   SELECT (SELECT count(*) FROM lost_keys)::integer AS keys, (SELECT count(*) FROM lost_apps)::integer AS apps,
     (SELECT count(*) FROM lost_mails)::integer AS mails`,
)

/** Looks at every row: an id that the ring has says nothing of its bytes. */
export async function findLost(stores: {
  readonly keys: Pick<Keys, 'list'>
  readonly factors: Pick<Factors, 'unreadable'>
  readonly outbox: Pick<Outbox, 'unreadable'>
}): Promise<LostRows> {
  return {
    keys: (await stores.keys.list()).unreadable,
    apps: await stores.factors.unreadable(),
    mails: await stores.outbox.unreadable(),
  }
}

/** Deletes these rows. Who has no second factor left then has no recovery codes, and no link that counts for two factors. Servers make new keys at their next look. */
export async function deleteLost(
  needs: { readonly database: Connection; readonly audit: AuditRows },
  { keys, apps, mails }: LostRows,
  events: readonly AuditEvent[],
): Promise<GivenUp> {
  const [given] = await runAudited(needs, giveUp, [keys.map(({ id }) => id), apps, mails], events)
  return given!
}
