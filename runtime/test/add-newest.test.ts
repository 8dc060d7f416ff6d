import { expect } from 'chai'
import { addNewest } from '../src/add-newest.ts'

describe('addNewest', () => {
  it('keeps as many as there may be, and those that came last', () => {
    const known = new Map<string, number>()
    for (const [key, one] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      addNewest(known, key, one, 2)
    expect([...known]).to.deep.equal([
      ['b', 2],
      ['a', 3],
    ])
    addNewest(known, 'c', 4, 2)
    expect([...known]).to.deep.equal([
      ['a', 3],
      ['c', 4],
    ])
  })
})
