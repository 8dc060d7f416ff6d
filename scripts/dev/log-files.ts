import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { join } from 'node:path'

/** Everything that the processes write, a file each, with the time. */
export interface LogFiles {
  readonly directory: string
  add(process: string, line: string): void
  /** Resolves when all lines are written. */
  close(): Promise<void>
}

/** @param directory is emptied: it holds one run */
export function createLogFiles(directory: string): LogFiles {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const files = new Map<string, WriteStream>()
  const open = (process: string): WriteStream => {
    const file = createWriteStream(join(directory, `${process.replaceAll(' ', '-')}.log`), { mode: 0o600 })
    // a full disk ends no process
    file.on('error', () => undefined)
    files.set(process, file)
    return file
  }
  return {
    directory,
    add: (process, line) =>
      void (files.get(process) ?? open(process)).write(`${new Date().toISOString().slice(11, 23)} ${line}\n`),
    close: async () => {
      const ended = [...files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve())))
      files.clear()
      await Promise.all(ended)
    },
  }
}
