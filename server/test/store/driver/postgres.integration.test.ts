import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { keptLog } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { createMetrics } from '@nauthera/runtime/metrics'
import { expect } from 'chai'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { DatabaseConnection } from '../../../src/store/driver/address.ts'
import type { Database } from '../../../src/store/driver/database.ts'
import { connectionOf } from '../fresh-store.ts'

const { lines, log } = keptLog()
const one = statement('test-one', 'SELECT 1 AS one')
const own = statement<{ pid: number }>('test-own-pid', 'SELECT pg_backend_pid() AS pid')
const kill = statement('test-kill', 'SELECT pg_terminate_backend($1::integer) AS killed')

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return hasCode(error) ? error.code : `not coded: ${String(error)}`
}

describe(createDatabase.name, () => {
  const open: Database[] = []
  const openDatabase = (connection: DatabaseConnection): Database => {
    const database = createDatabase({ connection, log })
    open.push(database)
    return database
  }
  let url: string
  before(async () => {
    url = (await freshDatabase()).url
  })
  afterEach(() => Promise.all(open.splice(0).map((database) => database.stop())))

  it('F1 goes on after its idle connection was cut; reads do not fail', async () => {
    const database = openDatabase({ ...connectionOf(url), poolMax: 1 })
    const killer = openDatabase(connectionOf(url))
    const [{ pid } = { pid: 0 }] = await database.query(own)
    await killer.query(kill, [pid])
    expect(await database.query(one)).to.deep.equal([{ one: 1 }])
  })

  it('F1 throws STORE_UNAVAILABLE while PostgreSQL is down, logs it once, and works again by itself', async () => {
    const directory = join(tmpdir(), `nauthera-restart-${randomBytes(4).toString('hex')}`)
    const forget = reapDirectory(directory)
    const server = await startPostgres({ directory })
    const database = openDatabase(connectionOf(server.url))
    let restarted: Postgres | undefined
    try {
      await database.query(one)
      const before = lines.length
      await server.stop()
      const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(database.query(one))))
      expect(new Set(codes)).to.deep.equal(new Set(['STORE_UNAVAILABLE']))
      expect(lines.slice(before).filter((line) => line.includes('database unavailable'))).to.have.length(1)
      restarted = await startPostgres({ directory, port: server.port })
      expect(await database.query(one)).to.deep.equal([{ one: 1 }])
    } finally {
      await server.stop()
      await restarted?.stop()
      forget()
    }
  })

  it('F2 answers within its time-outs while PostgreSQL hangs, keeps the event loop free, and works again by itself', async () => {
    const server = await startPostgres()
    const database = openDatabase({ ...connectionOf(server.url), poolMax: 2 })
    try {
      await Promise.all([database.query(one), database.query(one)])
      process.kill(server.pid, 'SIGSTOP')
      stopBackends(server.pid, 'SIGSTOP')
      const lag = monitorEventLoopDelay({ resolution: 5 })
      lag.enable()
      const began = performance.now()
      const codes = await Promise.all(Array.from({ length: 10 }, () => codeOf(database.query(one))))
      lag.disable()
      expect(new Set(codes)).to.deep.equal(new Set(['STORE_UNAVAILABLE']))
      expect(performance.now() - began).to.be.below(10_000)
      expect(lag.percentile(99) / 1e6).to.be.below(300)
      stopBackends(server.pid, 'SIGCONT')
      process.kill(server.pid, 'SIGCONT')
      expect(await database.query(one)).to.deep.equal([{ one: 1 }])
    } finally {
      stopBackends(server.pid, 'SIGCONT')
      process.kill(server.pid, 'SIGCONT')
      await server.stop()
    }
  })

  it('cuts a statement after 3 s', async () => {
    const database = openDatabase(connectionOf(url))
    const began = performance.now()
    expect(await codeOf(database.query(statement('test-slow', 'SELECT pg_sleep(9)')))).to.equal('STORE_UNAVAILABLE')
    expect(performance.now() - began).to.be.within(2500, 6000)
    expect(await database.query(one)).to.deep.equal([{ one: 1 }])
  })

  it('refuses a query that waits too long for a connection, while the query that has it goes on', async () => {
    const database = openDatabase({ ...connectionOf(url), poolMax: 1 })
    // the connection is there
    await database.query(one)
    const slow = database.query(statement('test-hold', 'SELECT pg_sleep(2)'))
    const ended: string[] = []
    const refused = codeOf(database.query(one))
    await Promise.all([slow.then(() => ended.push('slow')), refused.then((code) => ended.push(code))])
    expect(ended).to.deep.equal(['STORE_UNAVAILABLE', 'slow'])
  })

  it('F4 throws STORE_UNAVAILABLE when PostgreSQL has no connections left', async () => {
    const limited = await freshDatabase()
    const database = openDatabase(connectionOf(limited.url))
    await database.query(statement('test-limit', `ALTER DATABASE ${limited.name} CONNECTION LIMIT 0`))
    // the limit does not hold for a superuser
    await database.query(statement('test-role', `CREATE ROLE ${limited.name} LOGIN PASSWORD 'test'`))
    const target = new URL(limited.url)
    target.username = limited.name
    target.password = 'test'
    expect(await codeOf(openDatabase(connectionOf(target.href)).query(one))).to.equal('STORE_UNAVAILABLE')
  })

  it('F4 repeats a transaction that PostgreSQL could not serialise, and gives up after three more tries', async () => {
    const database = openDatabase(connectionOf(url))
    await database.query(statement('test-table', 'CREATE TABLE counter (n integer)'))
    const add = statement('test-add', 'INSERT INTO counter VALUES (1)')
    const fail = statement('test-fail', "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$")
    let tries = 0
    const result = await database.transaction(async (connection) => {
      await connection.query(add)
      if (++tries < 3) await connection.query(fail)
      return tries
    })
    expect(result).to.equal(3)
    expect(await database.query(statement('test-count', 'SELECT n FROM counter'))).to.have.length(1)
    tries = 0
    const hopeless = database.transaction(async (connection) => {
      tries++
      await connection.query(fail)
    })
    expect([await codeOf(hopeless), tries]).to.deep.equal(['STORE_UNAVAILABLE', 4])
  })

  it('F3 never sends a write again when it is unknown whether it was committed', async () => {
    const proxy = await cuttingProxy(new URL(url))
    const database = openDatabase({ ...connectionOf(url), host: '127.0.0.1', port: proxy.port, poolMax: 1 })
    const witness = openDatabase(connectionOf(url))
    await witness.query(statement('test-marks', 'CREATE TABLE marks (n integer)'))
    await database.query(one)
    try {
      proxy.cutAfterNextRequest()
      expect(await codeOf(database.query(statement('test-mark', 'INSERT INTO marks VALUES (1)')))).to.equal(
        'STORE_UNAVAILABLE',
      )
      expect(proxy.requests()).to.equal(1)
    } finally {
      proxy.close()
    }
  })

  it('rolls a transaction back when its work fails, and passes the error on', async () => {
    const database = openDatabase(connectionOf(url))
    await database.query(statement('test-rolled', 'CREATE TABLE rolled (n integer)'))
    const work = database.transaction(async (connection) => {
      await connection.query(statement('test-roll', 'INSERT INTO rolled VALUES (1)'))
      throw new RangeError('enough')
    })
    expect(await codeOf(work)).to.equal('not coded: RangeError: enough')
    expect(await database.query(statement('test-rolls', 'SELECT n FROM rolled'))).to.deep.equal([])
  })

  it('calls the schema outdated when a table is missing', async () => {
    const database = openDatabase(connectionOf(url))
    expect(await codeOf(database.query(statement('test-missing', 'SELECT * FROM not_there')))).to.equal(
      'STORE_SCHEMA_OUTDATED',
    )
  })

  it('reads times to the millisecond, in any zone and of any year, and infinity', async () => {
    const times = statement<Record<'here' | 'elsewhere' | 'first' | 'early' | 'never', unknown>>(
      'test-times',
      `SELECT $1::timestamptz AS here, timestamptz '2026-12-01 09:12:00.1+05:30' AS elsewhere,
         timestamptz '0001-01-01 00:00:00Z' AS first, timestamptz '0044-03-15 12:00:00Z BC' AS early, timestamptz '-infinity' AS never`,
    )
    const here = new Date('2026-12-01T03:42:00.123Z')
    const [row] = await openDatabase(connectionOf(url)).query(times, [here])
    expect(row).to.deep.equal({
      here,
      elsewhere: new Date('2026-12-01T03:42:00.100Z'),
      first: new Date('0001-01-01T00:00:00Z'),
      early: new Date('-000043-03-15T12:00:00Z'),
      never: Number.NEGATIVE_INFINITY,
    })
  })

  it('counts round trips and commits', async () => {
    const database = openDatabase(connectionOf(url))
    await database.query(statement('test-counts', 'CREATE TABLE counts (n integer)'))
    const before = database.counters()
    await database.query(one)
    await database.query(statement('test-insert', 'INSERT INTO counts VALUES (1)'))
    await database.transaction((connection) => connection.query(one))
    const after = database.counters()
    expect([after.roundTrips - before.roundTrips, after.commits - before.commits]).to.deep.equal([5, 2])
  })

  it('measures answers and counts failures', async () => {
    const metrics = createMetrics('test')
    const database = createDatabase({ connection: connectionOf(url), log, metrics })
    open.push(database)
    await database.query(one)
    await codeOf(database.query(statement('test-metric', 'SELECT * FROM not_there')))
    const text = await metrics.render()
    expect(text).to.match(/nauthera_server_database_seconds_count\{[^}]*\} 1\n/)
    expect(text).to.match(/nauthera_server_database_failures_total\{[^}]*\} 1\n/)
    expect(text).to.match(/nauthera_server_database_connections\{state="in_use"[^}]*\} 0\n/)
    // what refuses a statement has answered
    expect(text).to.match(/nauthera_server_database_up\{[^}]*\} 1\n/)
    const away = createMetrics('away')
    const nobody = createDatabase({ connection: { ...connectionOf(url), port: 1 }, log, metrics: away })
    open.push(nobody)
    expect(await codeOf(nobody.query(one))).to.equal('STORE_UNAVAILABLE')
    expect(await away.render()).to.match(/nauthera_server_database_up\{[^}]*\} 0\n/)
  })

  it('gets notifications, and calls back when a lost connection is back', async () => {
    const database = openDatabase(connectionOf(url))
    const killer = openDatabase(connectionOf(url))
    const heard: string[] = []
    const waiting: (() => void)[] = []
    const listening = await database.listen('test_channel', (payload) => {
      heard.push(payload)
      waiting.shift()?.()
    })
    const next = () => new Promise<void>((resolve) => waiting.push(resolve))
    const notify = statement('test-notify', "SELECT pg_notify('test_channel', $1)")
    let called = next()
    await killer.query(notify, ['first'])
    await called
    called = next()
    await killer.query(
      statement(
        'test-kill-listener',
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()",
      ),
    )
    await called
    called = next()
    await killer.query(notify, ['second'])
    await called
    expect(heard).to.deep.equal(['first', '', 'second'])
    await listening.stop()
  })
})

/** Signals every backend of a server: they are children of the postmaster. */
function stopBackends(postmaster: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of childrenOf(postmaster)) {
    try {
      process.kill(pid, signal)
    } catch {
      // it has ended already
    }
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]) === parent
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Passes everything on until it is told to cut: then it passes one more request on and drops the answer. */
async function cuttingProxy(target: URL) {
  const sockets = new Set<Socket>()
  let cutting = false
  let requests = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (data) => {
      if (cutting) requests++
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      if (cutting) client.destroy()
      else client.write(data)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    cutAfterNextRequest: () => void (cutting = true),
    requests: () => requests,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
