import { quantile } from '../../report.ts'
import type { Spread } from '../../report.ts'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
}

/** @throws Error when there is nothing, or something that is no number: a round that failed must not become a figure */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0 || !values.every(Number.isFinite))
    throw new Error(`no figure comes of [${values.join(', ')}]`)
  return {
    median: median(values),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    rounds: values.length,
  }
}

/** What each round says in units of what was measured beside it in the same round. */
export function inUnitsOf(values: readonly number[], units: readonly number[]): Spread {
  if (values.length !== units.length) throw new Error(`${values.length} rounds, but ${units.length} of the unit`)
  return spreadOf(values.map((value, round) => value / units[round]!))
}
