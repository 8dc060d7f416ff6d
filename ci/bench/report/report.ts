// What was measured, by row, each run with the conditions under which it was: the one source of docs/measurements.md.
import { existsSync, readFileSync } from 'node:fs'
import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import type { Conditions } from './conditions.ts'
import { median } from './statistics.ts'

export interface Report {
  /** In the order of the rows. */
  readonly rows: Readonly<Record<string, MeasuredRow>>
}

export interface MeasuredRow {
  readonly title: string
  /** At least one. */
  readonly runs: readonly Run[]
}

export interface Run {
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

/** @returns each figure of a row: of several runs the median, by which the target is judged, and the lowest and the highest of
 *    them in the place of the spread of the rounds; of one run what it measured */
export function figuresOf({ runs }: MeasuredRow): Measurement[] {
  const byName = Map.groupBy(
    runs.flatMap(({ measurements }) => measurements),
    ({ name }) => name,
  )
  return [...byName.values()].map(figureOf)
}

function figureOf(measured: readonly Measurement[]): Measurement {
  const last = measured.at(-1)!
  if (measured.length === 1) return last
  const values = measured.map(({ value }) => value)
  const middle = median(values)
  const spread = { median: middle, low: Math.min(...values), high: Math.max(...values), rounds: values.length }
  return measurement({ ...last, value: middle, spread })
}
