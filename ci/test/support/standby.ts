// A streaming standby of a PostgreSQL of ours: a base backup of its files, and promotion.
import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { giveAway } from '@nauthera/local/processes/unprivileged'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { Secret } from '@nauthera/runtime/secret'
import { openBulk } from '@nauthera/server/store/driver/bulk'
import { parseDsn } from '@nauthera/server/store/driver/connection'
import { statement } from '@nauthera/server/store/driver/database'

/** Runs statements in one session. */
async function inSession<T>(
  url: string,
  work: (query: (sql: string) => Promise<Record<string, unknown>[]>) => Promise<T>,
): Promise<T> {
  const session = await openBulk({ ...parseDsn(new Secret(url), 'disable'), poolMax: 1 }, 'drill')
  try {
    return await work((sql) => session.query(statement<Record<string, unknown>>('drill', sql)))
  } finally {
    await session.stop()
  }
}

/** @param primary with its directory, which is copied while it runs
 *  @returns when it streams, and the primary waits for it at each commit */
export async function startStandby(
  primary: Postgres,
  from: string,
  to: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Postgres> {
  const { username, password, port } = new URL(primary.url)
  await inSession(primary.url, async (query) => {
    await query(`SELECT pg_backup_start('standby', true)`)
    execFileSync('cp', ['-a', from, to])
    const [stopped] = await query('SELECT labelfile FROM pg_backup_stop(false)')
    rmSync(join(to, 'postmaster.pid'), { force: true })
    writeFileSync(join(to, 'backup_label'), stopped!['labelfile'] as string)
    writeFileSync(join(to, 'standby.signal'), '')
    const source = `host=127.0.0.1 port=${port} user=${username} password=${password} application_name=standby`
    appendFileSync(join(to, 'postgresql.auto.conf'), `\nprimary_conninfo = '${source}'\n`)
    giveAway(to)
  })
  const standby = await startPostgres({ directory: to, settings })
  await inSession(primary.url, async (query) => {
    await query(`ALTER SYSTEM SET synchronous_standby_names = 'standby'`)
    await query('SELECT pg_reload_conf()')
    // a commit returns only when the standby has it
    await query('CREATE TABLE IF NOT EXISTS public.standby_is_there (at timestamptz)')
    await query('DROP TABLE public.standby_is_there')
  })
  return standby
}

/** @returns milliseconds until it takes writes */
export async function promote(standby: Postgres): Promise<number> {
  const began = performance.now()
  await inSession(standby.url, async (query) => {
    await query('SELECT pg_promote(true)')
    await query(`ALTER SYSTEM SET synchronous_standby_names = ''`)
    await query('SELECT pg_reload_conf()')
  })
  return performance.now() - began
}
