// The store epoch. Sealed values carry it, and a restore from a backup raises it: what was sealed before is refused from then on.
import { auditInsert } from './audit/audit.ts'
import type { AuditEvent, AuditRows } from './audit/audit.ts'
import { statement } from './driver/postgres.ts'
import type { Connection } from './driver/postgres.ts'

export interface Epoch {
  read(): Promise<number>
  /** @returns the new epoch: greater than the stored one, and at least the time in seconds, since a restored row may be old */
  raise(audit: readonly AuditEvent[]): Promise<number>
}

const read = statement<{ epoch: number }>('epoch-read', 'SELECT epoch FROM epoch', { batched: true })
const raise = statement<{ epoch: number }>(
  'epoch-raise',
  `WITH raised AS (UPDATE epoch SET epoch = greatest(epoch + 1, extract(epoch FROM now())::bigint), raised_at = now() RETURNING epoch),
   written AS (${auditInsert('$1')})
   SELECT epoch FROM raised`,
)

export function createEpoch(needs: { database: Connection; audit: AuditRows }): Epoch {
  return {
    read: async () => (await needs.database.query(read))[0]!.epoch,
    async raise(events) {
      const { epoch } = (await needs.database.query(raise, [needs.audit.rows(events)]))[0]!
      needs.audit.lines(events)
      return epoch
    },
  }
}
