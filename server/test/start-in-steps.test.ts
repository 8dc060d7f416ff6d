import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { startInSteps } from '../src/start-in-steps.ts'
import { keepLog } from './http/harness.ts'

describe('startInSteps', () => {
  const needs = () => ({ log: keepLog(), everyMs: 1 })

  it('takes the steps in their order', async () => {
    const taken: number[] = []
    await startInSteps(
      needs(),
      [1, 2, 3].map((step) => () => void taken.push(step)),
    ).done
    expect(taken).to.deep.equal([1, 2, 3])
  })

  it('repeats the step that failed, and none before it: no timer is started twice', async () => {
    const taken: string[] = []
    let faults = 2
    await startInSteps(needs(), [
      () => void taken.push('timer'),
      () => {
        taken.push('database')
        if (faults-- > 0) throw new CodedError('STORE_UNAVAILABLE')
      },
    ]).done
    expect(taken).to.deep.equal(['timer', 'database', 'database', 'database'])
  })

  it('a stop waits for the step that runs, and begins no other one', async () => {
    const taken: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const starting = startInSteps(needs(), [
      async () => {
        taken.push('begun')
        await promise
        taken.push('ended')
      },
      () => void taken.push('opened a socket'),
    ])
    const stopped = starting.stop().then(() => taken.push('stopped'))
    resolve()
    await stopped
    await starting.done
    expect(taken).to.deep.equal(['begun', 'ended', 'stopped'])
  })

  it('throws what is no coded error', async () => {
    const fault = new TypeError('a bug')
    const { done, stop } = startInSteps(needs(), [() => Promise.reject(fault)])
    expect(await done.catch((error: unknown) => error)).to.equal(fault)
    await stop()
  })
})
