import { setTimeout as pause } from 'node:timers/promises'
import type { Outbox } from '../../src/store/outbox/outbox.ts'

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
export const outboxSettled = (outbox: Outbox): Promise<void> =>
  waitFor(async () => {
    const waiting = await outbox.waiting()
    return waiting === 0 ? undefined : `${waiting} rows of the outbox wait`
  })
