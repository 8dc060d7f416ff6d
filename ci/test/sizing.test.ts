import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { runInNewContext } from 'node:vm'
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
  megabytes: { server: { idle: 240, ofThousandClients: 3 }, operator: { idle: 150, ofThousandClients: 25 } },
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
      serverMemory: { request: 240, limit: 480 },
      operatorMemory: { request: 150, limit: 300 },
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
        for (const total of ['replicas', 'connections', 'iops', 'diskGigabytes', 'walGigabytesOfDay'] as const)
          expect(larger[total], `${total} by ${key}`).to.be.at.least(less[total])
        for (const process of ['serverMemory', 'operatorMemory'] as const)
          expect(larger[process].limit, `${process} by ${key}`).to.be.at.least(less[process].limit)
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

describe('docs/sizing.md', () => {
  const docs = resolve(import.meta.dirname, '../../docs')
  const page = readFileSync(resolve(docs, 'sizing.md'), 'utf8')
  const read = (name: string) => JSON.parse(readFileSync(resolve(docs, 'measurements', name), 'utf8')) as never
  const measured = readCosts(read('report.json'), read('sizing.json'))
  const program = resolve(import.meta.dirname, '../sizing/run.ts')
  const run = (args: readonly string[]) => execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  const numberIn = (cell: string) => Number(/[\d,.]+/.exec(cell)![0].replaceAll(',', ''))
  const rowsAfter = (head: string) =>
    page
      .slice(page.indexOf(`| ${head} |`))
      .split('\n\n')[0]!
      .split('\n')
      .slice(2)
      .map((row) => row.split('|').slice(1, -1))

  it('shows what the command prints', () => {
    const [, args, printed] = /\$ npm run sizing -- ([^\n]+)\n([^]*?)```/.exec(page)!
    expect(run(args!.split(' '))).to.equal(printed)
  })

  it('has rows that the command gives', () => {
    const rows = rowsAfter('People')
    expect(rows).to.have.length(3)
    for (const row of rows) {
      const [people, signIns, tokens, introspections, clients, ...sizes] = row.map(numberIn)
      const asked = { people, 'sign-ins': signIns, tokens, introspections, clients }
      const printed = run(Object.entries(asked).flatMap(([name, value]) => [`--${name}`, String(value)]))
      const of = (name: string) =>
        numberIn(
          printed
            .split('\n')
            .find((line) => line.startsWith(name))!
            .slice(28),
        )
      const given = ['server.replicaCount', 'each replica', 'PostgreSQL  ', 'PostgreSQL connections'].map(of)
      expect([...given, Math.round(of('PostgreSQL disk'))]).to.deep.equal(sizes)
    }
  })

  /** A formula of the page with numbers in place of its words. */
  const amountOf = (what: string, words: Readonly<Record<string, number>>): number => {
    const [, formula] = rowsAfter('What').find(([name]) => name!.trim() === what)!
    const plain = Object.entries(words)
      .toSorted(([one], [other]) => other.length - one.length)
      .reduce(
        (text, [word, value]) => text.replaceAll(word, String(value)),
        formula!
          .split(/, in seconds|: one replica|; |\. (?:Hashes|Each)| \(batched/)[0]!
          .replaceAll(/`|(?<=\d),(?=\d{3})| B\b/g, ''),
      )
    return Number(runInNewContext(plain.replaceAll('×', '*')))
  }

  it('has formulae that give what is planned', () => {
    const demand = {
      ...idle,
      people: 5000,
      signIns: 600,
      tokens: 400,
      refreshes: 30,
      introspections: 200,
      clients: 100,
    }
    const days = { signInsOfDay: 20_000, refreshesOfDay: 70_000, tokensOfDay: 1e9, grantDays: 20, auditDays: 40 }
    const size = planSize({ ...demand, ...days }, measured)
    const seconds = ({ median }: { median: number }) => (median * measured.unit.median) / 1e6
    const { token, introspection, refresh, signIn, hash } = measured.server
    const rates = { tokens: 400, introspections: 200, refreshes: 30, 'sign-ins': 10 }
    const thread = amountOf('work of the thread', {
      ...rates,
      'u(token)': seconds(token),
      'u(introspection)': seconds(introspection),
      'u(refresh)': seconds(refresh),
      'u(sign-in)': seconds(signIn),
    })
    const { replicas } = size
    const each = { 'work of the thread': thread, 'sign-ins': 10, 'u(hash)': seconds(hash), replicas }
    expect(amountOf('processors of a replica', each)).to.be.closeTo(size.serverCores.likely, 1e-9)
    expect(amountOf('connections', { replicas, poolMax: 10 })).to.equal(size.connections)
    expect(amountOf('writes', { ...rates, '1 for each replica': replicas })).to.equal(size.iops)
    expect(amountOf('memory of the operator', { clients: 100 })).to.be.closeTo(size.operatorMemory.request, 1)
    expect(amountOf('memory of the server', { clients: 100 })).to.be.closeTo(size.serverMemory.request, 1)
    const grants = amountOf('grants', { 'sign-ins of a day': 20_000, 'days of a grant': 20 })
    const audit = amountOf('rows of the audit log', {
      'its days': 40,
      'sign-ins': 20_000,
      refreshes: 70_000,
      'minutes of machines': 144_000,
    })
    const disk = amountOf('disk', { people: 5000, grants, 'rows of the audit log': audit })
    // the page rounds bytes
    expect(disk / 1e9).to.be.closeTo(size.diskGigabytes, size.diskGigabytes / 1000)
  })
})
