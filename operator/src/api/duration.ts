// Parses and renders durations as Go writes them: `1h30m`.
import { matches, patterns } from './patterns.ts'

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 }

/** @param text hours, minutes and seconds as Go writes them: `720h`, `1h30m`, `90s`
 *  @returns milliseconds; undefined when it is no such duration */
export function durationMs(text: string): number | undefined {
  if (text === '' || !matches(text, patterns.duration)) return undefined
  return [...text.matchAll(/([0-9]+)([hms])/g)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (units[unit] ?? 0),
    0,
  )
}

/** @returns the shortest text of a duration: 5400000 -> `1h30m`. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const
  return (
    parts
      .filter(([amount]) => amount > 0)
      .map(([amount, unit]) => `${amount}${unit}`)
      .join('') || '0s'
  )
}
