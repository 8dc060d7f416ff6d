import type { Log } from '@nauthera/runtime/log'
import type { Clock } from '../time/clock.ts'

/** After this long the wait is logged. Milliseconds. */
const toldAfterMs = 120_000

/** Logs which shards the manifest waits for: it is written only when it can name every shard.
 *  @returns a function that checks the wait, and logs a long one */
export function createManifestWait(about: {
  states: readonly { readonly index: number; whyUnnamed(): string | undefined }[]
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
