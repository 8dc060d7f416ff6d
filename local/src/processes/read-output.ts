// Reads what a program writes, until it ends.
import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { reapProcess } from './reaper.ts'

/** How a program ended. */
export interface RunResult {
  /** null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** @returns all that the program wrote, once it has ended; it ends with this process at the latest
 *  @throws Error when it cannot be started */
export async function readOutput(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Promise<RunResult> {
  reapProcess(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...output }))
  })
}
