import { setImmediate } from 'node:timers/promises'

/** The longest work without a pause for requests. Milliseconds. A pause costs about 20 us. */
const sliceMs = 1

/** Splits long work into slices, so that requests are answered meanwhile.
 *  @returns a function to call between two pieces of work: a promise at the end of a slice; otherwise undefined, which is cheaper than an
 *  await */
export function createSlices(): () => Promise<void> | undefined {
  let end = performance.now() + sliceMs
  return () =>
    performance.now() < end
      ? undefined
      : setImmediate().then(() => {
          end = performance.now() + sliceMs
        })
}
