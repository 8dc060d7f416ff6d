import { expect } from 'chai'
import { GiveBack } from '../src/give-back.ts'

/** Time that the test moves, with room for one call back. */
function createTimers() {
  let now = 0
  let next: { readonly at: number; readonly callback: () => void } | undefined
  return {
    isWaiting: () => next !== undefined,
    monotonic: () => now,
    after: (milliseconds: number, callback: () => void) => {
      const own = { at: now + milliseconds, callback }
      next = own
      return () => {
        if (next === own) next = undefined
      }
    },
    advance: (milliseconds: number) => {
      const end = now + milliseconds
      if (next && next.at <= end) {
        const { at, callback } = next
        next = undefined
        now = at
        callback()
      }
      now = end
    },
  }
}

describe('GiveBack', () => {
  let timers: ReturnType<typeof createTimers>
  let collected: number[]
  let giveBack: GiveBack

  beforeEach(() => {
    timers = createTimers()
    collected = []
    giveBack = new GiveBack(timers, () => collected.push(timers.monotonic()))
  })

  it('collects once, two seconds after it was asked for last', () => {
    giveBack.soon()
    timers.advance(1_999)
    giveBack.soon()
    timers.advance(1_999)
    expect(collected).to.deep.equal([])
    timers.advance(100_000)
    expect(collected).to.deep.equal([3_999])
  })

  it('collects once in ten seconds at most, and nothing that was asked for is forgotten', () => {
    for (let second = 0; second < 30; second += 3) {
      giveBack.soon()
      timers.advance(3_000)
    }
    timers.advance(100_000)
    expect(collected).to.deep.equal([2_000, 12_000, 23_000, 33_000])
  })

  it('waits for nothing once it was stopped', () => {
    giveBack.soon()
    giveBack.stop()
    expect(timers.isWaiting()).to.equal(false)
  })
})
