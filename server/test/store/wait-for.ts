import { setTimeout as pause } from 'node:timers/promises'
import { statement } from '../../src/store/driver/database.ts'
import type { Outbox } from '../../src/store/outbox/outbox.ts'
import type { Store } from '../../src/store/store.ts'

/** Looks every 20 ms, so that who does the work gets a turn.
 *  @param lacks says what is still missing; undefined when nothing is
 *  @throws Error with what is missing after 50 s, before a test of a minute ends without a word */
export async function waitFor(lacks: () => Promise<string | undefined>): Promise<void> {
  const until = performance.now() + 50_000
  for (let missing = await lacks(); missing !== undefined; missing = await lacks()) {
    if (performance.now() > until) throw new Error(`after 50 s: ${missing}`)
    await pause(20)
  }
}

/** Until every row is settled. */
export const outboxSettled = (outbox: Pick<Outbox, 'waiting'>): Promise<void> =>
  waitFor(async () => {
    const waiting = await outbox.waiting()
    return waiting === 0 ? undefined : `${waiting} rows of the outbox wait`
  })

const waiting = statement(
  'test-waiting',
  `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
)

/** Until a statement waits for a row that another one holds. */
export const somebodyWaits = ({ database }: Pick<Store, 'database'>, count = 1): Promise<void> =>
  waitFor(async () => {
    const waiters = (await database.query(waiting)).length
    return waiters >= count ? undefined : `${waiters} wait for a row`
  })
