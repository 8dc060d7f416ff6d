import { expect } from 'chai'
import fc from 'fast-check'
import { ageOf, byAge } from '../src/age.ts'

const any = fc.record({ createdAt: fc.integer({ min: 1, max: 3 }), uid: fc.constantFrom('a', 'b', 'c', 'd') })

describe('byAge', () => {
  it('property: puts the earlier second first, and of one second the lower uid, whatever came in which order', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), (ages) => {
        const sorted = ages.toSorted(byAge)
        expect(ages.toReversed().toSorted(byAge)).to.deep.equal(sorted)
        for (const [index, one] of sorted.slice(1).entries())
          expect([sorted[index]!.createdAt, sorted[index]!.uid] <= [one.createdAt, one.uid]).to.equal(true)
      }),
    )
  })

  it('takes an object without a time for the oldest', () => {
    const [without, first] = [ageOf({ uid: 'z' }), ageOf({ uid: 'a', creationTimestamp: '1970-01-01T00:00:01Z' })]
    expect([first, without].toSorted(byAge)).to.deep.equal([without, first])
    expect(first.createdAt).to.equal(1000)
  })

  it('puts an object neither before nor after itself', () => {
    const age = ageOf({ uid: 'a', creationTimestamp: '1970-01-01T00:00:01Z' })
    expect(byAge(age, { ...age })).to.equal(0)
  })
})
