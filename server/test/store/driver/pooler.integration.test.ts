import { expect } from 'chai'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { execute, freshDatabase } from '@nauthera/local/programs/fresh-database'
import type { DatabaseConnection } from '../../../src/store/driver/address.ts'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Database } from '../../../src/store/driver/database.ts'
import { connectionOf } from '../fresh-store.ts'
import { startPoolerProxy } from './pooler-proxy.ts'
import type { PoolerProxy } from './pooler-proxy.ts'

const reasonOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', String)
const nothing = () => undefined

const limits = statement<{ statement: string; idle: string }>(
  'test-limits',
  `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`,
)

describe('a database behind a pooler', () => {
  const open: Database[] = []
  const proxies: PoolerProxy[] = []
  let url: string
  before(async () => {
    url = (await freshDatabase()).url
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.stop()))
    for (const proxy of proxies.splice(0)) proxy.close()
  })
  const openDatabase = (connection: Partial<DatabaseConnection> = {}, listenPatience?: number): Database => {
    const database = createDatabase({
      connection: { ...connectionOf(url), ...connection },
      log,
      ...(listenPatience === undefined ? {} : { listenPatience }),
    })
    open.push(database)
    return database
  }
  const startProxy = async (options: { refusesOptions?: boolean } = {}): Promise<PoolerProxy> => {
    const proxy = await startPoolerProxy(new URL(url), options)
    proxies.push(proxy)
    return proxy
  }

  it('refuses to listen where no notification arrives, and names the setting that mends it', async () => {
    const { port } = await startProxy()
    const reason = await reasonOf(openDatabase({ port }, 50).listen('test_pooled', nothing))
    expect(reason).to.contain('STORE_BEHIND_POOLER').and.contain('set database.direct')
  })

  it('refuses a direct address that leads to a pooler as well', async () => {
    const { port } = await startProxy()
    const database = openDatabase({ port, direct: { ...connectionOf(url), port } }, 50)
    expect(await reasonOf(database.listen('test_pooled', nothing))).to.contain(
      'STORE_BEHIND_POOLER: no notification arrives from database.direct',
    )
  })

  it('names the setting where the pooler refuses our options at the start', async () => {
    const { port } = await startProxy({ refusesOptions: true })
    const reason = await reasonOf(openDatabase({ port }).query(limits))
    expect(reason).to.contain('STORE_UNAVAILABLE').and.contain('set database.direct')
  })

  it('listens at the direct address', async () => {
    const { port } = await startProxy()
    const database = openDatabase({ port, direct: connectionOf(url) })
    const heard = Promise.withResolvers<string>()
    await database.listen('test_direct', heard.resolve)
    await database.query(statement('test-notify-direct', "SELECT pg_notify('test_direct', 'here')"))
    expect(await heard.promise).to.equal('here')
  })

  it('bounds each transaction by itself, without an option at the start', async () => {
    const { port } = await startProxy({ refusesOptions: true })
    const database = openDatabase({ port, poolMax: 2, direct: connectionOf(url) })
    expect((await database.query(limits))[0]?.statement).to.equal('3s')
    expect(await database.transaction((connection) => connection.query(limits))).to.deep.equal([
      { statement: '3s', idle: '5s' },
    ])
  })

  it('pays no round trip for the limits: a statement is one write, as it is without a pooler', async () => {
    const proxy = await startProxy()
    const one = statement('test-one-write', 'SELECT $1::integer AS one')
    const writes = async (direct?: DatabaseConnection): Promise<number[]> => {
      const database = openDatabase({ port: proxy.port, poolMax: 2, ...(direct && { direct }) })
      const count = async (work: () => Promise<unknown>): Promise<number> => {
        await work()
        const before = proxy.seen.writes
        await work()
        return proxy.seen.writes - before
      }
      return [
        await count(() => database.query(one, [1])),
        await count(() => database.transaction((connection) => connection.query(one, [1]))),
      ]
    }
    expect(await writes()).to.deep.equal([1, 3])
    expect(await writes(connectionOf(url))).to.deep.equal([1, 3])
  })

  it('keeps the rows and errors of a statement apart from those of its limits', async () => {
    const { port } = await startProxy()
    const database = openDatabase({ port, poolMax: 2, direct: connectionOf(url) })
    const list = statement('test-rows', 'SELECT n FROM generate_series(1, $1::integer) n')
    for (const rows of [0, 2, 1]) expect(await database.query(list, [rows])).to.have.length(rows)
    expect(await reasonOf(database.query(statement('test-wrong', 'SELECT 1 / $1::integer AS n'), [0]))).to.contain(
      'division by zero',
    )
    expect(await reasonOf(database.query(statement('test-unknown', 'SELECT nothing_here()')))).to.contain(
      'nothing_here',
    )
    expect(await reasonOf(database.query(statement('test-unknown', 'SELECT nothing_here()')))).to.contain(
      'nothing_here',
    )
    expect(await database.query(list, [3])).to.have.length(3)
  })

  it('goes on after the columns of a table have changed, with texts that the pooler does not know', async () => {
    const { port } = await startProxy()
    const database = openDatabase({ port, poolMax: 2, direct: connectionOf(url) })
    await execute(url, 'CREATE TABLE wide (a integer)')
    await execute(url, 'INSERT INTO wide VALUES (1)')
    const all = statement('test-wide', 'SELECT * FROM wide')
    const other = statement('test-wide-count', 'SELECT count(*) AS n FROM wide')
    await database.query(all)
    await database.query(other)
    await execute(url, 'ALTER TABLE wide ADD COLUMN b integer DEFAULT 2')
    expect(await database.query(all)).to.deep.equal([{ a: 1, b: 2 }])
    expect(await database.query(other)).to.deep.equal([{ n: 1 }])
    const texts = statement<{ statement: string }>(
      'test-texts',
      "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'test-wide~1'",
    )
    expect((await database.query(texts)).map(({ statement: text }) => text)).to.deep.equal([`${all.text} `])
  })
})

describe('a PostgreSQL that takes no writes', () => {
  const write = statement('test-write', 'UPDATE notes SET n = n + 1')
  const read = statement('test-read', 'SELECT n FROM notes')

  it('F1 says so at each write, still reads, and writes again once it can', async () => {
    const { url, name } = await freshDatabase()
    await execute(url, 'CREATE TABLE notes (n integer)')
    await execute(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    const database = createDatabase({ connection: connectionOf(url), log })
    try {
      expect(await reasonOf(database.query(write)))
        .to.contain('STORE_UNAVAILABLE')
        .and.contain('writes need the primary')
      expect(await database.query(read)).to.deep.equal([])
      await execute(new URL('/postgres', url).href, `ALTER DATABASE ${name} RESET default_transaction_read_only`)
      // its connection began before, and was used once more
      await reasonOf(database.query(write))
      expect(await reasonOf(database.query(write))).to.equal('done')
    } finally {
      await database.stop()
    }
  })

  it('F1 is refused as a connection while it is a standby, where names lead to it during a failover', async () => {
    const { url, name } = await freshDatabase()
    await execute(url, 'CREATE TABLE notes (n integer)')
    // it says of itself what a standby says
    await execute(url, `CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean RETURN true`)
    await execute(url, `ALTER DATABASE ${name} SET search_path = public, pg_catalog`)
    const database = createDatabase({ connection: connectionOf(url), log })
    try {
      expect(await reasonOf(database.query(read))).to.contain('STORE_UNAVAILABLE: this PostgreSQL is a standby')
      await execute(url, 'DROP FUNCTION public.pg_is_in_recovery()')
      expect(await database.query(read)).to.deep.equal([])
    } finally {
      await database.stop()
    }
  })
})
