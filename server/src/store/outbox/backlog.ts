// Measures what waits in the outbox. Every replica does; all see the same.
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import { workKinds } from './outbox-rows.ts'

const everyMs = 15_000

const backlog = statement<{ kind: string; waiting: number; oldest: number }>(
  'outbox-backlog',
  `SELECT kind, count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS oldest
   FROM outbox WHERE done_at IS NULL GROUP BY kind`,
  { batched: true },
)

/** Sets the gauges of the outbox now and then. While PostgreSQL is away they say what was true before. */
export function createBacklogGauges(needs: { database: Connection; metrics: Metrics; log: Log }) {
  const { database, metrics, log } = needs
  const waiting = metrics.gauge(serverMetrics.outboxWaiting)
  const oldest = metrics.gauge(serverMetrics.outboxOldest)
  let timer: NodeJS.Timeout | undefined
  const measure = async () => {
    const rows = new Map((await database.query(backlog)).map((row) => [row.kind, row]))
    for (const kind of new Set([...workKinds, ...rows.keys()])) {
      waiting.set({ kind }, rows.get(kind)?.waiting ?? 0)
      oldest.set({ kind }, rows.get(kind)?.oldest ?? 0)
    }
  }
  const look = () => void measure().catch((error: unknown) => log.debug({ error }, 'the outbox was not measured'))
  return {
    measure,
    start(): void {
      look()
      timer ??= setInterval(look, everyMs).unref()
    },
    stop: async (): Promise<void> => clearInterval(timer),
  }
}
