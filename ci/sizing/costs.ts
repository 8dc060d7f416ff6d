// The measured costs of sizing, from the report of the bench and docs/measurements/sizing.json.
import type { MeasuredCost, Costs } from './plan.ts'

interface Report {
  readonly rows: Readonly<
    Record<
      string,
      {
        readonly runs: readonly {
          readonly measurements: readonly { readonly name: string; readonly value: number }[]
        }[]
      }
    >
  >
}

type MeasuredOnDisk = Pick<Costs, 'unit' | 'bytes' | 'wal' | 'commits'>

/** Resident under load, with garbage: docs/measurements.md, and docs/measurements-cluster.md for a hub of 50 clusters. */
const megabytes = { server: { idle: 240, ofThousandClients: 3 }, operator: { idle: 150, ofThousandClients: 25 } }

export function readCosts(report: Report, { unit, bytes, wal, commits }: MeasuredOnDisk): Costs {
  const cost = (name: string): MeasuredCost => {
    const [row] = name.split('.')
    const values = report.rows[row!]!.runs.flatMap(({ measurements }) =>
      measurements.filter((found) => found.name === name),
    )
      .map(({ value }) => value)
      .toSorted((a, b) => a - b)
    if (values.length === 0) throw new TypeError(`the report of the bench lacks ${name}`)
    return { median: values[Math.floor(values.length / 2)]!, low: values[0]!, high: values.at(-1)! }
  }
  const less = (all: MeasuredCost, part: MeasuredCost): MeasuredCost => ({
    median: all.median - part.median,
    low: Math.max(0, all.low - part.high),
    high: all.high - part.low,
  })
  const signIn = cost('sign-in-rs256.server')
  return {
    unit,
    server: {
      token: cost('token.server'),
      introspection: cost('introspection.server'),
      refresh: cost('refresh-rs256.server'),
      signIn,
      hash: less(cost('sign-in-hash.server'), signIn),
    },
    database: {
      introspection: cost('introspection.database'),
      refresh: cost('refresh-rs256.database'),
      signIn: cost('sign-in-rs256.database'),
    },
    bytes,
    wal,
    commits,
    megabytes,
  }
}
