import fc from 'fast-check'
import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createMinuteCounts } from '../src/minute-counts.ts'

describe('createMinuteCounts', () => {
  it('counts each key in a minute of its own, which begins with its first one', () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), wait: fc.integer({ min: 0, max: 30_000 }) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        let now = 0
        const counts = createMinuteCounts(() => now)
        const model = new Map<string, number[]>()
        for (const { key, wait } of steps) {
          now += wait
          const [begun = -Infinity] = model.get(key) ?? []
          if (now - begun >= 60_000) model.set(key, [])
          expect(counts.secondsLeft(key)).to.equal(now - begun < 60_000 ? Math.ceil((begun + 60_000 - now) / 1000) : 0)
          model.get(key)!.push(now)
          counts.add(key)
          expect(counts.countOf(key)).to.equal(model.get(key)!.length)
        }
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})
