import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ProcessLines } from '@nauthera/local/processes/process-lines'
import { reapProcess } from '@nauthera/local/processes/reaper'

/** How a program is started. */
export interface ProgramCommand {
  readonly command: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A program as it runs. */
export interface RunningProgram {
  readonly lines: readonly string[]
  /** @returns the first line, of those that it wrote or will write, that matches */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>
  /** Resolves when it answers there with anything but an error of a server. @throws Error with its last lines when it ends before, or after two minutes */
  answers(url: string): Promise<void>
  /** Resolves when it has ended by itself, or was stopped. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const running = new Set<{ stop(): Promise<void> }>()

/** Ends every program that a file has started. */
export const stopPrograms = async (): Promise<void> => {
  await Promise.all([...running].map((one) => one.stop()))
  running.clear()
}

/** Ends something else with the programs of a file. */
export const stopLater = (stop: () => Promise<void>): void => void running.add({ stop })

/** Starts a program; it never outlives this process. It gets PATH and HOME of this one, and otherwise only the environment that is given. */
export function startProgram(options: ProgramCommand): RunningProgram {
  const { command, args = [], env = {}, cwd } = options
  const lines = new ProcessLines(command)
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(command, args, {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  reapProcess(child)
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.add(line))
  let hasEnded = false
  child.once('error', (error) => lines.add(`cannot be started: ${error.message}`))
  const ended = once(child, 'close').then(() => {
    hasEnded = true
    lines.end()
  })
  const program: RunningProgram = {
    lines: lines.kept,
    ended,
    line: (pattern, timeoutMs = 120_000) => lines.find(pattern, { timeoutMs }),
    async answers(url) {
      const until = Date.now() + 120_000
      for (;;) {
        const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
        if (answer !== undefined && answer.status < 500) return
        if (hasEnded || Date.now() > until)
          throw new Error(`${command} does not answer at ${url}; its last lines:\n${lines.kept.slice(-20).join('\n')}`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    async stop() {
      running.delete(program)
      if (hasEnded) return
      child.kill('SIGTERM')
      // with the processes that it started
      const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 10_000)
      await ended.catch(() => undefined)
      clearTimeout(timer)
    },
  }
  running.add(program)
  return program
}
