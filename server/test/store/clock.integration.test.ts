import { expect } from 'chai'
import fc from 'fast-check'
import { keptLog } from '@nauthera/harness/kept-log'
import { startReplicas } from '@nauthera/harness/server'
import { createMetrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../src/metrics.ts'
import { aheadBy, clockFault, createDatabaseClock } from '../../src/store/clock.ts'
import { codeOf } from './code-of.ts'
import { freshStore } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'

const minute = 60_000

describe(aheadBy.name, () => {
  it('is never more than the difference of the clocks, however slow the answer, and all of it for one at once', () => {
    const times = { there: fc.integer({ min: -1e9, max: 1e9 }), asked: fc.nat(1e5), answered: fc.nat(1e5) }
    fc.assert(
      fc.property(fc.record(times), ({ there: ahead, asked, answered }) => {
        const at = 1e12
        const found = aheadBy({ before: at + ahead - asked, at, after: at + ahead + answered })
        expect(Math.abs(found)).to.be.at.most(Math.abs(ahead))
        expect(found === 0 || Math.sign(found) === Math.sign(ahead)).to.equal(true)
        expect(aheadBy({ before: at + ahead, at, after: at + ahead }) - ahead).to.equal(0)
      }),
    )
  })
})

describe(clockFault.name, () => {
  for (const [aheadMs, says] of [
    [0, undefined],
    [minute - 1, undefined],
    [1 - minute, undefined],
    [minute, '60 s ahead of that of the database'],
    [-3 * minute, '180 s behind that of the database'],
  ] as const)
    it(`for ${aheadMs} ms is ${says ?? 'nothing'}`, () => {
      const message = clockFault(aheadMs)?.message
      if (says === undefined) expect(message).to.equal(undefined)
      else expect(message).to.include(says)
    })
})

describe(createDatabaseClock.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('F68 says once what has changed: from seconds on it differs, from a minute on it is refused, and it agrees again', async () => {
    const { log, lines } = keptLog()
    const metrics = createMetrics('server')
    let aheadMs = 0
    const clock = createDatabaseClock({
      database: fresh.replica().database,
      log,
      metrics,
      now: () => Date.now() + aheadMs,
    })
    const shown = async () =>
      Number(new RegExp(`^${serverMetrics.clockAhead.name}\\S* (\\S+)$`, 'm').exec(await metrics.render())?.[1])
    const said = () => lines.splice(0).map((line) => (JSON.parse(line) as { msg: string }).msg)
    for (const [ahead, code, says] of [
      [0, undefined, []],
      [6000, undefined, ['the clock differs from that of the database']],
      [8000, undefined, []],
      [
        61 * minute,
        'CLOCKS_DIFFER',
        ['the clock differs from that of the database by minutes; this replica is not ready'],
      ],
      [-61 * minute, 'CLOCKS_DIFFER', []],
      [0, undefined, ['the clock agrees with that of the database again']],
    ] as const) {
      aheadMs = ahead
      expect(await codeOf(clock.check()), String(ahead)).to.equal(code)
      expect(clock.fault()?.code).to.equal(code)
      expect(said()).to.deep.equal(says)
      expect(await shown()).to.be.closeTo(ahead / 1000, 2)
    }
  })
})

describe('a server whose clock differs by minutes from that of the database', () => {
  const real = Date.now
  afterEach(() => {
    Date.now = real
  })

  it('F68 is not ready while that is so, and says why', async () => {
    const replicas = await startReplicas({ settings: { signing: { algorithms: ['ES256'], idToken: 'ES256' } } })
    const [{ store }, health] = [replicas.apps[0]!, replicas.health[0]!]
    expect(health.missing()).to.not.have.property('clock')
    Date.now = () => real() + 3 * minute
    await store.clock.check().catch(() => undefined)
    expect(health.missing()['clock']).to.include('CLOCKS_DIFFER').and.include('ahead of that of the database')
    Date.now = real
    await store.clock.check()
    expect(health.missing()).to.not.have.property('clock')
    await replicas.stop()
  })
})
