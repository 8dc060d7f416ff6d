import { setTimeout } from 'node:timers/promises'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'

/** Milliseconds. */
const retryEvery = 1000
const sayEvery = 10_000

/** Repeats work that needs other parts, such as the database, until it succeeds or `signal` aborts. After a coded error it tries again,
 *  and logs the error now and then: waiting may not help. Any other error is thrown. */
export async function retryUntilDone(
  needs: { signal: AbortSignal; log: Log; everyMs?: number; now?: () => number },
  work: () => Promise<void>,
): Promise<void> {
  const { signal, log, everyMs = retryEvery, now = () => performance.now() } = needs
  let lastSaid = -Infinity
  while (!signal.aborted) {
    try {
      return await work()
    } catch (error) {
      if (!hasCode(error)) throw error
      if (now() - lastSaid >= sayEvery) {
        lastSaid = now()
        log.warn({ error }, 'not ready; trying again')
      }
      await pause(everyMs, signal)
    }
  }
}

/** Ends at once when the signal aborts, or has aborted before. */
const pause = (everyMs: number, signal: AbortSignal): Promise<void> =>
  setTimeout(everyMs, undefined, { signal }).catch(() => undefined)
