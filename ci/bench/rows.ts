import type { Measurement } from '../report.ts'
import type { BenchContext } from './context.ts'
import { measureRequests } from './rows/measure-requests.ts'
import { requestRows } from './rows/requests.ts'

interface Row {
  readonly title: string
  readonly measure: (context: BenchContext) => Promise<Measurement[]>
}

const requests = Object.fromEntries(
  Object.entries(requestRows).map(([name, { title }]) => [
    name,
    { title, measure: measureRequests(name as keyof typeof requestRows) },
  ]),
)

/** Everything that can be measured, in the order of the report. */
export const rows: Readonly<Record<string, Row>> = requests
