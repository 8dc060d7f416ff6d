// A whole server process, between which and its database and its cache stands somebody who lies. What it costs is measured in the process:
// processor time of the loop's thread, because a busy machine takes wall time, and resident memory.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { freePort } from '@nauthera/local/processes/ports'
import { compileCache, root, scriptOf } from '@nauthera/local/processes/program'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import type { FreshDatabase } from '@nauthera/local/programs/fresh-database'
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { parseDsn } from '../src/store/driver/connection.ts'
import { migrateUp } from '../src/store/migrate.ts'
import { endlessLies, lies } from './store/driver/postgres-lies.ts'
import { waitFor } from './store/wait-for.ts'

/** What is said in the place of an answer. */
interface Lie {
  /** How often the other side was answered truly on the same connection. */
  readonly stage: number
  readonly say: (socket: Socket) => void
}

/** Carries what two sides say, or lies to the one that connected. */
async function startLiar(target: number) {
  let lie: Lie | undefined
  let told = 0
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = connect(target, '127.0.0.1')
    const mine = lie
    let asked = 0
    for (const socket of [incoming, outgoing]) {
      open.add(socket.on('error', () => undefined))
      socket.once('close', () => {
        open.delete(socket)
        incoming.destroy()
        outgoing.destroy()
      })
    }
    outgoing.on('data', (bytes: Buffer) => void (mine && asked > mine.stage ? undefined : incoming.write(bytes)))
    incoming.on('data', (bytes: Buffer) => {
      if (!mine || ++asked <= mine.stage) outgoing.write(bytes)
      else if (asked === mine.stage + 1) {
        told++
        mine.say(incoming)
      }
    })
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    told: () => told,
    /** From now on, on new connections; undefined: it tells the truth. Those that are open break. */
    lie(next: Lie | undefined) {
      lie = next
      for (const socket of open) socket.destroy()
    },
    stop() {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}

const sayOnce = (bytes: Buffer) => (socket: Socket) => void socket.end(bytes)

const forEver = (head: Buffer, more: Buffer) => {
  const block = Buffer.concat(Array.from({ length: Math.ceil(65_536 / more.length) }, () => more))
  return (socket: Socket) => {
    socket.write(head)
    const go = () => {
      while (!socket.destroyed && socket.write(block));
    }
    socket.on('drain', go)
    go()
  }
}

const cacheLies: readonly ((socket: Socket) => void)[] = [
  ...['>1\r\n_', '$-9', '*1\r\n:x', '-ERR x', '%1\r\n+a\r\n+b', '\0', '$9\r\nloading:1'].map((text) =>
    sayOnce(Buffer.from(`${text}\r\n`)),
  ),
  forEver(Buffer.from('$999999999\r\n'), Buffer.alloc(65_536, 'x')),
  forEver(Buffer.from('+'), Buffer.alloc(65_536, 'x')),
  forEver(Buffer.from('*999999999\r\n'), Buffer.from('$1\r\nx\r\n')),
  forEver(Buffer.alloc(0), Buffer.from('>1\r\n_\r\n')),
  forEver(Buffer.alloc(0), Buffer.from('*1\r\n')),
]

/** In the server: what its loop's thread has spent since the last look at most, and the most memory that it had. */
const measuring = `
let [before, held, most] = [process.threadCpuUsage(), 0, 0]
const look = () => {
  const now = process.threadCpuUsage()
  held = Math.max(held, now.user + now.system - before.user - before.system)
  most = Math.max(most, process.memoryUsage.rss())
  before = now
}
setInterval(look, 5).unref()
process.on('message', (wanted) => {
  if (wanted === 'collect') return void gc({ type: 'major', flavor: 'last-resort' })
  look()
  process.send({ held: held / 1000, most: most / 1e6, now: process.memoryUsage.rss() / 1e6 })
  held = most = 0
})
process.channel.unref()
`

interface Measured {
  /** Milliseconds of processor time. */
  readonly held: number
  /** MB. */
  readonly most: number
  readonly now: number
}

describe('a server whose neighbours lie', function () {
  this.timeout(600_000)
  let database: FreshDatabase
  let valkey: Valkey
  let liars: { postgres: Awaited<ReturnType<typeof startLiar>>; valkey: Awaited<ReturnType<typeof startLiar>> }
  let child: ChildProcess
  let port: number
  const lines: string[] = []
  before(async () => {
    ;[database, valkey] = await Promise.all([freshDatabase(), startValkey()])
    await migrateUp({ ...parseDsn(new Secret(database.url), 'disable'), poolMax: 2 }, { log: () => undefined })
    const url = new URL(database.url)
    liars = { postgres: await startLiar(Number(url.port)), valkey: await startLiar(valkey.port) }
    url.port = String(liars.postgres.port)
    const directory = temporaryDirectory('liars')
    const file = (name: string, text: string | Buffer) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    mkdirSync(join(directory, 'keys'))
    file('keys/k1', randomBytes(32))
    file('keys/current', 'k1')
    port = await freePort()
    const settings = {
      issuer: `http://localhost:${port}`,
      listen: { host: '127.0.0.1', port },
      management: { host: '127.0.0.1', port: await freePort() },
      config: { socket: join(directory, 'config.sock'), tlsDirectory: directory },
      keysDirectory: join(directory, 'keys'),
      database: { dsnFile: file('dsn', url.href), sslMode: 'disable' },
      cache: { urlFile: file('cache', `redis://127.0.0.1:${liars.valkey.port}`) },
      mail: { host: '127.0.0.1', port: 1, from: 'Login <login@example.com>', tls: 'off' },
    }
    child = spawn(
      process.execPath,
      [
        '--expose-gc',
        '--max-semi-space-size=4',
        '--import',
        file('measuring.mjs', measuring),
        scriptOf('server/src/main.ts'),
        '--settings',
        file('server.yaml', JSON.stringify(settings)),
      ],
      {
        cwd: root,
        env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...compileCache },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    )
    reapProcess(child)
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => lines.push(String(text)))
    await serves()
    // what is compiled at the first requests is no cost of a lie
    for (let warm = 0; warm < 50; warm++) await ask()
  })
  after(async () => {
    child?.kill('SIGKILL')
    liars?.postgres.stop()
    liars?.valkey.stop()
    await valkey?.stop()
    await database?.drop()
  })

  /** A page that looks for a link in the database. @returns the status; 0 where the server does not answer */
  const ask = () =>
    fetch(`http://localhost:${port}/reset/no-link-that-anybody-has`).then(
      async (answer) => (await answer.text(), answer.status),
      () => 0,
    )
  const serves = () =>
    waitFor(async () => {
      const status = await ask()
      return status === 400 ? undefined : `the server answers ${status}: ${lines.join('').slice(-2000)}`
    })
  async function measure(): Promise<Measured> {
    const said = once(child, 'message')
    child.send('measure')
    const [measured] = (await said) as [Measured]
    return measured
  }

  /** Tells each, and asks for a page meanwhile. @returns the statuses by lie, and what it cost; `kept` is what is there after a collection */
  async function tell(liar: keyof typeof liars, all: readonly Lie[], isTold: () => Promise<number>) {
    const { now } = await measure()
    const statuses: number[] = []
    let held = 0
    let most = 0
    for (const lie of all) {
      liars[liar].lie(lie)
      statuses.push(await isTold())
      const measured = await measure()
      held = Math.max(held, measured.held)
      most = Math.max(most, measured.most)
    }
    liars[liar].lie(undefined)
    await serves()
    expect(child.exitCode, lines.join('').slice(-2000)).to.equal(null)
    child.send('collect')
    const after = await measure()
    return { statuses, held, growth: most - now, kept: after.now - now }
  }

  const stages = [1, 3]
  /** Lies in which PostgreSQL says why it lets nobody in: that is no fault of the store. */
  const refusals = 3
  it('L39 lives, says that its store is away, and serves again: somebody lies in the place of PostgreSQL', async () => {
    const says = [...lies.map(sayOnce), ...Object.values(endlessLies).map(([head, more]) => forEver(head, more))]
    const first = await tell(
      'postgres',
      says.map((say) => ({ stage: 0, say })),
      ask,
    )
    // no statement could be asked: the page says that it does not work now, or PostgreSQL itself refuses us with a code
    expect([...new Set(first.statuses)]).to.have.members([503, 500])
    expect(first.statuses.filter((status) => status === 500)).to.have.length(refusals)
    expect(first.held).to.be.lessThan(100)
    expect(first.growth).to.be.lessThan(60)
    const later = stages.flatMap((stage) => says.map((say) => ({ stage, say })))
    const { statuses, held, kept } = await tell('postgres', later, ask)
    expect(statuses).to.not.include(0)
    // what answers of 32 MiB leave may wait for its collection, and none of it stays
    expect(kept).to.be.lessThan(60)
    // V8 collects what such answers leave: a loop that does not end takes seconds
    expect(held).to.be.lessThan(2000)
  })

  it('L37 lives, and serves without its cache: somebody lies in the place of Valkey', async () => {
    const all = cacheLies.map((say, index) => ({ stage: index % 2, say }))
    const asked = async () => {
      const before = liars.valkey.told()
      await waitFor(async () => (liars.valkey.told() > before ? undefined : 'the cache was not asked'))
      return ask()
    }
    const { statuses, held, growth } = await tell('valkey', all, asked)
    expect([...new Set(statuses)]).to.deep.equal([400])
    expect(held).to.be.lessThan(100)
    expect(growth).to.be.lessThan(60)
  })
})
