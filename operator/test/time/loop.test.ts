import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { Loop } from '../../src/time/loop.ts'

describe('Loop', () => {
  const settle = async () => {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }
  let clock: ReturnType<typeof createManualClock>
  let rounds: number
  const open = (times: { firstMs?: number; restMs?: number } = {}) => {
    rounds = 0
    const loop = new Loop({
      clock,
      ...times,
      round: async () => {
        rounds++
        return 60
      },
    })
    loop.start()
    return loop
  }
  const advance = async (milliseconds: number) => {
    await settle()
    clock.advance(milliseconds)
    await settle()
  }
  beforeEach(() => {
    clock = createManualClock()
  })

  it('does a round at once, and the next one after the wait that the round asked for', async () => {
    const loop = open()
    await advance(59)
    expect(rounds).to.equal(1)
    await advance(1)
    expect(rounds).to.equal(2)
    await loop.stop()
  })

  it('waits before the first round, unless it is woken', async () => {
    const loop = open({ firstMs: 30 })
    await advance(29)
    expect(rounds).to.equal(0)
    loop.wake()
    await settle()
    expect(rounds).to.equal(1)
    await loop.stop()
  })

  it('rests after a round, whoever wakes it', async () => {
    const loop = open({ restMs: 10 })
    await settle()
    loop.wake()
    await advance(9)
    expect(rounds).to.equal(1)
    await advance(1)
    expect(rounds).to.equal(2)
    await advance(59)
    expect(rounds, 'woken once, not twice').to.equal(2)
    await loop.stop()
  })

  it('does another round when it is woken during one', async () => {
    const first = Promise.withResolvers<number>()
    let count = 0
    const loop = new Loop({ clock, round: () => (count++ === 0 ? first.promise : Promise.resolve(60)) })
    loop.start()
    loop.wake()
    first.resolve(60)
    await settle()
    expect(count).to.equal(2)
    await loop.stop()
  })

  it('ends in any wait, leaves no timer, and does no round after it', async () => {
    for (const times of [{}, { firstMs: 30 }, { restMs: 10 }]) {
      const loop = open(times)
      await settle()
      const before = rounds
      await loop.stop()
      loop.start()
      await advance(1_000)
      expect(rounds).to.equal(before)
      expect(clock.pending).to.equal(0)
    }
  })

  it('does no round when it is started after its end', async () => {
    const loop = new Loop({ clock, firstMs: 30, round: () => Promise.reject(new Error('a round')) })
    await loop.stop()
    loop.start()
    await settle()
    expect(clock.pending).to.equal(0)
  })
})
