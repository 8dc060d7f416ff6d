import { expect } from 'chai'
import { addInteraction, parseBegun } from '../../../src/oidc/interaction/begun.ts'

const uid = (n: number) => `interaction-${n}`

describe('parseBegun', () => {
  it('reads ids, and ignores everything else that a browser may send', () => {
    expect(parseBegun(undefined)).to.deep.equal([])
    expect(parseBegun(`${uid(1)}.short.${'x'.repeat(65)}.with space....${uid(2)}`)).to.deep.equal([uid(1), uid(2)])
  })
})

describe('addInteraction', () => {
  it('adds the newest interaction at the end', () => {
    expect(addInteraction([uid(1)], uid(2))).to.deep.equal({ value: `${uid(1)}.${uid(2)}`, dropped: [] })
  })
  it('drops the oldest ones when there are more than five', () => {
    const five = [1, 2, 3, 4, 5].map(uid)
    expect(addInteraction(five, uid(6))).to.deep.equal({ value: [2, 3, 4, 5, 6].map(uid).join('.'), dropped: [uid(1)] })
    expect(addInteraction([...five, uid(6), uid(7)], uid(8)).dropped).to.deep.equal([1, 2, 3].map(uid))
  })
})
