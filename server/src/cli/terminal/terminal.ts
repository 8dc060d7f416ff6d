import type { Readable, Writable } from 'node:stream'

/** Where a command reads and writes; tests inject their own. */
export interface Terminal {
  readonly stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown }
  readonly stdout: Writable & { isTTY?: boolean }
  /** For everything but the result: questions, hints, progress, faults. */
  readonly stderr: Writable & { isTTY?: boolean }
  /** Calls back at Ctrl-C. @returns how to stop that */
  readonly onInterrupt: (interrupt: () => void) => () => void
}
