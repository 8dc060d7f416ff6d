import { expect } from 'chai'
import { createWake } from '../../src/intake/wake.ts'

describe('createWake', () => {
  let added: string[]
  let later: number[]
  let wake: ReturnType<typeof createWake>
  const keys = (count: number) => Array.from({ length: count }, (_, index) => `apps/${index}`)

  beforeEach(() => {
    added = []
    later = []
    let turn = 0
    const queue = { add: (key: string) => added.push(key), addAfter: (_key: string, ms: number) => later.push(ms) }
    wake = createWake(queue, () => (turn++ % 10) / 10)
  })

  it('asks for as many as there are at once, however many', () => {
    wake.now(keys(500))
    expect(added).to.deep.equal(keys(500))
    expect(later).to.deep.equal([])
  })

  it('spreads many over 20 s, and few not at all', () => {
    wake.spread(keys(100))
    expect(added.length).to.equal(100)
    wake.spread(keys(101))
    expect(added.length).to.equal(100)
    expect(later.length).to.equal(101)
    expect([Math.min(...later), Math.max(...later)]).to.deep.equal([0, 18_000])
  })
})
