import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** On what a run was measured. */
export interface Conditions {
  readonly date: string
  readonly cores: number
  readonly processor: string
  readonly memoryGigabytes: number
  readonly node: string
  /** Load average of the last minute when the run began. */
  readonly load: number
}

export function readConditions(): Conditions {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGigabytes: Math.round(totalmem() / 1e9),
    node: process.versions.node,
    load: loadavg()[0]!,
  }
}
