// What PostgreSQL did for the queries of a piece of code.
import { statement } from '../../src/store/driver/database.ts'
import type { Connection, Statement, StatementValues } from '../../src/store/driver/database.ts'

interface Node {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Node[]
}

export interface ExplainedConnection extends Connection {
  /** Every node of the plans of the queries so far. */
  readonly nodes: Node[]
}

/** Runs each query, and explains it once more. */
export function explained(database: Connection): ExplainedConnection {
  const nodes: Node[] = []
  return {
    nodes,
    async query<Row>(asked: Statement<Row>, values: StatementValues = []) {
      const explain = statement<{ 'QUERY PLAN': { Plan: Node }[] }>(
        `explain-${asked.name}`,
        `EXPLAIN (ANALYZE, FORMAT JSON) ${asked.text}`,
      )
      const [row] = await database.query({ ...explain, parameters: asked.parameters }, values)
      nodes.push(...flat(row!['QUERY PLAN'][0]!.Plan))
      return database.query(asked, values)
    },
  }
}

/** @returns how many rows of a table were read */
export const rowsRead = (nodes: readonly Node[], table: string): number =>
  nodes
    .filter((node) => node['Relation Name'] === table)
    .reduce(
      (sum, node) => sum + (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
      0,
    )

const flat = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(flat)]
