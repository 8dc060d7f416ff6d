// What goes on for as long as a fault lasts.
import { setTimeout as pause } from 'node:timers/promises'
import type { AlertFault } from './fault.ts'
import type { AlertSite } from './site.ts'

type Stop = () => Promise<unknown> | void

/** A fault that is something which runs: its end stops it. */
export function lasting(start: (site: AlertSite) => Promise<Stop> | Stop): Required<Pick<AlertFault, 'begin' | 'end'>> {
  let stop: Stop | undefined
  return {
    begin: async (site) => void (stop = await start(site)),
    end: () => stop?.(),
  }
}

/** Callers of whom each waits for its answer before it asks again, and a little after a failure. */
export function startCallers(count: number, call: () => Promise<unknown>): () => Promise<void> {
  let running = true
  const loop = async () => {
    while (running) await call().catch(() => pause(50))
  }
  const loops = Promise.all(Array.from({ length: count }, loop))
  return async () => {
    running = false
    await loops
  }
}

/** Processes that get so little of a processor that they stand still for most of the time. */
export function startThrottle(
  signal: (name: 'SIGSTOP' | 'SIGCONT') => void,
  milliseconds: { still: number; running: number },
): () => void {
  let timer: NodeJS.Timeout
  const halt = () => {
    signal('SIGSTOP')
    timer = setTimeout(goOn, milliseconds.still)
  }
  const goOn = () => {
    signal('SIGCONT')
    timer = setTimeout(halt, milliseconds.running)
  }
  halt()
  return () => {
    clearTimeout(timer)
    signal('SIGCONT')
  }
}
