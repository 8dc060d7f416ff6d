// A log of a test: one that keeps its lines, and one that says nothing.
import { createLog } from '@nauthera/runtime/log'
import type { LogLevel, ProcessLog } from '@nauthera/runtime/log'

/** @returns a log, and its lines as JSON */
export function keptLog(
  level: LogLevel = 'info',
  lines: string[] = [],
): { readonly log: ProcessLog; readonly lines: string[] } {
  const log = createLog({ process: 'test', level, format: 'json', sink: { write: (line) => void lines.push(line) } })
  return { log, lines }
}

export const quietLog = createLog({
  process: 'test',
  level: 'error',
  format: 'json',
  sink: { write: () => undefined },
})
