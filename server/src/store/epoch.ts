// The store epoch. Sealed values carry it, and a restore from a backup raises it: what was sealed before is refused from then on, and what works
// once works no more.
import { audited, runAudited } from './audit/audited.ts'
import type { AuditEvent } from './audit/audit-event.ts'
import type { AuditRows } from './audit/audit-rows.ts'
import { statement } from './driver/database.ts'
import type { Connection } from './driver/database.ts'
import { endDevices } from './outbox/logouts.ts'

export interface Epoch {
  read(): Promise<number>
  /** Ends what was issued: sessions (their applications are told), grants, links of mails, recovery codes, mails that wait. Of a big
   *  database it takes minutes.
   *  @returns the new epoch: greater than the stored one, and at least the time in seconds, since a restored row may be old */
  raise(audit: readonly AuditEvent[]): Promise<number>
}

const read = statement<{ epoch: number }>('epoch-read', 'SELECT epoch FROM epoch', { batched: true })
/** What was used, ended or sent after the backup looks unused in it. */
const raise = statement<{ epoch: number }>(
  'epoch-raise',
  `WITH raised AS (UPDATE epoch SET epoch = greatest(epoch + 1, floor(extract(epoch FROM now()))::bigint), raised_at = now() RETURNING epoch),
   grants_ended AS (UPDATE grants SET revoked_at = now() WHERE revoked_at IS NULL),
   ${endDevices('expires_at > now()')},
   links_used AS (UPDATE mail_links SET used_at = now() WHERE used_at IS NULL),
   codes_used AS (UPDATE recovery_codes SET used_at = now() WHERE used_at IS NULL),
   mails_sent AS (UPDATE outbox SET done_at = now(), payload = ''::bytea WHERE done_at IS NULL AND kind <> 'backchannel-logout'),
   pushed AS (DELETE FROM pushed_requests),
   devices_waiting AS (DELETE FROM device_codes),
   desk_waiting AS (DELETE FROM desk_requests),
   ${audited()}
   SELECT epoch FROM raised`,
)

export function createEpoch(needs: { database: Connection; audit: AuditRows }): Epoch {
  return {
    read: async () => (await needs.database.query(read))[0]!.epoch,
    async raise(events) {
      const { epoch } = (await runAudited(needs, raise, [], events))[0]!
      return epoch
    },
  }
}
