import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { migratedDatabase } from '@nauthera/harness/migrated-database'
import { freePort } from '@nauthera/local/processes/ports'
import { reapDirectory, reapProcess } from '@nauthera/local/processes/reaper'
import { unprivileged } from '@nauthera/local/processes/unprivileged'
import { execute, freshDatabase } from '@nauthera/local/programs/fresh-database'
import { expect } from 'chai'
import type { DatabaseConnection } from '../../../src/store/driver/address.ts'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Database } from '../../../src/store/driver/database.ts'
import { createStore } from '../../../src/store/store.ts'
import { addPerson, connectionOf, testRing } from '../fresh-store.ts'

// The real PgBouncer, from 1.21 on, in its mode `transaction`. Debian 13 has it: apt-get install pgbouncer.

const reasonOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', String)
const nothing = () => undefined

describe('PgBouncer in the mode transaction', function () {
  const open: Database[] = []
  const ends: (() => Promise<void>)[] = []
  let url: string
  before(function () {
    const version = /PgBouncer 1\.(\d+)/.exec(spawnSync('pgbouncer', ['--version'], { encoding: 'utf8' }).stdout ?? '')
    if (Number(version?.[1] ?? 0) >= 21) return
    process.stderr.write('PgBouncer from 1.21 on is not there: on Debian 13, apt-get install pgbouncer\n')
    this.skip()
  })
  beforeEach(async () => {
    url = (await freshDatabase()).url
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.stop()))
    for (const end of ends.splice(0)) await end()
  })

  async function startPgBouncer(settings: Readonly<Record<string, string | number>> = {}): Promise<number> {
    const target = new URL(url)
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-pgbouncer-'))
    const forget = reapDirectory(directory)
    const port = await freePort()
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'plain',
      auth_file: join(directory, 'users'),
      pool_mode: 'transaction',
      default_pool_size: 2,
      max_prepared_statements: 200,
      ...settings,
    }
    const lines = Object.entries(all).map(([key, value]) => `${key} = ${value}`)
    const file = join(directory, 'pgbouncer.ini')
    writeFileSync(
      file,
      `[databases]\n* = host=${target.hostname} port=${target.port}\n[pgbouncer]\n${lines.join('\n')}\n`,
    )
    writeFileSync(all.auth_file, `"${target.username}" "${target.password}"\n`)
    chmodSync(directory, 0o755)
    const child = spawn('pgbouncer', [file], { ...unprivileged(), stdio: ['ignore', 'ignore', 'pipe'] })
    reapProcess(child)
    const said: string[] = []
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(said.join('\n'))))
      createInterface({ input: child.stderr }).on('line', (line) => {
        said.push(line)
        if (line.includes('process up')) resolve()
      })
    })
    ends.push(async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      setImmediate(() => child.kill('SIGINT'))
      await ended
      forget()
    })
    return port
  }

  const openDatabase = (connection: Partial<DatabaseConnection>): Database => {
    const database = createDatabase({ connection: { ...connectionOf(url), ...connection }, log, listenPatience: 500 })
    open.push(database)
    return database
  }
  const pooled = async (settings: Readonly<Record<string, string | number>> = {}): Promise<Database> =>
    openDatabase({ port: await startPgBouncer(settings), direct: connectionOf(url) })

  it('refuses our options without database.direct, and says what to set', async () => {
    const database = openDatabase({ port: await startPgBouncer() })
    expect(await reasonOf(database.query(statement('one', 'SELECT 1 AS one')))).to.contain('set database.direct')
  })

  it('F1 is told apart at the start where its settings let our options pass: LISTEN brings nothing and no error', async () => {
    const ignore_startup_parameters = 'statement_timeout,idle_in_transaction_session_timeout'
    const database = openDatabase({ port: await startPgBouncer({ ignore_startup_parameters }) })
    expect(await reasonOf(database.listen('test_pooled', nothing))).to.contain('STORE_BEHIND_POOLER')
  })

  it('runs the same statements on ten connections of ours over two of its own', async () => {
    const database = await pooled()
    const add = statement('add', 'SELECT $1::integer + 1 AS sum')
    const asked = Array.from({ length: 500 }, (_, n) => n)
    const answers = await Promise.all(asked.map((n) => database.query(add, [n])))
    expect(answers).to.deep.equal(asked.map((n) => [{ sum: n + 1 }]))
  })

  it('says what it lacks where it keeps no prepared statements', async () => {
    const database = await pooled({ max_prepared_statements: 0 })
    const slow = statement('slow', 'SELECT $1::integer AS one, pg_sleep(0.05)')
    const reasons = await Promise.all(Array.from({ length: 20 }, () => reasonOf(database.query(slow, [1]))))
    expect(reasons.find((reason) => reason !== 'done')).to.contain('max_prepared_statements above 0')
  })

  it('cuts a statement after 3 s in PostgreSQL itself, alone and in a transaction, and leaves its connections without limits', async () => {
    const database = await pooled()
    const sleep = statement('sleep', 'SELECT pg_sleep(9)')
    expect(await reasonOf(database.query(sleep))).to.contain('statement timeout')
    expect(await reasonOf(database.transaction((wire) => wire.query(sleep)))).to.contain('statement timeout')
    const pooledUrl = new URL(url)
    pooledUrl.port = String(await startPgBouncer({ default_pool_size: 1 }))
    const other = openDatabase({ port: Number(pooledUrl.port), direct: connectionOf(url) })
    await other.query(statement('one', 'SELECT 1 AS one'))
    await execute(pooledUrl.href, "DO $$ BEGIN ASSERT current_setting('statement_timeout') = '0'; END $$")
  })

  it('goes on after the columns of a table have changed, though its own connections stay', async () => {
    const database = await pooled()
    await execute(url, 'CREATE TABLE wide (a integer)')
    await execute(url, 'INSERT INTO wide VALUES (1)')
    const all = statement('wide', 'SELECT * FROM wide')
    await Promise.all(Array.from({ length: 20 }, () => database.query(all)))
    await execute(url, 'ALTER TABLE wide ADD COLUMN b integer DEFAULT 2')
    const answers = await Promise.all(Array.from({ length: 20 }, () => database.query(all)))
    for (const answer of answers) expect(answer).to.deep.equal([{ a: 1, b: 2 }])
  })

  it('carries the store of two replicas: people, and keys whose changes arrive', async () => {
    url = (await migratedDatabase()).url
    const port = await startPgBouncer()
    const replicas = ['one', 'two'].map((replica) => {
      const database = openDatabase({ port, direct: connectionOf(url) })
      const auditSettings = { machineTokens: 'counted', retention: 86_400_000 } as const
      return createStore({ database, ring: testRing, log, replica, auditSettings })
    })
    const [one, two] = [replicas[0]!, replicas[1]!]
    const changed = Promise.withResolvers<void>()
    await two.keys.onChange(changed.resolve)
    const people = await Promise.all(Array.from({ length: 20 }, () => addPerson(one)))
    expect(new Set(people.map(({ id }) => id))).to.have.length(20)
    await Promise.all([one, two].map(({ keys }) => keys.underLock(async (writer) => void (await writer.list()))))
    await changed.promise
    await Promise.all(replicas.map((store) => store.stop()))
    open.splice(0)
  })
})
