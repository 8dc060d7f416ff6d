import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { ageOf, clockTolerance } from '../src/clock-age.ts'

describe(ageOf.name, () => {
  const tolerance = clockTolerance * 1000
  const moment = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2030, 0) })
  const minutes = fc.integer({ min: -3_600_000, max: 3_600_000 })

  it('is never below nothing, and takes no moment that is further ahead than clocks may differ', () => {
    const property = fc.property(moment, minutes, (at, later) => {
      const age = ageOf(at, at + later)
      expect(age).to.equal(later < -tolerance ? Infinity : Math.max(0, later))
    })
    fc.assert(property, { numRuns: propertyRuns(200) })
  })

  it('is none for what is no time, so that nothing is young enough', () => {
    expect(ageOf(Number('x'), 0) <= Infinity).to.equal(false)
  })
})
