/** What each bench is given. */
export interface BenchContext {
  /** An empty directory of its own; removed at the end. */
  readonly directory: string
  /** Progress, for people. */
  readonly say: (text: string) => void
}
