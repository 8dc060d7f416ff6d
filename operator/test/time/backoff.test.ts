import { expect } from 'chai'
import { createBackoff } from '../../src/time/backoff.ts'

describe(createBackoff.name, () => {
  it('waits twice as long each time, up to its most, and begins again after a success', () => {
    const backoff = createBackoff({ baseMs: 100, capMs: 300, random: () => 0 })
    expect([1, 2, 3, 4].map(() => backoff.next())).to.deep.equal([100, 200, 300, 300])
    backoff.reset()
    expect(backoff.next()).to.equal(100)
  })

  it('adds up to a quarter by chance', () => {
    expect(createBackoff({ baseMs: 100, capMs: 300, random: () => 1 }).next()).to.equal(125)
  })

  it('waits as long as the other side asks, and never less than by itself', () => {
    const backoff = createBackoff({ baseMs: 100, capMs: 300, random: () => 0 })
    expect([backoff.next(1000), backoff.next(50)]).to.deep.equal([1000, 200])
  })
})
