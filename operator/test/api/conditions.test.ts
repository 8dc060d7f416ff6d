import { expect } from 'chai'
import { findCondition, findPresentCondition, isTrue } from '../../src/api/conditions.ts'

const said = (status: 'True' | 'False', observedGeneration?: number) => ({
  conditions: [
    {
      type: 'Accepted',
      status,
      reason: 'Said',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    },
  ],
})

describe(findCondition.name, () => {
  it('finds the one of a type, and none in a status that lacks it', () => {
    expect(findCondition(said('True'), 'Accepted')).to.have.property('reason', 'Said')
    expect([
      findCondition(said('True'), 'Ready'),
      findCondition({}, 'Ready'),
      findCondition(undefined, 'Ready'),
    ]).to.deep.equal([undefined, undefined, undefined])
  })
})

describe(isTrue.name, () => {
  it('holds for True alone', () => {
    expect([isTrue(said('True'), 'Accepted'), isTrue(said('False'), 'Accepted'), isTrue({}, 'Accepted')]).to.deep.equal(
      [true, false, false],
    )
  })
})

describe(findPresentCondition.name, () => {
  const metadata = { generation: 2 }
  it('finds one about the present generation, and none about an earlier or an unknown one', () => {
    const found = [3, 2, 1, undefined].map((seen) =>
      findPresentCondition({ metadata, status: said('True', seen) }, 'Accepted'),
    )
    expect(found.map((one) => one !== undefined)).to.deep.equal([true, true, false, false])
    expect(findPresentCondition({ metadata }, 'Accepted')).to.equal(undefined)
  })
})
