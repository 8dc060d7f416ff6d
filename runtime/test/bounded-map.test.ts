import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { BoundedMap } from '@nauthera/runtime/bounded-map'

describe('BoundedMap', () => {
  it('forgets the oldest of too many, and of those that are too large together', () => {
    const map = new BoundedMap<number>({ entries: 3, weight: 10 })
    for (const [key, weight] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['c', 1],
      ['d', 1],
    ] as const)
      map.set(key, weight, weight)
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).to.deep.equal([2, undefined, 1, 1])
    map.set('e', 8, 8)
    expect(['a', 'c', 'd', 'e'].map((key) => map.get(key))).to.deep.equal([undefined, 1, 1, 8])
    map.set('c', 11, 11)
    expect(
      ['c', 'd', 'e'].map((key) => map.get(key)),
      'what is too large itself',
    ).to.deep.equal([undefined, 1, 8])
  })

  it('property: is the newest that fit, whatever is set and deleted', () => {
    const anyStep = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      weight: fc.nat({ max: 7 }),
      isGone: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const map = new BoundedMap<number>({ entries: 3, weight: 6 })
        let model: { key: string; weight: number }[] = []
        const sum = () => model.reduce((all, { weight }) => all + weight, 0)
        for (const { key, weight, isGone } of steps) {
          model = model.filter((one) => one.key !== key)
          if (isGone) map.delete(key)
          else {
            map.set(key, weight, weight)
            if (weight <= 6) model.push({ key, weight })
          }
          while (model.length > 3 || sum() > 6) model.shift()
          for (const each of ['a', 'b', 'c', 'd', 'e'])
            expect(map.get(each)).to.equal(model.find((one) => one.key === each)?.weight)
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })
})
