import type { Readable, Writable } from 'node:stream'

/** Where a command reads and writes; a test brings its own. */
export interface Terminal {
  readonly stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown }
  readonly stdout: Writable
  /** Everything that is not the answer: questions, hints, faults. */
  readonly stderr: Writable
}
