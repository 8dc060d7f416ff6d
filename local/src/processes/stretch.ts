// How much longer a process takes because others have the processors.
import { readFileSync } from 'node:fs'

/** @returns seconds that a thread ran, and seconds that it was ready to run while others had the processors */
export function schedulerSeconds(file: string): { ran: number; waited: number } {
  const [ran, waited] = readFileSync(file, 'utf8').split(' ')
  return { ran: Number(ran) / 1e9, waited: Number(waited) / 1e9 }
}

/**
 * Begins to measure how much longer the main thread of a process takes than on a machine of its own.
 * @returns gives the ratio since then of running and waiting to running: 1 when it never waited for a processor
 */
export function watchStretch(pid: number): () => number {
  // what others leave to us, Linux alone tells
  if (process.platform !== 'linux') return () => 1
  const read = () => schedulerSeconds(`/proc/${pid}/task/${pid}/schedstat`)
  const from = read()
  return () => {
    const [ran, waited] = [read().ran - from.ran, read().waited - from.waited]
    // the kernel may not have counted yet
    return ran > 0 ? (ran + waited) / ran : 1
  }
}

/** @returns a function that gives the milliseconds since then, divided by the stretch of this process: what it waits for is slowed down alike */
export function watchOwnTime(): () => number {
  const began = performance.now()
  const stretch = watchStretch(process.pid)
  return () => (performance.now() - began) / stretch()
}
