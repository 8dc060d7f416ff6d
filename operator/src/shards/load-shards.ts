import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import type { Shards } from './shards.ts'

/** Reads the stored shards, with retries: nothing may be rendered before they are known.
 *  @returns false when the signal aborted */
export async function loadShards(
  shards: Pick<Shards, 'load'>,
  needs: { clock: Clock; random: () => number; log: Log },
  signal: AbortSignal,
): Promise<boolean> {
  const backoff = createBackoff({ baseMs: 800, capMs: 30_000, random: needs.random })
  while (!signal.aborted) {
    try {
      await shards.load()
      return !signal.aborted
    } catch (error) {
      const retryMs = backoff.next()
      needs.log.warn({ error, retry: `${Math.round(retryMs)}ms` }, 'shards not read')
      await pause(needs.clock, retryMs, signal)
    }
  }
  return false
}
