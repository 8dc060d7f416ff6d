// Tries something that everything waits for, with longer and longer waits, until it succeeds.
import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from './backoff.ts'
import { pause } from './clock.ts'
import type { Clock } from './clock.ts'

/** @param needs.failed what the log says of each failure
 *  @returns undefined when the signal has aborted */
export async function tryUntilDone<T>(
  attempt: () => Promise<T>,
  needs: { clock: Clock; random: () => number; log: Log; failed: string },
  signal: AbortSignal,
): Promise<T | undefined> {
  const { clock, random, log, failed } = needs
  const backoff = createBackoff({ baseMs: 800, capMs: 30_000, random })
  while (!signal.aborted) {
    try {
      return await attempt()
    } catch (error) {
      const retryMs = backoff.next()
      log.warn({ error, retry: `${Math.round(retryMs)}ms` }, failed)
      await pause(clock, retryMs, signal)
    }
  }
  return undefined
}
