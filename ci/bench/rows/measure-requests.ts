import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import { compare } from '../cost/compare.ts'
import type { Contender, Spent } from '../cost/compare.ts'
import { MissingClient, get } from '../load/flows.ts'
import type { LoadedProduct } from '../load/product.ts'
import { inUnitsOf } from '../report/statistics.ts'
import type { StartedSides } from '../sides/sides.ts'
import type { BenchContext } from '../context.ts'
import { requestRows } from './requests.ts'
import type { RequestRow } from './requests.ts'

type Name = keyof typeof requestRows

/** Measures one kind of request at ours, at stock oidc-provider and at a bare server, in turn. */
export function measureRequests(name: Name): (context: BenchContext) => Promise<Measurement[]> {
  const row: RequestRow = requestRows[name]
  return async ({ sides, effort, other, say }) => {
    const contenders = await contendersOf(row, sides)
    if (other !== undefined) Object.assign(contenders, await contenderOf(row, other, say))
    say('warming up')
    const spent = await compare(contenders, effort)
    for (const [side, rounds] of Object.entries(spent)) say(`${side}: ${describeRounds(rounds)}`)
    return measurementsOf(name, row, spent)
  }
}

async function contendersOf(row: RequestRow, sides: StartedSides): Promise<Record<string, Contender>> {
  const contender = async (side: 'ours' | 'cheap' | 'stock'): Promise<Contender> => {
    const { product } = await sides.side(side)
    return { product, operation: await row.prepare(product) }
  }
  const { product: bare } = await sides.side('bare')
  const unit = await requestRows.token.prepare(bare)
  return {
    unit: { product: bare, operation: unit },
    ...(row.ofBareGet === undefined ? {} : { bareGet: { product: bare, operation: () => get(bare, bare.paths.jwks) } }),
    ...(row.stock ? { stock: await contender('stock') } : {}),
    ours: await contender(row.hash === true ? 'ours' : 'cheap'),
  }
}

async function contenderOf(
  row: RequestRow,
  product: LoadedProduct,
  say: (text: string) => void,
): Promise<{ other?: Contender }> {
  try {
    return { other: { product, operation: await row.prepare(product) } }
  } catch (error) {
    if (!(error instanceof MissingClient)) throw error
    say(`${error.message}: measured without it`)
    return {}
  }
}

const describeRounds = (rounds: readonly Spent[]): string =>
  rounds
    .map(
      ({ server = Number.NaN, database }) =>
        `${server.toFixed(0)}${database === undefined ? '' : ` + ${database.toFixed(0)}`}`,
    )
    .join(', ') + ' us'

function measurementsOf(name: Name, row: RequestRow, spent: Record<string, Spent[]>): Measurement[] {
  const server = (side: string) => spent[side]!.map((round) => round.server!)
  const unit = server('unit')
  const inUnits = (what: string, values: readonly number[], target: number | undefined) => {
    const spread = inUnitsOf(values, unit)
    return measurement({ name: `${name}.${what}`, value: spread.median, unit: 'u', target: target ?? null, spread })
  }
  const database = spent['ours']!.map((round) => round.database ?? 0)
  const measured = [inUnits('server', server('ours'), row.target.server)]
  if (row.target.database !== undefined || spentMuch(database, unit))
    measured.push(inUnits('database', database, row.target.database))
  if (row.stock) measured.push(inUnits('stock', server('stock'), undefined))
  if (spent['other']) measured.push(...ofOther(name, spent))
  if (row.ofBareGet !== undefined) {
    const spread = inUnitsOf(server('bareGet'), server('ours'))
    const about = {
      value: spread.median,
      unit: 'of a bare GET',
      target: row.ofBareGet,
      better: 'higher' as const,
      spread,
    }
    measured.push(measurement({ name: `${name}.ratio`, ...about }))
  }
  return measured
}

/** Another product: its cost where its processes are here, and else its rate beside ours. */
function ofOther(name: Name, { other = [], ours = [], unit = [] }: Record<string, Spent[]>): Measurement[] {
  if (other.every((round) => round.server === undefined)) {
    const spread = inUnitsOf(
      ours.map((round) => round.milliseconds),
      other.map((round) => round.milliseconds),
    )
    const about = { value: spread.median, unit: 'of our rate', target: null, spread }
    return [measurement({ name: `${name}.other.rate`, ...about })]
  }
  const units = unit.map((round) => round.server!)
  const parts = {
    other: other.map((round) => round.server!),
    'other.database': other.map((round) => round.database ?? 0),
  }
  return Object.entries(parts).flatMap(([what, values]) => {
    const spread = inUnitsOf(values, units)
    return spread.median === 0
      ? []
      : [measurement({ name: `${name}.${what}`, value: spread.median, unit: 'u', target: null, spread })]
  })
}

/** The database does a little by itself, whatever is asked. */
const spentMuch = (database: readonly number[], unit: readonly number[]): boolean =>
  inUnitsOf(database, unit).median >= 0.1
