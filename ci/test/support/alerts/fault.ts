// A fault, and the alerts that it raises.
import type { AlertSite } from './site.ts'

export interface Fault {
  /** As a title of a test: what happens. */
  readonly fault: string
  /** They are silent before, and each fires because of it. */
  readonly alerts: readonly string[]
  /** Default: on every machine. */
  readonly isPossible?: () => boolean
  readonly begin: (site: AlertSite) => Promise<unknown> | void
  /** Undoes it: then the alerts fall silent. */
  readonly end?: (site: AlertSite) => Promise<unknown> | void
}
