import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { Damper } from '../../src/time/damper.ts'

describe('Damper', () => {
  it('passes a few news on at once, the rest as one, and has all of the few again after a quiet time', () => {
    const clock = createManualClock()
    const told: number[] = []
    const tell = () => told.push(clock.monotonic())
    const damper = new Damper(clock, { atOnce: 2, everyMs: 1_000, suits: () => true, tell })
    for (let news = 0; news < 5; news++) damper.hear()
    clock.advance(5_000)
    for (let news = 0; news < 5; news++) damper.hear()
    expect(told).to.deep.equal([0, 0, 1_000, 5_000, 5_000])
  })

  it('keeps what had to wait for the next news of a good moment, at most one pace longer', () => {
    const clock = createManualClock()
    const told: number[] = []
    let isGood = false
    const tell = () => told.push(clock.monotonic())
    const damper = new Damper(clock, { atOnce: 1, everyMs: 1_000, suits: () => isGood, tell })
    damper.hear()
    damper.hear()
    clock.advance(1_500)
    damper.hear()
    expect(told).to.deep.equal([0])
    isGood = true
    damper.hear()
    expect(told).to.deep.equal([0, 1_500])
    isGood = false
    damper.hear()
    clock.advance(5_000)
    expect(told).to.deep.equal([0, 1_500, 3_500])
  })

  it('passes nothing on after it has stopped', () => {
    const clock = createManualClock()
    let told = 0
    const damper = new Damper(clock, { atOnce: 1, everyMs: 1_000, suits: () => true, tell: () => told++ })
    damper.hear()
    damper.hear()
    damper.stop()
    damper.hear()
    clock.advance(5_000)
    expect(told).to.equal(1)
    expect(clock.pending).to.equal(0)
  })
})
