import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createWorkQueue } from '../../src/intake/work-queue.ts'
import type { WorkQueue } from '../../src/intake/work-queue.ts'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { ManualClock } from '@nauthera/harness/operator/clocks'

/** Work that a test ends by hand. */
function createBench(workers = 2) {
  const clock: ManualClock = createManualClock()
  const running = new Map<string, PromiseWithResolvers<void>>()
  const started: string[] = []
  const failed: { key: string; retryInMs: number }[] = []
  const overlaps: string[] = []
  const queue: WorkQueue = createWorkQueue({
    workers,
    clock,
    waitFor: (error) => (error instanceof RangeError ? 9_000 : 0),
    onFailed: (key, _error, retryInMs) => failed.push({ key, retryInMs }),
  })
  queue.start((key) => {
    started.push(key)
    if (running.has(key)) overlaps.push(key)
    const end = Promise.withResolvers<void>()
    running.set(key, end)
    return end.promise
  })
  const settle = async () => {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }
  return {
    clock,
    queue,
    started,
    failed,
    overlaps,
    running,
    end: async (key: string, error?: Error) => {
      const end = running.get(key)
      running.delete(key)
      if (error) end?.reject(error)
      else end?.resolve()
      await settle()
    },
    settle,
  }
}

describe('createWorkQueue', () => {
  it('keeps the keys that are added before it starts', async () => {
    const started: string[] = []
    const queue = createWorkQueue({ workers: 1, clock: createManualClock(), onFailed: () => {} })
    for (const key of ['a', 'b', 'a']) queue.add(key)
    expect(queue.depth).to.equal(2)
    queue.start(async (key) => void started.push(key))
    await queue.waitUntilIdle()
    expect(started).to.deep.equal(['a', 'b'])
  })

  it('works on a key once, however often it was added', async () => {
    const { queue, started, end } = createBench(1)
    for (const key of ['busy', 'a', 'a', 'b', 'a']) queue.add(key)
    await end('busy')
    await end('a')
    await end('b')
    expect(started).to.deep.equal(['busy', 'a', 'b'])
  })

  it('never works on one key twice at once, and works on it again when it was added meanwhile', async () => {
    const { queue, started, end, overlaps } = createBench(4)
    queue.add('a')
    queue.add('a')
    queue.add('a')
    expect(started).to.deep.equal(['a'])
    await end('a')
    expect(started).to.deep.equal(['a', 'a'])
    await end('a')
    expect(started.length).to.equal(2)
    expect(overlaps).to.deep.equal([])
  })

  it('runs as many at once as it has workers', () => {
    const { queue, started } = createBench(2)
    for (const key of ['a', 'b', 'c']) queue.add(key)
    expect(started).to.deep.equal(['a', 'b'])
    expect(queue.depth).to.equal(3)
  })

  it('tries a failed key again after 5 ms, twice that, and so on up to a minute', async () => {
    const { queue, clock, end, failed } = createBench()
    queue.add('a')
    for (let attempt = 0; attempt < 16; attempt++) {
      await end('a', new Error('broken'))
      clock.advance(clock.next() ?? 0)
    }
    const waits = failed.map(({ retryInMs }) => retryInMs)
    expect(waits.slice(0, 5)).to.deep.equal([5, 10, 20, 40, 80])
    expect(waits.at(-1)).to.equal(60_000)
  })

  it('begins with the short wait again after a success', async () => {
    const { queue, clock, end, failed } = createBench()
    queue.add('a')
    for (let attempt = 0; attempt < 3; attempt++) {
      await end('a', new Error('broken'))
      clock.advance(clock.next() ?? 0)
    }
    await end('a')
    queue.add('a')
    await end('a', new Error('broken'))
    expect(failed.at(-1)!.retryInMs).to.equal(5)
  })

  it('I9 begins with the short wait again for another object of that name', async () => {
    const { queue, clock, end, failed } = createBench()
    queue.add('a')
    for (let attempt = 0; attempt < 16; attempt++) {
      await end('a', new Error('broken'))
      clock.advance(clock.next() ?? 0)
    }
    queue.clearFailures('a')
    await end('a', new Error('broken'))
    expect(failed.at(-1)!.retryInMs).to.equal(5)
  })

  it('waits as long as the error asks for', async () => {
    const { queue, end, failed } = createBench()
    queue.add('a')
    await end('a', new RangeError('Retry-After: 9'))
    expect(failed[0]!.retryInMs).to.equal(9_000)
  })

  it('takes work that throws at once for a failed attempt', async () => {
    const failed: string[] = []
    const queue = createWorkQueue({ workers: 1, clock: createManualClock(), onFailed: (key) => failed.push(key) })
    queue.start(() => {
      throw new Error('poison')
    })
    queue.add('poison')
    await queue.waitUntilIdle()
    expect(failed).to.deep.equal(['poison'])
  })

  it('keeps the earlier of two times for a key', () => {
    const { queue, clock, started } = createBench()
    queue.addAfter('a', 100)
    queue.addAfter('a', 500)
    queue.addAfter('b', 500)
    queue.addAfter('b', 100)
    clock.advance(100)
    expect(started.sort()).to.deep.equal(['a', 'b'])
    expect(clock.pending).to.equal(0)
  })

  it('stops: running work ends, nothing else begins, no timer is left', async () => {
    const { queue, clock, started, end } = createBench(1)
    queue.add('a')
    queue.add('b')
    queue.addAfter('c', 10)
    const stopped = queue.stop()
    queue.add('d')
    await end('a')
    await stopped
    clock.advance(1_000)
    expect(started).to.deep.equal(['a'])
    expect(clock.pending).to.equal(0)
  })

  it('loses no key and overlaps none, in any order of adding, ending, failing and time', async () => {
    const keys = ['a', 'b', 'c']
    const command = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), key: fc.constantFrom(...keys) }),
      fc.record({ kind: fc.constant('later' as const), key: fc.constantFrom(...keys), ms: fc.nat(200) }),
      fc.record({ kind: fc.constant('end' as const), key: fc.constantFrom(...keys), fails: fc.boolean() }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(300) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (commands, workers) => {
          const bench = createBench(workers)
          /** For each key, how many starts there must be at last: one after each time it was added. */
          const owed = new Map<string, number>()
          const starts = (key: string) => bench.started.filter((one) => one === key).length
          for (const one of commands) {
            if (one.kind === 'add') {
              owed.set(one.key, starts(one.key) + 1)
              bench.queue.add(one.key)
            } else if (one.kind === 'later') bench.queue.addAfter(one.key, one.ms)
            else if (one.kind === 'end') await bench.end(one.key, one.fails ? new Error('broken') : undefined)
            else bench.clock.advance(one.ms)
            expect(bench.overlaps).to.deep.equal([])
            expect(bench.running.size).to.be.at.most(workers)
          }
          for (let turn = 0; turn < 200 && (bench.running.size > 0 || bench.clock.pending > 0); turn++) {
            for (const key of bench.running.keys()) await bench.end(key)
            bench.clock.advance(60_000)
            await bench.settle()
          }
          expect(bench.queue.depth).to.equal(0)
          for (const [key, least] of owed) expect(starts(key)).to.be.at.least(least)
        },
      ),
      { numRuns: propertyRuns(300) },
    )
  })
})
