import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** On what a row was measured. */
export interface Conditions {
  readonly date: string
  readonly cores: number
  readonly processor: string
  readonly memoryGigabytes: number
  readonly node: string
  /** Load average of the last minute when the run began, and so without the run. */
  readonly loadBefore: number
  /** The same at the end of the row. */
  readonly load: number
  readonly quick: boolean
}

export const readLoad = (): number => Math.round(loadavg()[0]! * 10) / 10

export const readConditions = (run: { quick: boolean; loadBefore: number }): Conditions => ({
  date: new Date().toISOString().slice(0, 10),
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGigabytes: Math.round(totalmem() / 1e9),
  node: process.versions.node,
  ...run,
  load: readLoad(),
})

/** A bench alone keeps a server, a database and the load busy: about three. */
const ofTheBench = 3

/** Whether others used the machine too, so that absolute times say little. */
export const wasBusy = ({ loadBefore, load, cores }: Conditions): boolean =>
  loadBefore > cores / 2 || load > cores + ofTheBench
