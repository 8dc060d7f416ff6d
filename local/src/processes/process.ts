// One of our programs as a running process.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { ProcessLines } from './process-lines.ts'
import type { Program } from './program.ts'
import { root, scriptOf } from './program.ts'
import { reapProcess } from './reaper.ts'

/** One of our programs as a running process: what it writes, when it ends, and its restarts. */
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

interface ProcessOptions extends Program {
  readonly name: string
  readonly args?: readonly string[]
  /** Whether it is started again when it ends by itself, as a kubelet does. */
  readonly restart?: boolean
  readonly onLine?: (line: string) => void
  readonly onEnd?: (how: { code: number | null; signal: NodeJS.Signals | null }) => void
}

/** Starts one of our programs; it never outlives this process. */
export const startProcess = (options: ProcessOptions): RunningProcess => new ObservedProcess(options)

class ObservedProcess implements RunningProcess {
  readonly #options: ProcessOptions
  readonly #lines: ProcessLines
  #child: ChildProcess
  #restarts = 0
  #stopping = false
  #ended: Promise<void>
  #again: NodeJS.Timeout | undefined

  constructor(options: ProcessOptions) {
    this.#options = options
    this.#lines = new ProcessLines(options.name)
    this.#child = this.#spawn()
    this.#ended = this.#follow(this.#child)
  }

  get name(): string {
    return this.#options.name
  }
  get pid(): number | undefined {
    return this.#child.pid
  }
  get restarts(): number {
    return this.#restarts
  }
  get lines(): readonly string[] {
    return this.#lines.kept
  }
  get ended(): Promise<void> {
    return this.#ended
  }

  follow(options: Parameters<RunningProcess['follow']>[0]): AsyncGenerator<string> {
    return this.#lines.follow(options)
  }

  line(pattern: RegExp, options?: { from?: number; timeoutMs?: number }): Promise<string> {
    return this.#lines.find(pattern, options)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async stop(graceMs = 10_000): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#again)
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return this.#ended
    // a process under SIGSTOP does not receive TERM before it continues
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await this.#ended
    clearTimeout(timer)
  }

  #spawn(): ChildProcess {
    const { flags = [], script, args = [], env } = this.#options
    const child = spawn(process.execPath, [...flags, scriptOf(script), ...args], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // a session of its own: Ctrl-C in the terminal is sent to us only, and we end everything in order
      detached: true,
    })
    reapProcess(child)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#add(line))
    }
    return child
  }

  /** Resolves when the process has ended; a restart may follow. */
  #follow(child: ChildProcess): Promise<void> {
    const started = Date.now()
    return new Promise((resolve) => {
      child.once('error', (error) => this.#add(`cannot be started: ${error.message}`))
      child.once('close', (code, signal) => {
        const again = this.#options.restart === true && !this.#stopping
        if (!this.#options.restart) this.#lines.end()
        this.#options.onEnd?.({ code, signal })
        resolve()
        if (again) this.#startAgain(Date.now() - started)
      })
    })
  }

  /** Restarts at once after a long run, and after ever longer pauses when runs are short. */
  #startAgain(livedMs: number): void {
    this.#restarts++
    const pauseMs = livedMs > 10_000 ? 100 : Math.min(5_000, 250 * 2 ** Math.min(this.#restarts, 5))
    this.#again = setTimeout(() => {
      this.#child = this.#spawn()
      this.#ended = this.#follow(this.#child)
    }, pauseMs)
  }

  #add(line: string): void {
    this.#lines.add(line)
    this.#options.onLine?.(line)
  }
}
