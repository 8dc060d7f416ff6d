import { expect } from 'chai'
import fc from 'fast-check'
import { durationMs, durationText } from '../../src/api/duration.ts'

describe('durationMs', () => {
  const table: readonly [string, number | undefined][] = [
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['90s', 90_000],
    ['0s', 0],
    ['', undefined],
    ['1d', undefined],
    ['-1h', undefined],
    ['1.5h', undefined],
    ['30m1h', undefined],
    ['1 h', undefined],
    ['9999999h', undefined],
  ]
  for (const [duration, ms] of table) {
    it(`${JSON.stringify(duration)} is ${ms ?? 'no duration'}`, () => {
      expect(durationMs(duration)).to.equal(ms)
    })
  }
  it('is the inverse of durationText', () => {
    fc.assert(
      fc.property(fc.nat(3_000_000), (seconds) => {
        expect(durationMs(durationText(seconds * 1000))).to.equal(seconds * 1000)
      }),
    )
  })
})
