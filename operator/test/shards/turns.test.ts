import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createTurns } from '../../src/shards/turns.ts'

describe('createTurns', () => {
  let clock: ReturnType<typeof createManualClock>
  /** When the work may be done; undefined: there is none. */
  let dueAt: number | undefined
  let begun: PromiseWithResolvers<void>[]
  let ended: number
  let turns: ReturnType<typeof createTurns>

  beforeEach(() => {
    clock = createManualClock()
    dueAt = undefined
    begun = []
    ended = 0
    turns = createTurns({
      clock,
      waitMs: () => (dueAt === undefined ? undefined : dueAt - clock.monotonic()),
      work: () => {
        dueAt = undefined
        const turn = Promise.withResolvers<void>()
        begun.push(turn)
        return turn.promise
      },
      onEnd: () => ended++,
    })
  })
  afterEach(async () => {
    for (const turn of begun) turn.resolve()
    await turns.stop()
    expect(clock.pending).to.equal(0)
  })

  it('does nothing before it is opened', () => {
    dueAt = 0
    turns.wake()
    expect(begun.length).to.equal(0)
    turns.open()
    turns.wake()
    expect(begun.length).to.equal(1)
  })

  it('waits until the work may be done, though it is woken again and again', () => {
    turns.open()
    dueAt = 1_000
    turns.wake()
    turns.wake()
    clock.advance(999)
    expect(begun.length).to.equal(0)
    clock.advance(1)
    expect(begun.length).to.equal(1)
  })

  it('does one turn at a time, and the next one when that is over', async () => {
    turns.open()
    dueAt = 0
    turns.wake()
    dueAt = 0
    turns.wake()
    expect([begun.length, turns.isRunning]).to.deep.equal([1, true])
    begun[0]!.resolve()
    await new Promise(setImmediate)
    expect([begun.length, ended]).to.deep.equal([2, 1])
  })

  it('starts nothing more once it is stopped, and lets the running turn end', async () => {
    turns.open()
    dueAt = 0
    turns.wake()
    dueAt = 0
    const stopped = turns.stop()
    begun[0]!.resolve()
    await stopped
    turns.wake()
    expect([begun.length, turns.isRunning]).to.deep.equal([1, false])
  })
})
