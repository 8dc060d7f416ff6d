import type { Health } from '@nauthera/runtime/health'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { MostPages } from '../account/frame/page-limits.ts'
import type { ServerSettings } from '../settings.ts'
import type { QueueLimits } from '../store/driver/bounded-queue.ts'

/** What the parts of a server need. */
export interface Needs {
  readonly settings: ServerSettings
  readonly log: Log
  readonly health: Health
  readonly metrics: Metrics
  readonly version: string
  /** The clock of this replica: epoch milliseconds. */
  readonly now: () => number
  /** Default: as many hashes as the processors compute in time. */
  readonly passwordQueue?: QueueLimits | undefined
  /** For tests. Default: more than anybody clicks. */
  readonly mostPages?: MostPages | undefined
  /** For tests: that of the database. */
  readonly patience?: number | undefined
}

/** Without a slash at the end. */
export const issuerOf = ({ issuer }: ServerSettings): string => new URL(issuer).href.replace(/\/$/, '')

export const basePathOf = ({ issuer }: ServerSettings): string => new URL(issuer).pathname.replace(/\/$/, '')
