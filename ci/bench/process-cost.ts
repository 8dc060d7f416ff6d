import { readFileSync } from 'node:fs'

/** Clock ticks of /proc are 100 a second on every Linux that Node runs on. */
const tickSeconds = 0.01

/** @returns CPU seconds, user and system, that a process has used */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tickSeconds
}

/** @returns resident memory of a process in MB (10^6 bytes) */
export function residentMegabytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (Number(kibibytes) * 1024) / 1e6
}

/** @returns seconds since a process was started */
export function ageSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - Number(fields[19]) * tickSeconds
}
