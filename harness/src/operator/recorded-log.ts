// Log lines of an operator, which a test can wait on.
import { createLog } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'

type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number }

export interface RecordedLog {
  readonly log: Log
  readonly lines: readonly LogLine[]
  /** Lines with this message. */
  told(message: string): readonly LogLine[]
  /** @returns stops telling */
  onLine(listener: () => void): () => void
}

export function createRecordedLog(process = 'operator'): RecordedLog {
  const lines: LogLine[] = []
  const listeners = new Set<() => void>()
  const log = createLog({
    process,
    level: 'debug',
    format: 'json',
    sink: {
      write: (line) => {
        lines.push(JSON.parse(line) as LogLine)
        for (const listener of listeners) listener()
      },
    },
  })
  return {
    log,
    lines,
    told: (message) => lines.filter(({ msg }) => msg === message),
    onLine: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
