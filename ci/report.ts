// The one form of every report: `npm run bench -- --json`, e2e-report.json.

export interface Measurement {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What design and documents want to reach; null where nothing is promised. */
  readonly target: number | null
  readonly better: 'lower' | 'higher'
  /** Whether the target is reached; true where there is none. */
  readonly ok: boolean
  /** Of a median of several rounds. */
  readonly spread?: Spread
}

/** The middle half of the rounds lies between `low` and `high`. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly rounds: number
}

/** @param about.target null = reported only */
export function measurement(about: {
  name: string
  value: number
  unit: string
  target: number | null
  better?: 'lower' | 'higher'
  spread?: Spread
}): Measurement {
  const better = about.better ?? 'lower'
  const value = Math.round(about.value * 1000) / 1000
  const { target, spread } = about
  const ok = target === null || (better === 'lower' ? value <= target : value >= target)
  return { name: about.name, value, unit: about.unit, target, better, ok, ...(spread === undefined ? {} : { spread }) }
}

/** @returns the value that a share `q` (0 to 1) of the values does not exceed */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN
}

/** One line for people: `ok   chain.ready.p50.10  112 ms  (to reach: 500)`. */
export function describeMeasurement({ name, value, unit, target, better, ok }: Measurement): string {
  const sign = better === 'lower' ? '<=' : '>='
  const wanted = target === null ? '' : `  (to reach: ${sign} ${target})`
  return `${ok ? 'ok  ' : 'MISS'} ${name.padEnd(52)} ${String(value).padStart(10)} ${unit}${wanted}`
}
