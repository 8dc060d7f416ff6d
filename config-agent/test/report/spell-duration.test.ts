import { expect } from 'chai'
import { spellDuration } from '../../src/report/spell-duration.ts'

describe('spellDuration', () => {
  const rows: [number, string][] = [
    [-5, '0ms'],
    [5.7, '6ms'],
    [1_900, '1.9s'],
    [14 * 60_000, '14m'],
    [3 * 3_600_000, '3h'],
    [50 * 3_600_000, '2d'],
  ]
  for (const [ms, text] of rows) it(`says ${text}`, () => void expect(spellDuration(ms)).to.equal(text))
})
