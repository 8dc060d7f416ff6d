import { hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'

/** Milliseconds. */
const retryEvery = 1000
const sayEvery = 10_000

/** Repeats work that needs other parts, such as the database, until it succeeds or `signal` aborts. After a coded error it tries again,
 *  and logs the error now and then: waiting may not help. Any other error is thrown. */
export async function retryUntilDone(
  { signal, log }: { signal: AbortSignal; log: Log },
  work: () => Promise<void>,
): Promise<void> {
  let lastSaid = -Infinity
  while (!signal.aborted) {
    try {
      return await work()
    } catch (error) {
      if (!hasCode(error)) throw error
      if (performance.now() - lastSaid > sayEvery) {
        lastSaid = performance.now()
        log.warn({ error }, 'not ready; trying again')
      }
      await pause(signal)
    }
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, retryEvery)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
