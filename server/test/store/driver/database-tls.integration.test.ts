import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { hasCode } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { sharedPostgres } from '@nauthera/local/programs/fresh-database'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { giveAway } from '@nauthera/local/processes/unprivileged'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { parseDsn } from '../../../src/store/driver/connection.ts'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { injectionsOf, standBetween } from '../../write-between.ts'
import { message, ready } from './untrue-postgres.ts'
import { statement } from '../../../src/store/driver/database.ts'

const isEncrypted = statement<{ ssl: boolean }>('test-tls', 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')

describe(`${createDatabase.name} over TLS`, () => {
  let authority: Identity
  let stranger: Identity
  let server: Postgres
  before(async () => {
    authority = await createAuthority({ name: 'database', lifetimeMs: 86_400_000 })
    stranger = await createAuthority({ name: 'stranger', lifetimeMs: 86_400_000 })
    const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
    const directory = temporaryDirectory('tls')
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
    writeFileSync(cert, leaf.cert)
    writeFileSync(key, leaf.key, { mode: 0o600 })
    chmodSync(directory, 0o755)
    // PostgreSQL runs as another account, and its key must belong to that
    giveAway(directory)
    server = await startPostgres({ settings: { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key } })
  })
  after(() => server.stop())

  /** @returns whether the connection is encrypted, or the code of the refusal */
  async function reach(url: string, host: string, mode: string, ca?: string): Promise<boolean | string> {
    const target = new URL(url)
    target.hostname = host
    target.searchParams.set('sslmode', mode)
    const database = createDatabase({
      connection: { ...parseDsn(new Secret(target.href), 'verify-full', ca), poolMax: 1 },
      log,
    })
    try {
      return (await database.query(isEncrypted))[0]!.ssl
    } catch (error) {
      if (hasCode(error)) return error.code
      throw error
    } finally {
      await database.stop()
    }
  }

  it('accepts the right certificate with the right name, and refuses any other', async () => {
    expect(await reach(server.url, 'localhost', 'verify-full', authority.cert)).to.equal(true)
    expect(await reach(server.url, 'localhost', 'verify-full', stranger.cert)).to.equal('STORE_UNAVAILABLE')
    expect(await reach(server.url, 'localhost', 'verify-full')).to.equal('STORE_UNAVAILABLE')
    expect(await reach(server.url, '127.0.0.1', 'verify-full', authority.cert)).to.equal('STORE_UNAVAILABLE')
  })

  it('checks the certificate and not the name with verify-ca, and neither with require', async () => {
    expect(await reach(server.url, '127.0.0.1', 'verify-ca', authority.cert)).to.equal(true)
    expect(await reach(server.url, '127.0.0.1', 'verify-ca', stranger.cert)).to.equal('STORE_UNAVAILABLE')
    expect(await reach(server.url, '127.0.0.1', 'require')).to.equal(true)
  })

  it('L46 lets nobody in by what is written before TLS begins, whatever it is, and wherever it is cut', async () => {
    const between = await standBetween({ host: '127.0.0.1', port: server.port }, () => true)
    const url = new URL(server.url)
    url.port = String(between.port)
    expect(await reach(url.href, 'localhost', 'verify-full', authority.cert)).to.equal(true)
    const outcomes = new Map<unknown, number>()
    // what lets a client in, and what follows when it asks its first question
    const forged = Buffer.concat([message('R', [0, 0, 0, 0]), ready(), message('1')])
    for (const password of [url.password, 'wrong'])
      for (const speak of injectionsOf(forged)) {
        between.speak = speak
        url.password = password
        const outcome = await reach(url.href, 'localhost', 'verify-full', authority.cert)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    between.stop()
    expect([...outcomes]).to.deep.equal([['STORE_UNAVAILABLE', 4 * 230]])
  })

  it('never falls back to a connection without TLS', async () => {
    const { url } = await sharedPostgres()
    for (const mode of ['verify-full', 'verify-ca', 'require']) {
      expect(await reach(url, 'localhost', mode, authority.cert)).to.equal('STORE_UNAVAILABLE')
    }
    expect(await reach(url, '127.0.0.1', 'disable')).to.equal(false)
  })
})
