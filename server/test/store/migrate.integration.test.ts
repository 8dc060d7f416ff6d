import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runner } from 'node-pg-migrate'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { root, scriptOf } from '@nauthera/local/processes/program'
import { reapDirectory, reapProcess } from '@nauthera/local/processes/reaper'
import { checkSchema, migrateUp, migrationStatus, neededMigrations } from '../../src/store/migrate.ts'
import { sqlDirectory } from '../../src/files.ts'
import { clientConfig } from '../../src/store/driver/address.ts'
import { createDatabase } from '../../src/store/driver/postgres.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { Database } from '../../src/store/driver/database.ts'
import { connectionOf } from './fresh-store.ts'

const cli = resolve(root, scriptOf('server/src/cli/main.ts'))
const quiet = { log: () => undefined }

describe(migrateUp.name, () => {
  let url: string
  let database: Database
  beforeEach(async () => {
    url = (await freshDatabase()).url
    database = createDatabase({ connection: connectionOf(url), log })
  })
  afterEach(() => database.stop())

  it('applies every file in order, and nothing the second time', async () => {
    expect(await migrationStatus(database)).to.deep.equal({ applied: [], pending: neededMigrations() })
    expect(await migrateUp(connectionOf(url), quiet)).to.deep.equal(neededMigrations())
    expect(await migrateUp(connectionOf(url), quiet)).to.deep.equal([])
    expect(await migrationStatus(database)).to.deep.equal({ applied: neededMigrations(), pending: [] })
    await checkSchema(database)
  })

  it('F41 applies each file once when 5 processes migrate at once and one of them is killed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-migrate-'))
    const forget = reapDirectory(directory)
    writeFileSync(join(directory, 'dsn'), `${url}?sslmode=disable`)
    const settings = join(directory, 'server.yaml')
    writeFileSync(settings, `issuer: http://localhost:1\ndatabase: {dsnFile: ${join(directory, 'dsn')}}\n`)
    const processes = Array.from({ length: 5 }, () => {
      const child = spawn(process.execPath, [cli, 'migrate', 'up', '-o', 'json', '--settings', settings], {
        stdio: 'pipe',
      })
      reapProcess(child)
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
      const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
        child.once('close', (code) => resolve({ code, output })),
      )
      return { child, ended }
    })
    // the third may be waiting, applying or done by now
    await new Promise((resolve) => processes[1]!.child.once('spawn', resolve))
    processes[2]!.child.kill('SIGKILL')
    const results = await Promise.all(processes.map(({ ended }) => ended))
    const survivors = results.filter((_, index) => index !== 2)
    expect(survivors.map(({ code }) => code)).to.deep.equal([0, 0, 0, 0])
    const applied = survivors.flatMap(({ output }) => JSON.parse(output) as { migration: string }[])
    expect(new Set(applied.map(({ migration }) => migration)).size).to.equal(applied.length)
    expect(await migrationStatus(database)).to.deep.equal({ applied: neededMigrations(), pending: [] })
    forget()
  })

  it('F20 works with a schema that is newer than this release needs', async () => {
    await migrateUp(connectionOf(url), quiet)
    await database.query(
      statement(
        'test-newer',
        "INSERT INTO schema_migrations (name, run_on) VALUES ('999999-of-a-later-release', now())",
      ),
    )
    await checkSchema(database)
    expect((await migrationStatus(database)).pending).to.deep.equal([])
  })

  it('F20 leaves what the servers of the release before have prepared usable, whatever columns it reads', async () => {
    // the files of 0.1.0, to which later releases add; PostgreSQL refuses a prepared SELECT * once its table has another column
    const before = 1
    await runner({
      databaseUrl: clientConfig(connectionOf(url), 'test'),
      dir: sqlDirectory,
      migrationsTable: 'schema_migrations',
      direction: 'up',
      count: before,
      singleTransaction: false,
      log: () => undefined,
    })
    const tables = await database.query<{ name: string }>(
      statement(
        'tables',
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'",
      ),
    )
    expect(tables.map(({ name }) => name)).to.include('users')
    const readAll = async () => {
      for (const { name } of tables) await database.query(statement(`all-of-${name}`, `SELECT * FROM ${name}`))
    }
    await readAll()
    expect(await migrateUp(connectionOf(url), quiet)).to.deep.equal(neededMigrations().slice(before))
    await readAll()
  })

  it('names what is missing and what to run', async () => {
    const error = await checkSchema(database).catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_SCHEMA_OUTDATED')).to.equal(true)
    expect(String(error)).to.include('000001-baseline').and.include('nauthera migrate up')
  })

  it('throws STORE_UNAVAILABLE when PostgreSQL is away, without its password', async () => {
    const away = { ...connectionOf(url), port: 1 }
    const error = await migrateUp(away, quiet).catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
    expect(String(error)).to.not.include(new URL(url).password)
  })

  it('keeps nothing of a file that fails, and names the error', async () => {
    await database.query(statement('test-in-the-way', 'CREATE TABLE grants (id integer)'))
    const error = await migrateUp(connectionOf(url), quiet).catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_MIGRATION_FAILED')).to.equal(true)
    expect(String(error)).to.include('grants')
    const { applied } = await migrationStatus(database)
    expect(applied).to.deep.equal([])
    expect(await database.query(statement('test-gone', "SELECT to_regclass('users') AS found"))).to.deep.equal([
      { found: null },
    ])
  })
})

describe(neededMigrations.name, () => {
  it('gives each file a number of its own, in six digits, so that the order is the same everywhere', () => {
    const numbers = neededMigrations().map((name) => /^(\d{6})-[a-z-]+$/.exec(name)?.[1])
    expect(numbers).not.to.include(undefined)
    expect(new Set(numbers).size).to.equal(numbers.length)
  })
})
