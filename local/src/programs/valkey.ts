// A real Valkey (or Redis: the same protocol) from Debian's package, on 127.0.0.1, in memory only.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../processes/ports.ts'
import { reapDirectory, reapProcess } from '../processes/reaper.ts'

const startTimeoutMs = 10_000

export interface Valkey {
  /** `redis://127.0.0.1:port`. */
  readonly url: string
  readonly port: number
  /** For tests that stop (SIGSTOP) or kill it. */
  readonly pid: number
  stop(): Promise<void>
}

/** @param options.port default: any free one
 *  @throws Error when neither program is installed, or it is not ready within 10 s */
export async function startValkey(options: { port?: number } = {}): Promise<Valkey> {
  const program = ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0)
  if (program === undefined)
    throw new Error('neither valkey-server nor redis-server is there; run apt-get install redis-server')
  const port = options.port ?? (await freePort())
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-valkey-'))
  const forget = reapDirectory(directory)
  const flags = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no', daemonize: 'no' }
  const child = spawn(
    program,
    Object.entries(flags).flatMap(([key, value]) => [`--${key}`, String(value)]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  reapProcess(child)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${program} was not ready within 10 s`)), startTimeoutMs)
    child.once('exit', (code) => reject(new Error(`${program} ended with code ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!/ready to accept connections/i.test(line)) return
      clearTimeout(timer)
      resolve()
    })
  })
  child.unref()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    async stop() {
      child.ref()
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      await ended
      forget()
    },
  }
}
