import { existsSync, readFileSync } from 'node:fs'

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

/** @param files what the reporter wrote of each run; one that died wrote none, and its status says so
 *  @returns the plain line for all of them */
export function addUp(files: readonly string[]): string {
  const all = files.filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, 'utf8')) as Counts)
  const of = (name: keyof Counts) => all.reduce((sum, counts) => sum + counts[name], 0)
  return plainLine({ passes: of('passes'), failures: of('failures'), pending: of('pending') })
}
