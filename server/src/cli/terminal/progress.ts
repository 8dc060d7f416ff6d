// Shows the progress of long work in one line at a terminal. Without a terminal it prints nothing.
import type { Terminal } from './terminal.ts'

export interface ProgressLine {
  write(text: string): void
  /** Clears the line. */
  end(): void
}

/** Milliseconds between two lines. */
const pause = 200
const clearLine = '\r\u001b[2K'

export function createProgress({ stderr }: Terminal, now: () => number = () => performance.now()): ProgressLine {
  if (stderr.isTTY !== true) return { write: () => undefined, end: () => undefined }
  let shownAt: number | undefined
  return {
    write(text) {
      if (shownAt !== undefined && now() - shownAt < pause) return
      shownAt = now()
      stderr.write(`${clearLine}${text}`)
    },
    end() {
      if (shownAt !== undefined) stderr.write(clearLine)
      shownAt = undefined
    },
  }
}
