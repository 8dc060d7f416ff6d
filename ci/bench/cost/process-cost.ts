// What a process has used, from /proc.
import { readFileSync, readdirSync } from 'node:fs'
import { schedulerSeconds } from '@nauthera/local/processes/stretch'

/** Clock ticks of /proc are 100 a second on every Linux that Node runs on. */
const tickSeconds = 0.01

/** @returns the fields of /proc/PID/stat after the name, which may hold spaces: [0] is the state, [1] the parent */
const statOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')

const ticks = (fields: readonly string[], ...indexes: readonly number[]): number =>
  indexes.reduce((sum, index) => sum + Number(fields[index]), 0)

/** @returns CPU seconds that the threads of a process have used, to the nanosecond: ticks are too coarse for a short round */
export function cpuSeconds(pid: number): number {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) sum += runSeconds(`/proc/${pid}/task/${thread}/schedstat`)
  return sum
}

/** A thread may have ended since it was listed; ours last as long as their process. */
function runSeconds(file: string): number {
  try {
    return schedulerSeconds(file).ran
  } catch {
    return 0
  }
}

/** @returns CPU seconds of a process, of its children, and of those of its children that have ended: all of a PostgreSQL */
export function familyCpuSeconds(pid: number): number {
  const ended = ticks(statOf(pid), 13, 14) * tickSeconds
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + runSeconds(`/proc/${child}/schedstat`), ended + cpuSeconds(pid))
}

const megabytes = (file: string, line: RegExp): number =>
  (Number(line.exec(readFileSync(file, 'utf8'))?.[1]) * 1024) / 1e6

/** @returns resident memory of a process in MB (10^6 bytes) */
export function residentMegabytes(pid: number): number {
  return megabytes(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB$/m)
}

/** @returns memory in MB that no other process shares, such as the mapped Node binary is shared */
export function ownMegabytes(pid: number): number {
  return megabytes(`/proc/${pid}/smaps_rollup`, /^Anonymous:\s+(\d+) kB$/m)
}

/** @returns seconds since a process was started */
export function ageSeconds(pid: number): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - Number(statOf(pid)[19]) * tickSeconds
}
