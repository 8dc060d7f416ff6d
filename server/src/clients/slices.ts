import { setImmediate } from 'node:timers/promises'

/** Milliseconds of work at a stretch; then requests get their turn. A request waits for several turns, and to give one costs some 20 us. */
const sliceMs = 1

/** To be called between two pieces of a long work.
 *  @returns what is to be awaited when a slice is over; undefined within one, which costs less than an await */
export function createSlices(): () => Promise<void> | undefined {
  let end = performance.now() + sliceMs
  return () =>
    performance.now() < end
      ? undefined
      : setImmediate().then(() => {
          end = performance.now() + sliceMs
        })
}
