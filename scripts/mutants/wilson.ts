// How sure a share of a random sample is.

/** The standard normal distribution has 95 % within so many deviations. */
const deviations = 1.96

/** @returns between how many percent the share in the whole lies, with 95 % confidence (Wilson, 1927) */
export function wilsonInterval(found: number, sample: number): readonly [number, number] {
  if (sample === 0) return [0, 100]
  const share = found / sample
  const square = deviations ** 2
  const centre = share + square / (2 * sample)
  const width = deviations * Math.sqrt((share * (1 - share)) / sample + square / (4 * sample ** 2))
  const whole = 1 + square / sample
  return [(100 * (centre - width)) / whole, (100 * (centre + width)) / whole]
}
