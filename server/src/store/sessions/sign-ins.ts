// Writes the end of a sign-in in one statement and one commit: everything, or nothing.
import type { StoreChanges } from '../cache/changes.ts'
import type { Connection } from '../driver/database.ts'
import { finishStatement, tooManyGrants } from './finish-statement.ts'
import type { FinishWriting } from './finish-statement.ts'
import type { Finish } from './finish.ts'

export interface SignIns {
  /** @returns `done: false` when nothing was written: the interaction was answered or the device code decided before, or (`ended`) the person's sessions
   *  were ended since, or this one, or what the person had allowed for good */
  finish(finish: Finish): Promise<{ done: boolean; ended?: true }>
}

export function createSignIns(
  needs: Pick<FinishWriting, 'audit' | 'outbox'> & { database: Connection; changes: StoreChanges },
): SignIns {
  const { database, audit, outbox, changes } = needs
  return {
    async finish(finish) {
      const { statement, values } = finishStatement({ finish, audit, outbox })
      const [row] = await database.query(statement, values)
      if (row!.ended) return { done: false, ended: true }
      if (!row!.done) return { done: false }
      audit.lines(finish.audit)
      if (finish.grant && row!.crowded.length > 0) {
        await changes.report(...row!.crowded)
        audit.lines([tooManyGrants(finish.grant)])
      }
      return { done: true }
    },
  }
}
