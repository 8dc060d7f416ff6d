import type { Log } from '@nauthera/runtime/log'
import type { Clock } from '../time/clock.ts'
import type { ShardState } from './shard-state.ts'

/** So long may pass before people are told. Milliseconds. */
const toldAfterMs = 120_000

/** The manifest is written when it can name every shard.
 *  @returns looks what it waits for, and tells the log each time when that has been going on for long */
export function createManifestWait(about: {
  states: readonly Pick<ShardState, 'index' | 'whyUnnamed'>[]
  clock: Pick<Clock, 'monotonic'>
  log: Log
}): () => void {
  const { states, clock, log } = about
  let since: number | undefined
  return () => {
    const waits = states.flatMap((state) => {
      const why = state.whyUnnamed()
      return why === undefined ? [] : [{ shard: state.index, why }]
    })
    const now = clock.monotonic()
    since = waits.length === 0 ? undefined : (since ?? now)
    if (since === undefined || now - since < toldAfterMs) return
    for (const wait of waits) log.warn(wait, 'manifest waits for a shard')
  }
}
