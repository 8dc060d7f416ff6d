import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { EventEmitter, on } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { reapProcess } from './reaper.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const keptLines = 2_000

/** A process of ours under observation: its lines, its end, and a new start when it ends by itself. */
export interface RunningProcess {
  readonly name: string
  readonly pid: number | undefined
  readonly restarts: number
  /** The last 2,000 lines, standard output and standard error. */
  readonly lines: readonly string[]
  /** Lines as they come, from the `tail` last ones on. */
  follow(options: { tail?: number; follow: boolean; signal?: AbortSignal }): AsyncGenerator<string>
  /** @param options.from index in `lines` of the first one that counts; default 0
   *  @returns the first line (of those kept, or to come) that matches
   *  @throws Error after `timeoutMs` (20 s), with the last lines */
  line(pattern: RegExp, options?: { from?: number; timeoutMs?: number }): Promise<string>
  kill(signal: NodeJS.Signals): void
  /** Resolves when the process that runs now has ended. */
  readonly ended: Promise<void>
  /** Ends it for good: TERM, after `graceMs` KILL. */
  stop(graceMs?: number): Promise<void>
}

export interface Program {
  /** Entry file, from the root of the repository or absolute. */
  readonly script: string
  /** Of Node itself. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** What runs as each process. */
export interface Programs {
  readonly server: Program
  readonly 'config-agent': Program
  readonly operator: Program
}

/** The sources, as they are. */
export const sources: Programs = {
  server: { script: 'server/src/main.ts' },
  'config-agent': { script: 'config-agent/src/main.ts' },
  operator: { script: 'operator/src/main.ts' },
}

/** @param options.restart whether it is started again when it ends by itself, as a kubelet does */
export function startProcess(
  options: Program & {
    name: string
    args?: readonly string[]
    restart?: boolean
    onLine?: (line: string) => void
    onEnd?: (how: { code: number | null; signal: NodeJS.Signals | null }) => void
  },
): RunningProcess {
  const emitter = new EventEmitter()
  emitter.setMaxListeners(0)
  const lines: string[] = []
  let child: ChildProcess
  let restarts = 0
  let stopping = false
  let ended = Promise.resolve()
  let again: NodeJS.Timeout | undefined

  const add = (line: string) => {
    lines.push(line)
    if (lines.length > keptLines) lines.shift()
    emitter.emit('line', line)
    options.onLine?.(line)
  }
  const start = () => {
    const run = spawn(process.execPath, [...(options.flags ?? []), options.script, ...(options.args ?? [])], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // its own session: Ctrl-C in the terminal reaches us only, and we end everything in order
      detached: true,
    })
    child = run
    reapProcess(run)
    for (const stream of [run.stdout, run.stderr]) createInterface({ input: stream }).on('line', add)
    const started = Date.now()
    ended = new Promise((resolve) => {
      run.once('error', (error) => add(`cannot be started: ${error.message}`))
      run.once('close', (code, signal) => {
        emitter.emit('end')
        options.onEnd?.({ code, signal })
        resolve()
        if (!options.restart || stopping) return
        restarts++
        again = setTimeout(
          start,
          Date.now() - started > 10_000 ? 100 : Math.min(5_000, 250 * 2 ** Math.min(restarts, 5)),
        )
      })
    })
  }
  start()

  return {
    name: options.name,
    get pid() {
      return child.pid
    },
    get restarts() {
      return restarts
    },
    lines,
    get ended() {
      return ended
    },
    follow: async function* ({ tail, follow, signal }) {
      yield* tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail))
      if (!follow) return
      try {
        for await (const [line] of on(emitter, 'line', signal ? { signal } : {})) yield line as string
      } catch (error) {
        if (!signal?.aborted) throw error
      }
    },
    line: (pattern, { from = 0, timeoutMs = 20_000 } = {}) =>
      new Promise((resolve, reject) => {
        const found = lines.slice(from).find((line) => pattern.test(line))
        if (found !== undefined) return resolve(found)
        const settle = () => {
          clearTimeout(timer)
          emitter.off('line', check)
          emitter.off('end', end)
        }
        const fail = (why: string) => {
          settle()
          reject(
            new Error(`${options.name}: ${why} (${String(pattern)}); its last lines:\n${lines.slice(-20).join('\n')}`),
          )
        }
        const check = (line: string) => {
          if (!pattern.test(line)) return
          settle()
          resolve(line)
        }
        const end = () => void (options.restart || fail('ended without a line that was waited for'))
        const timer = setTimeout(() => fail(`no such line within ${timeoutMs} ms`), timeoutMs)
        emitter.on('line', check)
        emitter.on('end', end)
      }),
    kill: (signal) => void child.kill(signal),
    stop: async (graceMs = 10_000) => {
      stopping = true
      clearTimeout(again)
      if (child.exitCode !== null || child.signalCode !== null) return ended
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await ended
      clearTimeout(timer)
    },
  }
}

/** Runs one of our programs to its end.
 *  @returns what it wrote to standard output
 *  @throws Error with its output when it ends with another code than 0, or not within `timeoutMs` */
export async function runToEnd(options: {
  name: string
  script: string
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
  input?: string
  timeoutMs?: number
  onLine?: (line: string) => void
}): Promise<string> {
  const child = spawn(process.execPath, [options.script, ...(options.args ?? [])], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
  })
  reapProcess(child)
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  let out = ''
  let all = ''
  child.stdout.on('data', (chunk) => ((out += String(chunk)), (all += String(chunk))))
  child.stderr.on('data', (chunk) => (all += String(chunk)))
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => options.onLine?.(line))
  }
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  })
  if (code !== 0)
    throw new Error(`${options.name} ended with ${code}:\n${all.trim().split('\n').slice(-20).join('\n')}`)
  return out
}

/** Writes settings for one of our programs. */
export function writeSettings(file: string, settings: object): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stringify(settings), { mode: 0o600 })
  return file
}
