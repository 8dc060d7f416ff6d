// What grows with clients, people and live tokens: the same requests at servers of several sizes, in turn.
import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import { compare } from '../cost/compare.ts'
import type { Contender, Spent } from '../cost/compare.ts'
import { readOwnMemory } from '../cost/own-memory.ts'
import type { OwnMemory } from '../cost/own-memory.ts'
import type { BenchContext } from '../context.ts'
import { inUnitsOf, spreadOf } from '../report/statistics.ts'
import type { OurSide, OurSize } from '../sides/start.ts'
import { requestRows } from './requests.ts'

type What = 'clients' | 'people' | 'grants'

interface GrowthRow {
  readonly title: string
  /** The smallest comes first: the others are compared with it. */
  readonly sizes: readonly number[]
  readonly quickSizes: readonly number[]
  readonly requests: readonly (keyof typeof requestRows)[]
  /** The cost with the smallest, divided by that with each other one: at least this. */
  readonly flat: number
}

export const growthRows: Readonly<Record<What, GrowthRow>> = {
  clients: {
    title: 'growth with clients: a token, memory and load of a server',
    sizes: [10, 1_000, 10_000, 100_000],
    quickSizes: [10, 10_000],
    requests: ['token'],
    flat: 0.92,
  },
  people: {
    title: 'growth with people: a sign-in',
    sizes: [100, 10_000, 100_000],
    quickSizes: [100, 10_000],
    requests: ['sign-in'],
    flat: 0.85,
  },
  grants: {
    title: 'growth with live grants and refresh tokens',
    sizes: [1, 100_000, 1_000_000],
    quickSizes: [1, 100_000],
    requests: ['introspection', 'refresh', 'sign-in'],
    flat: 0.85,
  },
}

/** Own memory for 10,000 more clients, MB; and seconds to load them. */
const clientTargets = { megabytes: 20, seconds: 1 }

export function measureGrowth(what: What): (context: BenchContext) => Promise<Measurement[]> {
  const row = growthRows[what]
  return async ({ sides, effort, quick, say }) => {
    const servers = new Map<number, OurSide>()
    try {
      for (const size of quick ? row.quickSizes : row.sizes) {
        const sized: OurSize = { [what]: size }
        servers.set(size, await sides.startSized({ ...sized, name: `${size} ${what}` }))
        say(`${size} ${what} are there`)
      }
      const measured: Measurement[] = []
      const { product: bare } = await sides.side('bare')
      const unit = { product: bare, operation: await requestRows.token.prepare(bare) }
      for (const name of row.requests) {
        const contenders: Record<string, Contender> = { unit }
        for (const [size, { product }] of servers)
          contenders[size] = { product, operation: await requestRows[name].prepare(product) }
        const spent = await compare(contenders, effort)
        measured.push(...describeCosts({ what, name, spent, flat: row.flat }))
      }
      return what === 'clients' ? [...measured, ...(await measureLoads(servers))] : measured
    } finally {
      await Promise.all([...servers.values()].map((server) => server.stop()))
    }
  }
}

/** After the same load for each of them. */
async function measureLoads(servers: ReadonlyMap<number, OurSide>): Promise<Measurement[]> {
  const [smallest, ...larger] = await Promise.all(
    [...servers].map(async ([size, { process, loadSeconds }]) => ({
      size,
      loadSeconds,
      memory: await readOwnMemory(process),
    })),
  )
  return larger.flatMap(({ size, loadSeconds, memory }) => {
    const isTarget = size === 10_000
    const more = (what: keyof OwnMemory) => memory[what] - smallest!.memory[what]
    return [
      measurement({
        name: `growth-clients.memory.${size}`,
        value: more('held'),
        unit: 'MB more of its own after a collection',
        target: isTarget ? clientTargets.megabytes : null,
      }),
      measurement({
        name: `growth-clients.memory-with-garbage.${size}`,
        value: more('seen'),
        unit: 'MB more of its own',
        target: null,
      }),
      measurement({
        name: `growth-clients.load.${size}`,
        value: loadSeconds,
        unit: 's',
        target: isTarget ? clientTargets.seconds : null,
      }),
    ]
  })
}

function describeCosts(about: {
  what: What
  name: string
  spent: Record<string, Spent[]>
  flat: number
}): Measurement[] {
  const { what, name, spent, flat } = about
  const { unit, ...sized } = spent
  const units = unit!.map(({ server }) => server!)
  const all = ({ server, database = 0 }: Spent) => server! + database
  const [smallest, ...larger] = Object.entries(sized).sort(([a], [b]) => Number(a) - Number(b))
  const costs = [smallest!, ...larger].map(([size, rounds]) => {
    const spread = inUnitsOf(rounds.map(all), units)
    const at = `growth-${what}.${name}.${size}`
    return measurement({ name: at, value: spread.median, unit: 'u with the database', target: null, spread })
  })
  const ratios = larger.map(([size, rounds]) => {
    const spread = spreadOf(rounds.map((round, index) => all(smallest![1][index]!) / all(round)))
    const at = `growth-${what}.${name}.flat.${size}`
    const rest = { unit: `of the rate with ${smallest![0]}`, better: 'higher' as const, spread }
    return measurement({ name: at, value: spread.median, target: flat, ...rest })
  })
  return [...costs, ...ratios]
}
