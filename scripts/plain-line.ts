/** What mocha counted. */
export interface Counts {
  readonly passes: number
  readonly failures: number
  readonly pending: number
}

/** @returns the one plain line that a run ends with */
export function plainLine({ passes, failures, pending }: Counts): string {
  return `${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`
}
