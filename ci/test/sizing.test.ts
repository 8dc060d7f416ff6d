import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { readCosts } from '../sizing/costs.ts'
import { planSize } from '../sizing/plan.ts'
import type { Costs, Demand } from '../sizing/plan.ts'

const cost = (median: number) => ({ median, low: median / 2, high: median * 2 })
const costs: Costs = {
  unit: cost(1000),
  server: { token: cost(1), introspection: cost(2), refresh: cost(5), signIn: cost(30), hash: cost(100) },
  database: { introspection: cost(1), refresh: cost(2), signIn: cost(10) },
  bytes: { person: 1000, grant: 2000, auditOfSignIn: 1000, auditOfRefresh: 500, auditOfMachineMinute: 500 },
  wal: { signIn: 7000, refresh: 3000 },
  commits: { signIn: 3, refresh: 1 },
  megabytes: { server: 240, ofThousandClients: 3 },
}
const idle: Demand = {
  people: 0,
  signIns: 0,
  tokens: 0,
  refreshes: 0,
  introspections: 0,
  clients: 0,
  tokensOfDay: 0,
  signInsOfDay: 0,
  refreshesOfDay: 0,
  auditDays: 90,
  grantDays: 30,
  poolMax: 10,
}

describe(planSize.name, () => {
  it('gives an idle installation two replicas and what they hold open', () => {
    const size = planSize(idle, costs)
    expect(size).to.deep.include({
      replicas: 2,
      connections: 37,
      iops: 2,
      memoryRequestMegabytes: 240,
      diskGigabytes: 0,
    })
  })

  it('spreads the work over the replicas that remain when one is away, by the high end of what was measured', () => {
    const size = planSize({ ...idle, tokens: 600 }, costs)
    // 600 a second at 2 u of 2 ms are 2.4 processors, of which each replica is busy for 0.6
    expect(size.replicas).to.equal(5)
    expect(size.serverCores.likely).to.be.closeTo(0.15, 1e-9)
  })

  it('counts what lasts: people, grants for their life, and the audit log for its retention', () => {
    const size = planSize({ ...idle, people: 1e6, signInsOfDay: 1e5, refreshesOfDay: 1e6 }, costs)
    expect(size.diskGigabytes).to.be.closeTo(1.3 * (1 + 6 + 9 + 45), 1e-9)
    expect(size.walGigabytesOfDay).to.be.closeTo(3.7, 1e-9)
  })

  it('never asks for less when more is demanded', () => {
    const amount = fc.integer({ min: 0, max: 10_000 })
    const demands = fc.record({
      people: amount,
      signIns: amount,
      tokens: amount,
      refreshes: amount,
      introspections: amount,
      clients: amount,
      tokensOfDay: amount,
      signInsOfDay: amount,
      refreshesOfDay: amount,
      auditDays: amount,
      grantDays: amount,
      poolMax: amount,
    })
    const keys = Object.keys(idle) as (keyof Demand)[]
    fc.assert(
      fc.property(demands, fc.constantFrom(...keys), amount, (demand, key, more) => {
        const less = planSize(demand, costs)
        const larger = planSize({ ...demand, [key]: demand[key] + more }, costs)
        for (const total of [
          'replicas',
          'connections',
          'iops',
          'diskGigabytes',
          'walGigabytesOfDay',
          'memoryLimitMegabytes',
        ] as const)
          expect(larger[total], `${total} by ${key}`).to.be.at.least(less[total])
        const { low, likely, high } = larger.databaseCores
        expect(low <= likely && likely <= high).to.equal(true)
      }),
      { numRuns: propertyRuns(50) },
    )
  })
})

describe(readCosts.name, () => {
  it('finds each cost in the report of the bench and in what was measured of rows', () => {
    const read = (name: string) =>
      JSON.parse(readFileSync(resolve(import.meta.dirname, '../../docs/measurements', name), 'utf8')) as never
    const { server, database, bytes } = readCosts(read('report.json'), read('sizing.json'))
    for (const { low, median, high } of [...Object.values(server), ...Object.values(database)])
      expect(0 < low && low <= median && median <= high).to.equal(true)
    expect(Object.values(bytes).every((many) => many > 0)).to.equal(true)
  })
})
