import { createManualClock } from '@nauthera/harness/operator/clocks'
import { expect } from 'chai'
import { GiveBack } from '../../src/app/give-back.ts'

describe('GiveBack', () => {
  let clock: ReturnType<typeof createManualClock>
  let collected: number[]
  let giveBack: GiveBack
  let startedAt: number

  beforeEach(() => {
    clock = createManualClock()
    startedAt = clock.monotonic()
    collected = []
    giveBack = new GiveBack(clock, () => collected.push(clock.monotonic() - startedAt))
  })
  afterEach(() => {
    giveBack.stop()
    expect(clock.pending).to.equal(0)
  })

  it('collects once, two seconds after it was asked for last', () => {
    giveBack.soon()
    clock.advance(1_999)
    giveBack.soon()
    clock.advance(1_999)
    expect(collected).to.deep.equal([])
    clock.advance(100_000)
    expect(collected).to.deep.equal([3_999])
  })

  it('collects once in ten seconds at most, and nothing that was asked for is forgotten', () => {
    for (let second = 0; second < 30; second += 3) {
      giveBack.soon()
      clock.advance(3_000)
    }
    clock.advance(100_000)
    expect(collected).to.deep.equal([2_000, 12_000, 23_000, 33_000])
  })

  it('collects nothing once it was stopped', () => {
    giveBack.soon()
    giveBack.stop()
    clock.advance(100_000)
    expect(collected).to.deep.equal([])
  })
})
