// A shell beside this process (reaper.sh) ends a moment later than it does, and cleans up even after a crash.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Writable } from 'node:stream'

let lines: Writable | undefined

function tell(line: string): void {
  lines ??= startReaper()
  lines.write(`${line}\n`)
}

function startReaper(): Writable {
  const child = spawn('/bin/sh', [fileURLToPath(new URL('reaper.sh', import.meta.url))], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // a session of its own: Ctrl-C in the terminal must not end it before us
    detached: true,
  })
  child.unref()
  const { stdin } = child
  ;(stdin as Writable & { unref?(): void }).unref?.()
  stdin.on('error', () => undefined)
  return stdin
}

/** Ends the child with this process, however this process ends: by the signal, then after 5 s by KILL.
 *  Does not keep the event loop alive by itself. */
export function reapProcess(child: ChildProcess, signal: 'TERM' | 'INT' | 'QUIT' | 'KILL' = 'TERM'): void {
  const { pid } = child
  if (pid === undefined) return
  tell(`process ${pid} ${signal}`)
  child.once('exit', () => tell(`ended ${pid}`))
}

/** The same for a process that is not our child.
 *  @returns forgets it: to be called when it has ended */
export function reapPid(pid: number, signal: 'TERM' | 'KILL'): () => void {
  tell(`process ${pid} ${signal}`)
  return () => tell(`ended ${pid}`)
}

/** Removes the directory with this process, however this process ends.
 *  @returns removes it now */
export function reapDirectory(directory: string): () => void {
  tell(`directory ${directory}`)
  return () => {
    rmSync(directory, { recursive: true, force: true })
    tell(`removed ${directory}`)
  }
}
