import type { Effort } from './cost/compare.ts'
import type { LoadedProduct } from './load/product.ts'
import type { StartedSides } from './sides/sides.ts'

/** What each row is given. */
export interface BenchContext {
  /** An empty directory of its own; removed at the end. */
  readonly directory: string
  /** The servers that several rows share. */
  readonly sides: StartedSides
  readonly effort: Effort
  /** Whether a short run was asked for. */
  readonly quick: boolean
  /** Another product to measure beside ours. */
  readonly other?: LoadedProduct | undefined
  /** Progress, for people. */
  readonly say: (text: string) => void
}
