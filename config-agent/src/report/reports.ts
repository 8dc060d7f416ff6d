// Every log line of the agent and the metrics beside it: each step has one constant message.
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { LiveState } from '../live/live-state.ts'
import { createReportMetrics } from '../metrics.ts'
import { MountReports } from './mount-reports.ts'
import { SecretReports } from './secret-reports.ts'
import { ServerReports } from './server-reports.ts'

/** The lines of the log and the metrics, by what they are about. */
export interface Reports {
  readonly mount: MountReports
  readonly server: ServerReports
  readonly secrets: SecretReports
}

/** @param needs.wallNow epoch milliseconds */
export function createReports(needs: { log: Log; metrics: Metrics; live: LiveState; wallNow: () => number }): Reports {
  const { log, live, wallNow } = needs
  const metrics = createReportMetrics(needs.metrics)
  const secrets = new SecretReports({ log, live, wallNow })
  return {
    mount: new MountReports({ log, metrics, secrets }),
    server: new ServerReports({ log, metrics, live, wallNow, secrets }),
    secrets,
  }
}
