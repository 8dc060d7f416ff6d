import { getEventListeners } from 'node:events'
import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { retryUntilDone } from '../src/retry-until-done.ts'
import { keepLog } from './http/harness.ts'

/** Work that fails with these errors, one at a time, before it succeeds. */
function createWork(errors: readonly unknown[], onCall: (call: number) => void = () => undefined) {
  const left = [...errors]
  let calls = 0
  return {
    calls: () => calls,
    async run() {
      onCall(++calls)
      if (left.length > 0) throw left.shift()
    },
  }
}

describe('retryUntilDone', () => {
  const away = new CodedError('STORE_UNAVAILABLE')
  let clock: number
  let needs: Parameters<typeof retryUntilDone>[0] & { log: ReturnType<typeof keepLog> }
  let abort: AbortController
  beforeEach(() => {
    clock = 0
    abort = new AbortController()
    needs = { signal: abort.signal, log: keepLog(), everyMs: 0, now: () => clock }
  })

  it('tries again after a coded error until the work succeeds', async () => {
    const work = createWork([away, away])
    await retryUntilDone(needs, work.run)
    expect(work.calls()).to.equal(3)
  })

  it('throws any other error at once', async () => {
    const fault = new TypeError('a fault of ours')
    const work = createWork([fault])
    const outcome = await retryUntilDone(needs, work.run).catch((error: unknown) => error)
    expect([outcome, work.calls()]).to.deep.equal([fault, 1])
  })

  it('logs the first error, and then one every ten seconds', async () => {
    const work = createWork(Array(25).fill(away), () => (clock += 1000))
    await retryUntilDone(needs, work.run)
    expect(needs.log.lines.map(({ level, fields, message }) => [level, fields['error'], message])).to.deep.equal(
      Array(3).fill(['warn', away, 'not ready; trying again']),
    )
  })

  it('stops when it is aborted, also while it waits', async () => {
    const work = createWork([away, away], () => abort.abort())
    await retryUntilDone({ ...needs, everyMs: 60_000 }, work.run)
    expect(work.calls()).to.equal(1)
    await retryUntilDone(needs, work.run)
    expect(work.calls()).to.equal(1)
  })

  it('leaves no listener on the signal, however often it tried', async () => {
    await retryUntilDone(needs, createWork(Array(12).fill(away)).run)
    expect(getEventListeners(abort.signal, 'abort')).to.have.length(0)
  })
})
