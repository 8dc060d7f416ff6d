import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { tryUntilDone } from '../../src/time/try-until-done.ts'

describe('tryUntilDone', () => {
  const settle = async () => {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }
  let clock: ReturnType<typeof createManualClock>
  let log: ReturnType<typeof createRecordedLog>
  let stopping: AbortController
  let tries: number
  const read = (failures: number) => {
    tries = 0
    const attempt = async () => {
      if (++tries <= failures) throw new Error('unreachable')
      return 'read'
    }
    const needs = { clock, random: () => 0, log: log.log, failed: 'shards not read' }
    return tryUntilDone(attempt, needs, stopping.signal)
  }
  beforeEach(() => {
    clock = createManualClock()
    log = createRecordedLog()
    stopping = new AbortController()
  })

  it('tries until it succeeds, with longer waits each time', async () => {
    const done = read(3)
    const waits: (number | undefined)[] = []
    for (let turn = 0; turn < 3; turn++) {
      await settle()
      waits.push(clock.next())
      clock.advance(clock.next() ?? 0)
    }
    expect(await done).to.equal('read')
    expect(tries).to.equal(4)
    expect(waits).to.deep.equal([800, 1_600, 3_200])
    expect(log.told('shards not read').length).to.equal(3)
  })

  it('ends without an answer when the process stops', async () => {
    const done = read(Infinity)
    await settle()
    stopping.abort()
    expect(await done).to.equal(undefined)
    expect(clock.pending).to.equal(0)
  })
})
