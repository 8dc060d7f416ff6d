import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, get } from 'node:http'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { Secret } from '@nauthera/runtime/secret'
import { quietLog } from '@nauthera/harness/kept-log'
import { createMovableClock } from '@nauthera/harness/movable-clock'
import { freePort } from '@nauthera/local/processes/ports'
import { compileCache, root, scriptOf } from '@nauthera/local/processes/program'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import type { FreshDatabase } from '@nauthera/local/programs/fresh-database'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { parseDsn } from '../src/store/driver/connection.ts'
import { statement } from '../src/store/driver/database.ts'
import { createDatabase } from '../src/store/driver/postgres.ts'
import { migrateUp } from '../src/store/migrate.ts'

// The server as a process: what it prints, when it is ready, how it exits.

interface Run {
  readonly child: ChildProcess
  readonly lines: string[]
  /** Resolves with the first line that contains the text. */
  line(text: string): Promise<string>
  readonly ended: Promise<number | null>
}

const running: Run[] = []

/** @param flags of Node */
function run(settingsFile: string, flags: readonly string[] = []): Run {
  const child = spawn(process.execPath, [...flags, scriptOf('server/src/main.ts'), '--settings', settingsFile], {
    cwd: root,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...compileCache },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  reapProcess(child)
  const lines: string[] = []
  const waiting: { text: string; resolve: (line: string) => void }[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      for (const one of waiting) if (line.includes(one.text)) one.resolve(line)
    })
  }
  const started: Run = {
    child,
    lines,
    line: (text) => {
      const found = lines.find((line) => line.includes(text))
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve) => waiting.push({ text, resolve }))
    },
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  }
  running.push(started)
  return started
}

describe('the server process', () => {
  let database: FreshDatabase
  let directory: string
  let settings: Record<string, unknown>
  before(async () => {
    database = await freshDatabase()
    directory = temporaryDirectory('test')
    mkdirSync(join(directory, 'keys'))
    writeFileSync(join(directory, 'keys/k1'), randomBytes(32))
    writeFileSync(join(directory, 'keys/current'), 'k1')
    writeFileSync(join(directory, 'dsn'), database.url)
    settings = {
      issuer: `http://localhost:${await freePort()}`,
      listen: { host: '127.0.0.1', port: 0 },
      management: { host: '127.0.0.1', port: await freePort() },
      config: { socket: join(directory, 'config.sock'), tlsDirectory: directory },
      keysDirectory: join(directory, 'keys'),
      database: { dsnFile: join(directory, 'dsn'), sslMode: 'disable' },
    }
    writeFileSync(join(directory, 'server.yaml'), JSON.stringify(settings))
  })
  afterEach(() => {
    for (const { child } of running.splice(0)) child.kill('SIGKILL')
  })
  after(() => database.drop())

  it('waits for the database schema and says so, starts when it is there, prints no notice of a library, and exits with 0', async () => {
    const server = run(join(directory, 'server.yaml'))
    expect(await server.line('not ready')).to.contain('STORE_SCHEMA_OUTDATED')
    const { management } = settings as { management: { port: number } }
    const ready = () => fetch(`http://127.0.0.1:${management.port}/readyz`)
    expect((await ready()).status).to.equal(503)
    await migrateUp({ ...parseDsn(new Secret(database.url), 'disable'), poolMax: 2 }, { log: () => undefined })
    await server.line('waiting for clients')
    const listening = JSON.parse(await server.line('listening')) as { port: number }
    const answer = await fetch(`http://localhost:${listening.port}/jwks`, { headers: { host: 'x' } })
    expect(answer.status).to.equal(421)
    // not ready: no complete set of clients has come
    expect(await (await ready()).text()).to.match(/^clients: /)
    const ending = server.ended
    server.child.kill('SIGTERM')
    expect(await ending).to.equal(0)
    expect(server.lines.filter((line) => /NOTICE|WARNING|deprecat/i.test(line))).to.deep.equal([])
    for (const line of server.lines) expect(() => JSON.parse(line) as unknown, line).to.not.throw()
    expect(server.lines.join('\n')).to.not.contain(new URL(database.url).password)
  })

  it('F68 is not ready and makes no keys while its clock is minutes ahead of the database, and goes on by itself once it is set', async () => {
    const connection = { ...parseDsn(new Secret(database.url), 'disable'), poolMax: 2 }
    await migrateUp(connection, { log: () => undefined })
    const { management } = settings as { management: { port: number } }
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${management.port}${path}`)).text()
    const store = createDatabase({ connection, log: quietLog })
    const keys = async () =>
      (await store.query<{ id: string }>(statement('test-key-ids', 'SELECT id FROM keys'))).length
    const before = await keys()
    const clock = createMovableClock(directory)
    clock.move(180_000)
    const server = run(join(directory, 'server.yaml'), clock.flags)
    expect(await server.line('not ready; trying again')).to.include('CLOCKS_DIFFER')
    expect(await ask('/readyz')).to.match(
      /^clock: CLOCKS_DIFFER: the clock here is 1\d\d s ahead of that of the database/m,
    )
    expect(await ask('/metrics')).to.match(/^nauthera_server_clock_ahead_seconds\S* 1\d\d/m)
    expect(await keys()).to.equal(before)
    clock.move(0)
    await server.line('waiting for clients')
    expect(await ask('/readyz')).to.match(/^clients: [^\n]*\n$/)
    await store.stop()
  })

  it('E5 ten thousand probes of health and metrics ask the database nothing, write no line, and hold up nobody', async () => {
    await migrateUp({ ...parseDsn(new Secret(database.url), 'disable'), poolMax: 2 }, { log: () => undefined })
    const server = run(join(directory, 'server.yaml'))
    await server.line('waiting for clients')
    const { port } = JSON.parse(await server.line('listening')) as { port: number }
    const { management, issuer } = settings as { management: { port: number }; issuer: string }
    const agent = new Agent({ keepAlive: true, maxSockets: 50 })
    const ask = (at: number, path: string, host = 'localhost') =>
      new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        get({ agent, host: '127.0.0.1', port: at, path, headers: { host } }, (answer) => {
          let body = ''
          answer.setEncoding('utf8').on('data', (part: string) => (body += part))
          answer.once('end', () => resolve({ status: answer.statusCode, body }))
        }).once('error', reject)
      })
    /** Statements of requests: the server looks after itself meanwhile, every few seconds. */
    const statements = async () =>
      [...(await ask(management.port, '/metrics')).body.matchAll(/^nauthera_server_database_seconds_count\S* (\d+)$/gm)]
        .map((match) => Number(match[1]))
        .reduce((sum, count) => sum + count, 0)
    expect((await ask(management.port, '/metrics')).body).to.match(/^nauthera_ready\{process="server"\} [01]$/m)
    const [before, lines] = [await statements(), server.lines.length]
    const paths = ['/livez', '/readyz', '/livez', '/readyz', '/metrics']
    const longest = { ms: 0 }
    const probes = Array.from({ length: 10_000 }, (_, n) => ask(management.port, paths[n % paths.length]!))
    let isOver = false
    const others = (async () => {
      while (!isOver) {
        const from = performance.now()
        expect((await ask(port, '/jwks', new URL(issuer).host)).status).to.equal(200)
        longest.ms = Math.max(longest.ms, performance.now() - from)
      }
    })()
    const answers = await Promise.all(probes)
    isOver = true
    await others
    expect(new Set(answers.map(({ status }, n) => `${paths[n % paths.length]} ${status}`))).to.deep.equal(
      new Set(['/livez 200', '/readyz 503', '/metrics 200']),
    )
    expect((await statements()) - before).to.be.below(1_000)
    expect(server.lines.slice(lines)).to.deep.equal([])
    expect(longest.ms).to.be.below(10_000)
    agent.destroy()
  })

  it('exits with 2 and prints every fault when its settings are wrong', async () => {
    writeFileSync(join(directory, 'bad.yaml'), JSON.stringify({ issuer: 'x', refreshGrace: 'soon', nonsense: 1 }))
    const server = run(join(directory, 'bad.yaml'))
    expect(await server.ended).to.equal(2)
    for (const path of ['issuer:', 'refreshGrace:', 'nonsense:']) expect(server.lines.join('\n')).to.contain(path)
  })

  it('exits with KEY_RING_INVALID when the directory of its keys is missing', async () => {
    writeFileSync(
      join(directory, 'no-keys.yaml'),
      JSON.stringify({
        ...settings,
        management: { host: '127.0.0.1', port: 0 },
        keysDirectory: join(directory, 'nowhere'),
      }),
    )
    const server = run(join(directory, 'no-keys.yaml'))
    expect(await server.ended).to.equal(1)
    expect(server.lines.join('\n')).to.contain('KEY_RING_INVALID')
  })
})
