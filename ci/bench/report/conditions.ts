import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/** On what a row was measured. */
export interface Conditions {
  readonly date: string
  readonly cores: number
  readonly processor: string
  readonly memoryGigabytes: number
  readonly node: string
  /** Share of the processors that others used when the row began, 0 to 1; null where that is not known. */
  readonly others: number | null
  readonly quick: boolean
}

export const describeMachine = (run: Pick<Conditions, 'quick' | 'others'>): Conditions => ({
  date: new Date().toISOString().slice(0, 10),
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGigabytes: Math.round(totalmem() / 1e9),
  node: process.versions.node,
  ...run,
})

/** Looks at the processors for a second in which this process, and what it has started, have nothing to do. A load average
 *  would also tell of the minutes before.
 *  @returns the share that others use */
export async function measureOthers(): Promise<number | null> {
  const before = readStat()
  await pause(1_000)
  return busyBetween(before, readStat())
}

function readStat(): string {
  try {
    return readFileSync('/proc/stat', 'utf8')
  } catch {
    return ''
  }
}

/** @param before `/proc/stat`, and `after` the same some time later
 *  @returns the share of the processors that was not idle meanwhile, to the hundredth; null where the files say nothing */
export function busyBetween(before: string, after: string): number | null {
  const [from, to] = [before, after].map(ticksOf)
  const all = to!.all - from!.all
  return all > 0 ? Math.round((1 - (to!.idle - from!.idle) / all) * 100) / 100 : null
}

/** user, nice, system, idle, iowait, irq, softirq, and steal: what other machines on the same processors took. */
function ticksOf(stat: string): { all: number; idle: number } {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').slice(0, 8).map(Number)
  return { all: fields.reduce((sum, field) => sum + field, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) }
}

/** A machine that does nothing uses a few hundredths. */
const quiet = 0.1

/** Whether others used the machine too, so that absolute times say little. */
export const wasBusy = ({ others }: Conditions): boolean => others !== null && others > quiet
