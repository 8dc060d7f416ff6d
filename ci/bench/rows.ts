import type { Measurement } from '../report.ts'
import type { BenchContext } from './context.ts'
import { growthRows, measureGrowth } from './rows/growth.ts'
import { measureRequests } from './rows/measure-requests.ts'
import { requestRows } from './rows/requests.ts'

type Measure = (context: BenchContext) => Promise<Measurement[]>

interface Row {
  readonly title: string
  readonly measure: Measure
  /** Left out of a quick run, unless it is named. */
  readonly slow?: true
  /** Its targets are no wish: one that is missed fails the run. */
  readonly mustHold?: true
}

/** The others are loaded when they are measured: they bring the whole product with them. */
const later =
  (load: () => Promise<Measure>): Measure =>
  async (context) =>
    (await load())(context)

const chain = (clients: 10 | 1_000 | 10_000) =>
  later(async () => (await import('./rows/chain.ts')).measureChain(clients))

const rowsOf = <Name extends string>(
  names: Readonly<Record<Name, { readonly title: string }>>,
  prefix: string,
  measure: (name: Name) => Measure,
): Record<string, Row> =>
  Object.fromEntries(
    (Object.keys(names) as Name[]).map((name) => [
      `${prefix}${name}`,
      { title: names[name].title, measure: measure(name) },
    ]),
  )

/** Everything that can be measured, in the order of the report. */
export const rows: Readonly<Record<string, Row>> = {
  ...rowsOf(requestRows, '', measureRequests),
  'round-trips': {
    title: 'round trips to PostgreSQL of each flow',
    measure: later(async () => (await import('./rows/round-trips.ts')).measureRoundTrips),
  },
  start: {
    title: 'cold start to the first token, and idle memory of server, agent and operator',
    measure: later(async () => (await import('./rows/start.ts')).measureStart),
  },
  memory: {
    title: 'memory of a server after a while of each load',
    measure: later(async () => (await import('./rows/memory.ts')).measureMemory),
  },
  ...rowsOf(growthRows, 'growth-', measureGrowth),
  swaps: {
    title: 'requests while one of 10,000 clients changes, and while all are loaded',
    measure: later(async () => (await import('./rows/swaps.ts')).measureSwaps),
  },
  'chain-10': { title: 'from an OIDCClient to every replica, among 10', measure: chain(10) },
  'chain-1000': { title: 'the same among 1,000', measure: chain(1_000), slow: true },
  'chain-10000': { title: 'the same among 10,000', measure: chain(10_000), slow: true },
  'many-people': {
    title: 'pages and searches with 100,000 people',
    measure: later(async () => (await import('./rows/many-people.ts')).measureManyPeople),
    slow: true,
  },
  'people-times': {
    title: 'whether the time of an answer tells who has an account',
    measure: later(async () => (await import('./rows/people-times.ts')).measurePeopleTimes),
    slow: true,
    mustHold: true,
  },
}
