// Writes the end of a sign-in in one statement and one commit: everything, or nothing.
import { inTransaction } from '../outbox/in-transaction.ts'
import type { Transactional } from '../outbox/in-transaction.ts'
import { endSessionWithin } from './devices.ts'
import { finishStatement, tooManyGrants } from './finish-statement.ts'
import type { FinishWriting } from './finish-statement.ts'
import type { Finish } from './finish.ts'

export interface SignIns {
  /** @returns `done: false` when nothing was written: the interaction was answered or the device code decided before, or (`ended`) the person's sessions
   *  were ended since, or this one, or what the person had allowed for good */
  finish(finish: Finish): Promise<Finished>
}

interface Finished {
  readonly done: boolean
  readonly ended?: true
}

type SignInNeeds = Transactional & Pick<FinishWriting, 'outbox'>

export const createSignIns = (needs: SignInNeeds): SignIns => ({
  async finish(finish) {
    const { leaves } = finish
    if (leaves === undefined) return await write(needs, finish)
    return await inTransaction(needs, async (bound) => {
      const finished = await write({ ...bound, outbox: needs.outbox }, finish)
      if (finished.done) await endSessionWithin(bound, leaves.sessionUid, leaves.audit)
      return finished
    })
  },
})

async function write({ database, audit, outbox, changes }: SignInNeeds, finish: Finish): Promise<Finished> {
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
}
