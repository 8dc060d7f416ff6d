import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { KubeConnection } from '../kubernetes/connection.ts'
import type { LeaseTimes } from '../kubernetes/lease.ts'
import type { OperatorMetrics } from '../metrics.ts'
import type { OperatorSettings } from '../settings.ts'
import type { Clock } from '../time/clock.ts'

export interface OperatorNeeds {
  readonly settings: OperatorSettings
  readonly version: string
  readonly connection: KubeConnection
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly metrics: Metrics
  readonly leaseTimes?: LeaseTimes
  /** Leadership, or a part that everything needs, is lost: the process must end, `waitMs` after its parts have. */
  readonly onFatal: (reason: string, waitMs?: number) => void
}

/** What is to be stopped, in the order of starting. */
export type Stops = (() => Promise<void> | void)[]

/** What the process has while it leads. */
export interface Leader extends Omit<OperatorNeeds, 'metrics'> {
  readonly metrics: OperatorMetrics
  readonly onRender: Metrics['onRender']
  /** @returns another connection that writes only while this process leads */
  readonly whileHeld: (connection: KubeConnection) => KubeConnection
  /** Gets what is to be stopped, in the order of starting. */
  readonly stops: Stops
  readonly stopping: AbortSignal
}
