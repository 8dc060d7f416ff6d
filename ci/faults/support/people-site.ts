// One server as a process of its own, with a PostgreSQL and a mail server, and a proxy between server and database. There are no clients:
// people use our own pages.
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { Secret } from '@nauthera/runtime/secret'
import { Browser } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import { freePort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { root, writeSettings } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { Mailbox } from '@nauthera/local/programs/mailbox'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { parseDsn } from '@nauthera/server/store/driver/connection'
import { migrateUp } from '@nauthera/server/store/migrate'
import { createDatabase } from '@nauthera/server/store/driver/postgres'
import { statement } from '@nauthera/server/store/driver/database'
import { waitFor } from '../../../server/test/store/wait-for.ts'
import { isAlive, processesOf, signalAll } from './families.ts'
import { startStatementProxy } from './statement-proxy.ts'
import type { StatementProxy } from './statement-proxy.ts'

export interface PeopleSite extends Target {
  readonly proxy: StatementProxy
  readonly mailbox: Mailbox
  /** Settings file, for the command line. */
  readonly settings: string
  /** Kills the server and starts the next one, which finds what the dead one held as free as after a minute. @returns when it answers */
  killServer(): Promise<void>
  /** Kills every process of PostgreSQL, and starts it again on its files. @returns when the server has it again */
  killDatabase(): Promise<void>
  /** Resolves when nothing waits in the outbox. */
  outboxSettled(): Promise<void>
  /** Past the proxy. */
  rows<Row>(query: string, values?: readonly unknown[]): Promise<Row[]>
  stop(): Promise<void>
}

const connectionOf = (url: string) => ({ ...parseDsn(new Secret(url), 'disable'), poolMax: 4 })

export async function startPeopleSite(): Promise<PeopleSite> {
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const directory = mkdtempSync(join(root, '.nauthera/people-'))
  // the database's account is another one, and passes through
  chmodSync(directory, 0o711)
  reapDirectory(directory)
  const files = join(directory, 'postgres')
  let postgres = await startPostgres({ directory: files })
  await migrateUp(connectionOf(postgres.url), { log: () => undefined })
  const [proxy, mailbox] = await Promise.all([startStatementProxy(postgres.port), startMailbox()])
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const settings = writeServerSettings(directory, {
    issuer,
    port,
    postgres,
    proxy,
    mailbox,
    management: await freePort(),
  })
  const open = () => createDatabase({ connection: connectionOf(postgres.url), log: quiet })
  let database = open()
  let server = await startServer(settings)
  const target: Target = { issuer, origin: () => `http://127.0.0.1:${port}` }
  const rows = <Row>(query: string, values: readonly unknown[] = []) =>
    database.query<Row>(
      statement(`test-${createHash('sha256').update(query).digest('hex').slice(0, 16)}`, query),
      values,
    )
  return {
    ...target,
    proxy,
    mailbox,
    settings,
    rows,
    async killServer() {
      server.kill('SIGKILL')
      await server.ended
      // nobody holds them any more: as if the time of the dead one was over
      await rows('UPDATE outbox SET next_at = now() WHERE done_at IS NULL')
      server = await startServer(settings)
    },
    async killDatabase() {
      const family = processesOf(postgres.pid)
      signalAll(family, 'SIGKILL')
      await database.stop()
      await waitFor(async () => (family.some(isAlive) ? 'PostgreSQL still runs' : undefined))
      postgres = await startPostgres({ directory: files, port: postgres.port })
      database = open()
      await waitFor(async () => {
        const { status } = await new Browser(target).open('/reset/no-link-that-anybody-has')
        return status === 400 ? undefined : `the server answers ${status}`
      })
    },
    async outboxSettled() {
      await waitFor(async () => {
        const [row] = await rows<{ left: number }>('SELECT count(*)::integer AS left FROM outbox WHERE done_at IS NULL')
        return row!.left === 0 ? undefined : `${row!.left} rows of the outbox wait`
      })
    },
    async stop() {
      await server.stop()
      await Promise.all([database.stop(), proxy.stop(), mailbox.stop()])
      await postgres.stop()
    },
  }
}

async function startServer(settings: string): Promise<RunningProcess> {
  const server = startProcess({ name: 'server', script: 'server/src/main.ts', args: ['--settings', settings] })
  await server.line(/waiting for clients/, { timeoutMs: 60_000 })
  return server
}

function writeServerSettings(
  directory: string,
  at: { issuer: string; port: number; postgres: Postgres; proxy: StatementProxy; mailbox: Mailbox; management: number },
): string {
  const file = (name: string, text: string | Buffer) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  mkdirSync(join(directory, 'keys'))
  file('keys/k1', randomBytes(32))
  file('keys/current', 'k1')
  const url = new URL(at.postgres.url)
  url.port = String(at.proxy.port)
  const host = '127.0.0.1'
  return writeSettings(join(directory, 'server.yaml'), {
    issuer: at.issuer,
    listen: { host, port: at.port },
    management: { host, port: at.management },
    config: { socket: join(directory, 'config.sock'), tlsDirectory: directory },
    keysDirectory: join(directory, 'keys'),
    database: { dsnFile: file('dsn', url.href), sslMode: 'disable' },
    secondFactor: { requiredGroups: ['careful'] },
    mail: { host, port: at.mailbox.port, from: 'Login <login@example.com>', tls: 'off' },
  })
}
