import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createMetrics } from '@nauthera/runtime/metrics'
import { createBacklogGauges } from '../../../src/store/outbox/backlog.ts'
import { countTries, createOutboxRunner, delayBefore, outboxTimes } from '../../../src/store/outbox/outbox-runner.ts'
import type { OutboxRunner, Try, TryOutcome } from '../../../src/store/outbox/outbox-runner.ts'
import { payloadOf } from '../../../src/store/outbox/outbox.ts'
import { outboxInsert } from '../../../src/store/outbox/outbox-rows.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { keepLog } from '../../http/harness.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'
import { outboxSettled, waitFor } from '../wait-for.ts'

const clearAll = statement('test-clear-runner', 'DELETE FROM outbox')
const insertRow = statement('test-runner-insert', outboxInsert('$1'))
const makeDue = statement('test-runner-due', 'UPDATE outbox SET next_at = now() WHERE done_at IS NULL')
const makeOld = statement(
  'test-runner-old',
  "UPDATE outbox SET give_up_at = now() - interval '1 second', next_at = now()",
)
/** There is time for one try. */
const makeLast = statement('test-runner-last', "UPDATE outbox SET give_up_at = now() + interval '10 seconds'")
// the lease is long, so that a row that is due soon was settled
const fast = { ...outboxTimes, pollMs: 20, leaseMs: 3_600_000, stopMs: 25_000 }

describe(delayBefore.name, () => {
  for (const [sentence, tries, minutes, expected] of [
    ['waits 30 s after the first try', 1, 1440, 30_000],
    ['waits twice as long after each', 4, 1440, 240_000],
    ['waits an hour at most', 30, 1440, 3_600_000],
    ['tries once more shortly before the end', 6, 10, 585_000],
    ['gives up when there is no time for another try', 3, 0.2, undefined],
  ] as const) {
    it(sentence, () => {
      expect(delayBefore({ tries, left: () => minutes * 60_000 }, 0.5)).to.equal(expected)
    })
  }
})

describe(createOutboxRunner.name, () => {
  let fresh: FreshStore
  let stores: Store[]
  const runners: OutboxRunner[] = []
  before(async () => {
    fresh = await freshStore()
    stores = [1, 2, 3].map(() => fresh.replica({ sendsMail: true }))
  })
  after(() => fresh.stop())
  beforeEach(async () => {
    await stores[0]!.database.query(clearAll)
  })
  afterEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop()))
  })

  function run(attempt: Try, store = stores[0]!) {
    const metrics = createMetrics('server')
    const log = keepLog()
    const count = countTries(metrics)
    const runner = createOutboxRunner({ outbox: store.outbox, tries: { mail: attempt }, log, count, times: fast })
    runners.push(runner)
    runner.start()
    return { metrics, log, runner }
  }

  const queue = (onceKey: string = randomUUID()) =>
    stores[0]!.outbox.enqueue({
      onceKey,
      to: 'ada@example.com',
      template: 'locked',
      languages: [],
      data: { person: 'ada', at: '2026-01-01T00:00:00Z', minutes: 15 },
    })

  /** Resolves at the n-th try, and answers each with what the function says. */
  function tries(answer: (count: number) => TryOutcome | Promise<TryOutcome>) {
    const waiting: { count: number; resolve: () => void }[] = []
    let count = 0
    const attempt: Try = async () => {
      count++
      for (const each of waiting) if (count >= each.count) each.resolve()
      return answer(count)
    }
    const reached = (wanted: number) =>
      new Promise<void>((resolve) => {
        if (count >= wanted) resolve()
        else waiting.push({ count: wanted, resolve })
      })
    return { attempt, reached, count: () => count }
  }

  const settled = () => outboxSettled(stores[2]!.outbox)

  it('tries each row once when it works, with three replicas', async () => {
    const seen: string[] = []
    const attempt: Try = async ({ id }) => {
      seen.push(id)
      return { kind: 'done' }
    }
    for (let count = 0; count < 30; count++) await queue()
    const metrics = createMetrics('test')
    await createBacklogGauges({ database: stores[0]!.database, metrics, log: keepLog() }).measure()
    const text = await metrics.render()
    expect(text).to.match(/nauthera_outbox_waiting_rows\{kind="mail"[^}]*\} 30\n/)
    expect(text).to.match(/nauthera_outbox_waiting_rows\{kind="backchannel-logout"[^}]*\} 0\n/)
    for (const store of stores) run(attempt, store)
    await settled()
    expect(seen).to.have.length(30)
    expect(new Set(seen).size).to.equal(30)
  })

  it('F68 gives nothing up for the clock of its replica, days ahead or behind', async () => {
    const real = Date.now
    try {
      for (const days of [2, -2]) {
        Date.now = () => real() + days * 86_400_000
        const { attempt, reached } = tries((count) =>
          count === 1 ? { kind: 'later', reason: 'it is down' } : { kind: 'done' },
        )
        await queue()
        const { runner } = run(attempt)
        await reached(1)
        await runner.stop()
        expect(await stores[0]!.outbox.waiting(), `${days} days`).to.equal(1)
        await stores[0]!.database.query(clearAll)
      }
    } finally {
      Date.now = real
    }
  })

  it('tries again what failed, and what threw', async () => {
    const { attempt, reached } = tries((count) => {
      if (count === 1) return { kind: 'later', reason: 'it is down' }
      if (count === 2) throw new Error('it broke')
      return { kind: 'done' }
    })
    await queue()
    const { metrics } = run(attempt)
    for (const count of [1, 2]) {
      await reached(count)
      await waitForRetry(count)
      await stores[1]!.database.query(makeDue)
    }
    await reached(3)
    await settled()
    await runners.at(-1)!.stop()
    expect(await metrics.render()).to.match(/nauthera_outbox_tries_total\{kind="mail",outcome="done".*\} 1/)
  })

  /** The row waits again: its try was settled. */
  async function waitForRetry(count: number): Promise<void> {
    const later = statement(
      'test-runner-later',
      "SELECT 1 AS one FROM outbox WHERE tries = $1 AND next_at < now() + interval '10 minutes'",
    )
    await waitFor(async () => {
      const rows = await stores[1]!.database.query(later, [count])
      return rows.length > 0 ? undefined : `no row waits after try ${count}`
    })
  }

  it('gives up what will never work, with an audit event and a metric', async () => {
    await queue()
    const { metrics, log } = run(async () => ({ kind: 'never', reason: 'no such mailbox' }))
    await settled()
    const [event] = await stores[0]!.audit.search({ event: 'outbox.given_up', limit: 1 })
    expect(event).to.deep.include({ outcome: 'failure', reason: 'no such mailbox' })
    expect(event!.detail).to.include({ kind: 'mail', tries: 1 })
    expect(log.lines.map(({ message }) => message)).to.include('not delivered, and not tried again')
    await runners.at(-1)!.stop()
    expect(await metrics.render()).to.match(/nauthera_outbox_tries_total\{kind="mail",outcome="given_up".*\} 1/)
  })

  it('E19 gives up what nobody can read when its time is over, also when its audit event cannot be made of it', async () => {
    await Promise.all([queue(), queue()])
    await stores[0]!.database.query(makeLast)
    const log = keepLog()
    let count = 0
    const attempt: Try = async (work) => {
      if (count++ === 0) throw new CodedError('SEALED_ROW_DAMAGED', { message: work.id })
      payloadOf(work, { required: { nobody: 'string' } })
      return { kind: 'done' }
    }
    const givenUp = () => {
      throw new SyntaxError('not JSON')
    }
    const runner = createOutboxRunner({
      outbox: stores[0]!.outbox,
      tries: { mail: attempt },
      log,
      givenUp,
      times: fast,
    })
    runners.push(runner)
    runner.start()
    await settled()
    expect(count).to.equal(2)
    for (const { detail } of await stores[0]!.audit.search({ event: 'outbox.given_up', limit: 2 }))
      expect(detail).to.include({ kind: 'mail', tries: 1 })
  })

  it('counts no try of what is put off, takes it again, and gives it up when its time is over', async () => {
    await queue()
    const seen: number[] = []
    const { log } = run(async ({ tries: count }) => {
      seen.push(count)
      if (seen.length === 3) await stores[1]!.database.query(makeOld)
      return { kind: 'put-off', reason: 'others go first', delayMs: 1 }
    })
    await settled()
    // its row may be taken again while the third try is under way
    expect(new Set(seen)).to.deep.equal(new Set([1]))
    expect(seen.length).to.be.within(3, 4)
    expect(log.lines.map(({ message }) => message)).to.include('not delivered, and not tried again')
  })

  it('looks for others at once when it has put some off, however many of its places are taken', async () => {
    for (let count = 0; count < 12; count++) await queue()
    let free: () => void = () => undefined
    const held = new Promise<TryOutcome>((resolve) => (free = () => resolve({ kind: 'done' })))
    const { attempt, reached } = tries((count) => {
      if (count <= 3) return held
      return { kind: 'put-off', reason: 'others go first', delayMs: 60_000 }
    })
    const { outbox } = stores[0]!
    const slow = { ...fast, pollMs: 3_600_000 }
    const runner = createOutboxRunner({ outbox, tries: { mail: attempt }, log: keepLog(), width: 4, times: slow })
    runners.push(runner)
    runner.start()
    await reached(12)
    free()
  })

  it('gives up without a try what nobody did while there was time', async () => {
    const { attempt, count } = tries(() => ({ kind: 'done' }))
    await queue()
    await stores[0]!.database.query(makeOld)
    run(attempt)
    await settled()
    expect(count()).to.equal(0)
  })

  it('gives up without a try what a dead replica left too late', async () => {
    const { attempt, count } = tries(() => ({ kind: 'done' }))
    await queue()
    await stores[0]!.outbox.claim(['mail'], 1, 60_000)
    await stores[0]!.database.query(makeOld)
    run(attempt)
    await settled()
    expect(count()).to.equal(0)
  })

  it('waits for a running try when it stops, and takes no other', async () => {
    let answer: (outcome: TryOutcome) => void = () => undefined
    const { attempt, reached, count } = tries(() => new Promise((resolve) => (answer = resolve)))
    await queue()
    const { runner } = run(attempt)
    await reached(1)
    const stopped = runner.stop()
    await queue()
    answer({ kind: 'done' })
    await stopped
    expect(count()).to.equal(1)
    expect(await stores[0]!.outbox.waiting()).to.equal(1)
  })

  it('leaves work of kinds that are not its own to others: to another runner, or to a newer release', async () => {
    await queue()
    const row = { kind: 'reset-request', onceKey: randomUUID(), payload: {}, giveUpAfterMs: 3_600_000 } as const
    await stores[0]!.database.query(insertRow, [stores[0]!.outbox.workRows([row])])
    const own = tries(() => ({ kind: 'done' }))
    const { outbox } = stores[0]!
    const runner = createOutboxRunner({ outbox, tries: { 'reset-request': own.attempt }, log: keepLog(), times: fast })
    runners.push(runner)
    runner.start()
    await own.reached(1)
    await runner.stop()
    const [left] = await outbox.claim(['mail'], 5, 60_000)
    expect([own.count(), left!.tries]).to.deep.equal([1, 1])
  })

  it('takes the next rows when the first are done, not at its next look', async () => {
    for (let count = 0; count < 12; count++) await queue()
    const { attempt, reached } = tries(() => ({ kind: 'done' }))
    const slow = { ...fast, pollMs: 3_600_000 }
    const { outbox } = stores[0]!
    const runner = createOutboxRunner({ outbox, tries: { mail: attempt }, log: keepLog(), width: 3, times: slow })
    runners.push(runner)
    runner.start()
    await reached(12)
    await settled()
  })
})
