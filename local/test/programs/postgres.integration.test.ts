import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import pgPromise from 'pg-promise'
import { freshDatabase, sharedPostgres } from '../../src/programs/fresh-database.ts'
import { startPostgres } from '../../src/programs/postgres.ts'

const pg = pgPromise({ noWarnings: true })

function connect(url: string) {
  const database = pg(url)
  // A pool that has ended lets go of its sockets before they are closed, and of its own listener: a server that stops, or a database that is
  // dropped, cuts them.
  database.$pool.on('error', () => undefined)
  return database
}
const root = fileURLToPath(new URL('../../..', import.meta.url))

describe('the local PostgreSQL', () => {
  it('gives each test a database of its own', async () => {
    const [one, two] = [await freshDatabase(), await freshDatabase()]
    const first = connect(one.url)
    const second = connect(two.url)
    await first.none('CREATE TABLE mark (id int)')
    expect(await second.oneOrNone(`SELECT to_regclass('mark') AS mark`)).to.deep.equal({ mark: null })
    await first.$pool.end()
    await second.$pool.end()
    await one.drop()
  })

  it('listens on loopback only, and lets nobody in without the password', async () => {
    const server = await sharedPostgres()
    const database = connect(server.url)
    expect(await database.one('SHOW listen_addresses')).to.deep.equal({ listen_addresses: '127.0.0.1' })
    await database.$pool.end()
    const intruder = connect(server.url.replace(/:[^:@]+@/, ':wrong@'))
    const refused = await intruder.one('SELECT 1').catch((error: { code?: string }) => error.code)
    expect(refused).to.equal('28P01')
    await intruder.$pool.end()
  })

  it('keeps its data for the next start when it is given a directory', async () => {
    const directory = `${root}.nauthera/test-postgres-${process.pid}`
    const first = await startPostgres({ directory })
    const before = connect(first.url)
    await before.none('CREATE TABLE kept AS SELECT 7 AS value')
    await before.$pool.end()
    await first.stop()
    const second = await startPostgres({ directory })
    const after = connect(second.url)
    expect(await after.one('SELECT value FROM kept')).to.deep.equal({ value: 7 })
    await after.$pool.end()
    await second.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('ends, and its files are removed, when the process that started it is killed', async () => {
    const script = `
      const { startPostgres } = await import('${root}local/src/programs/postgres.ts')
      const { pid } = await startPostgres()
      console.log(pid)
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { value: line } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
    const server = Number(line)
    const data = readdirSync(`${root}.nauthera`).find((name) => name.startsWith(`postgres-${child.pid}-`))
    child.kill('SIGKILL')
    await until(() => !isAlive(server) && (data === undefined || !existsSync(`${root}.nauthera/${data}`)))
  })
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** No event tells us of the end of somebody else's process. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('still there after 15 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
