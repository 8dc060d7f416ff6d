// Durations as Go writes them, such as `1h30m`: their pattern, parsed and rendered.

/** Hours, minutes and seconds; at least one of them. The bounds keep CEL's duration() from overflowing. */
export const durationPattern = '^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$'
const written = new RegExp(durationPattern, 'u')

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 }

/** @param text hours, minutes and seconds as Go writes them: `720h`, `1h30m`, `90s`
 *  @returns milliseconds; undefined when it is no such duration, or none was said */
export function durationMs(text: string | undefined): number | undefined {
  if (!text || !written.test(text)) return undefined
  return [...text.matchAll(/([0-9]{1,6})([hms])/g)].reduce(
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
