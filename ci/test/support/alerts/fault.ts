// A fault, and the alerts that it raises.
import type { AlertSite } from './site.ts'

export interface AlertFault {
  /** As a title of a test: what happens. */
  readonly fault: string
  /** They are silent before, and each fires because of it. */
  readonly alerts: readonly string[]
  /** Default: on every machine. */
  readonly isPossible?: () => boolean
  /** The longest that an alert waits for. Default: two minutes. */
  readonly patienceMs?: number
  readonly begin: (site: AlertSite) => Promise<unknown> | void
  /** Undoes it: then the alerts fall silent. */
  readonly end?: (site: AlertSite) => Promise<unknown> | void
}
