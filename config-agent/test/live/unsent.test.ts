import { expect } from 'chai'
import { Unsent } from '../../src/live/unsent.ts'

describe(Unsent.name, () => {
  it('gives each value once, and again when it was replaced or came back', () => {
    const unsent = new Unsent<object>()
    const [a, b] = [{}, {}]
    expect(unsent.of(new Map([['x', a]]))).to.deep.equal([a])
    expect(unsent.of(new Map([['x', a]]))).to.deep.equal([])
    expect(unsent.of(new Map([['x', b]]))[0]).to.equal(b)
    expect(unsent.of(new Map())).to.deep.equal([])
    expect(unsent.of(new Map([['x', b]]))[0]).to.equal(b)
  })

  it('gives no more at a time than it may, and the others then', () => {
    const unsent = new Unsent<number>(2)
    const known = new Map([1, 2, 3, 4, 5].map((n) => [`${n}`, n]))
    expect([unsent.of(known), unsent.of(known), unsent.of(known), unsent.of(known)]).to.deep.equal([
      [1, 2],
      [3, 4],
      [5],
      [],
    ])
  })
})
