import type { Readable, Writable } from 'node:stream'

/** Where a command reads and writes; a test brings its own. */
export interface Terminal {
  readonly stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown }
  readonly stdout: Writable & { isTTY?: boolean }
  /** Everything that is not the answer: questions, hints, progress, faults. */
  readonly stderr: Writable & { isTTY?: boolean }
  /** For what goes on until Ctrl-C. @returns takes the callback back */
  readonly onInterrupt: (interrupt: () => void) => () => void
}
