import { expect } from 'chai'
import { createSlices } from '../../src/clients/slices.ts'
import { processorTime } from '../paired-times.ts'

describe(createSlices.name, () => {
  it('lets others have a turn again and again during long work, and asks nobody to wait in short work', async () => {
    const short = createSlices()
    expect(short()).to.equal(undefined)
    let turns = 0
    let isOver = false
    const others = () => {
      turns++
      if (!isOver) setImmediate(others)
    }
    setImmediate(others)
    const sliceOver = createSlices()
    // processor time: what other programs take of it meanwhile does not count
    const end = processorTime() + 500
    while (turns <= 2 && processorTime() < end) {
      const turn = sliceOver()
      if (turn) await turn
    }
    isOver = true
    expect(turns).to.be.greaterThan(2)
  })
})
