// How old something is that another replica may have made. Its clock may be a little ahead of ours.

/** Clocks of replicas and callers may differ by this much, in seconds. */
export const clockTolerance = 10

/** @param at and now: epoch milliseconds
 *  @returns milliseconds, 0 for a moment that is a little ahead; Infinity for one further ahead, which no clock that is right has said */
export function ageOf(at: number, now: number): number {
  const age = now - at
  return age < -clockTolerance * 1000 ? Infinity : Math.max(age, 0)
}
