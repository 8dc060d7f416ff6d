// What was measured, by row, each with the conditions under which it was: the one source of docs/measurements.md.
import { existsSync, readFileSync } from 'node:fs'
import type { Measurement } from '../../report.ts'
import type { Conditions } from './conditions.ts'

export interface Report {
  /** In the order of the rows. */
  readonly rows: Readonly<Record<string, MeasuredRow>>
}

export interface MeasuredRow {
  readonly title: string
  readonly conditions: Conditions
  readonly measurements: readonly Measurement[]
}

export function readReport(file: string): Report {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : { rows: {} }
}

/** What was measured anew takes the place of what was measured before; rows that are gone are left out.
 *  @param order the names of all rows */
export function mergeReports(before: Report, now: Report, order: readonly string[]): Report {
  const all = { ...before.rows, ...now.rows }
  return { rows: Object.fromEntries(order.flatMap((name) => (all[name] ? [[name, all[name]] as const] : []))) }
}
