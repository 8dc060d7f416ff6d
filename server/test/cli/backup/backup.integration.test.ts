import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { fetchCode, redeem, refresh } from '@nauthera/harness/flows'
import { migratedDatabase } from '@nauthera/harness/migrated-database'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createDatabase } from '../../../src/store/driver/postgres.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { dumpTables } from '../../../src/store/dump.ts'
import { connectionOf } from '../../store/fresh-store.ts'
import { runWith } from '../run-nauthera.ts'

const web = entry('app.web', { ...configs.web, consent: 1 })
const offline = { scope: 'openid email offline_access', prompt: 'consent' }

describe('nauthera backup and restore', function () {
  let directory: string
  let server: ServerReplicas
  let file: string
  let whole: Buffer
  let sha256: string
  let refreshToken: string
  const printed: string[] = []
  const at = (name: string) => join(directory, name)
  const run = async (settings: string, ...command: string[]) => {
    const ran = await runWith(at(settings), command)
    printed.push(ran.out, ran.err)
    return ran
  }
  const writeSettings = (name: string, url: string, keysDirectory: string) => {
    writeFileSync(at(`${name}-dsn`), `${url}?sslmode=disable`)
    const lines = ['issuer: http://localhost:3000', `database: {dsnFile: ${at(`${name}-dsn`)}}`]
    writeFileSync(at(name), [...lines, `keysDirectory: ${keysDirectory}`, ''].join('\n'))
  }
  const target = async ({ keysDirectory = server.keysDirectory, create = migratedDatabase } = {}) => {
    const { url } = await create()
    writeSettings('target', url, keysDirectory)
    return url
  }
  const restore = (...more: string[]) => run('target', 'restore', '--from', file, '--key', at('rsa.key'), ...more)
  const countOf = async (url: string, table: string) => {
    const database = createDatabase({ connection: connectionOf(url), log })
    const [row] = await database.query(
      statement<{ n: number }>(`test-count-${table}`, `SELECT count(*)::integer AS n FROM ${table}`),
    )
    await database.stop()
    return row!.n
  }
  const offlineToken = async (at: ServerReplicas) =>
    (await redeem(at, await fetchCode(at, { parameters: offline }))).json()['refresh_token'] as string
  /** Servers on a restored database. */
  const serveOn = async (url: string) => {
    const restored = await startReplicas({ databaseUrl: async () => url, keysFrom: server.keysDirectory })
    await restored.serve([web])
    return restored
  }

  before(async () => {
    directory = temporaryDirectory('backup')
    for (const [name, pair] of [
      ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })],
      ['ec', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
      ['stranger', generateKeyPairSync('x25519')],
    ] as const) {
      writeFileSync(at(`${name}.key`), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
      writeFileSync(at(`${name}.pub`), pair.publicKey.export({ type: 'spki', format: 'pem' }))
    }
    const certificate = ['req', '-x509', '-key', at('ec.key'), '-subj', '/CN=backup', '-out', at('ec.crt')]
    execFileSync('openssl', certificate, { stdio: 'ignore' })
    writeFileSync(at('both.pem'), readFileSync(at('rsa.pub'), 'utf8') + readFileSync(at('ec.crt'), 'utf8'))
    mkdirSync(at('secrets/nauthera-clients-proof'), { recursive: true })
    writeFileSync(at('secrets/nauthera-clients-proof/key'), 'canary-of-the-proof-key')
    mkdirSync(at('backups'))
    server = await startReplicas()
    await server.serve([web])
    await addPerson(server, 'ada', ['quote " tab \t line \n back \\ end'])
    refreshToken = await offlineToken(server)
    writeSettings('source', server.database.url, server.keysDirectory)
    const to = ['--to', at('backups'), '--recipient', at('both.pem'), '--secrets', at('secrets')]
    const [made] = (await run('source', 'backup', ...to, '-o', 'json')).json()
    sha256 = made!['sha256'] as string
    file = made!['file'] as string
    whole = readFileSync(file)
    expect(readdirSync(at('backups')).map((name) => join(at('backups'), name))).to.deep.equal([file])
  })
  after(() => server.stop())

  it('has every table of the schema, each after those that it refers to', async () => {
    const database = createDatabase({ connection: connectionOf(server.database.url), log })
    const rows = await database.query(
      statement<{ name: string }>(
        'test-tables',
        `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'`,
      ),
    )
    await database.stop()
    expect(dumpTables()).to.have.members(rows.map(({ name }) => name))
  })

  it('F27 restores people, who sign in, and ends what was issued before', async () => {
    const url = await target({ create: freshDatabase })
    expect(await restore('--sha256', sha256)).to.include({ code: 0, err: '' })
    for (const table of ['users', 'keys', 'grants', 'group_members'])
      expect(await countOf(url, table), table).to.equal(await countOf(server.database.url, table))
    const restored = await serveOn(url)
    try {
      expect((await refresh(restored, refreshToken)).status, 'of before').to.equal(400)
      expect(await offlineToken(restored)).to.be.a('string')
    } finally {
      await restored.stop()
    }
  })

  it('restores sessions and tokens too when nothing was used since', async () => {
    const url = await target()
    expect(await restore('--move')).to.include({ code: 0 })
    const restored = await serveOn(url)
    try {
      expect((await refresh(restored, refreshToken)).status).to.equal(200)
    } finally {
      await restored.stop()
    }
  })

  it('gives the ring and the other Secrets back to a recipient, as Kubernetes takes them', async () => {
    const { out } = await runWith(at('source'), ['backup', 'secrets', '--from', file, '--key', at('ec.key')])
    const k1 = readFileSync(join(server.keysDirectory, 'k1')).toString('base64')
    const { items } = parse(out) as { items: { metadata: { name: string }; data: Record<string, string> }[] }
    expect(items.map(({ metadata, data }) => [metadata.name, data])).to.deep.equal([
      ['nauthera-keys', { current: Buffer.from('k1').toString('base64'), k1 }],
      ['nauthera-clients-proof', { key: Buffer.from('canary-of-the-proof-key').toString('base64') }],
    ])
    const [seen] = (await run('source', 'backup', 'verify', file, '--key', at('ec.key'), '-o', 'json')).json()
    expect(seen).to.deep.include({ checked: 'digest, keys, rows', sha256, secrets: ['nauthera-clients-proof'] })
  })

  const spoilt = (change: (bytes: Buffer) => Buffer): string => {
    writeFileSync(at('spoilt'), change(readFileSync(file)))
    return at('spoilt')
  }
  const headed = (change: (head: Record<string, unknown>) => object) => (bytes: Buffer) => {
    const end = bytes.indexOf(10)
    const head = JSON.parse(bytes.subarray(0, end).toString()) as Record<string, unknown>
    return Buffer.concat([Buffer.from(JSON.stringify({ ...head, ...change(head) })), bytes.subarray(end)])
  }
  const flipped = (bytes: Buffer) => {
    const copy = Buffer.from(bytes)
    copy[copy.indexOf(10) + 40]! ^= 1
    return copy
  }
  const refusals: readonly [string, () => readonly string[], RegExp][] = [
    ['one with a changed byte', () => ['--from', spoilt(flipped)], /BACKUP_INVALID: it was changed, cut or damaged/],
    ['one that was cut off', () => ['--from', spoilt((bytes) => bytes.subarray(0, -400))], /BACKUP_INVALID: .*cut off/],
    ['one with another head', () => ['--from', spoilt(headed(() => ({ issuer: 'x' })))], /BACKUP_INVALID/],
    ['what is no backup', () => ['--from', at('ec.crt')], /BACKUP_INVALID: it is no backup/],
    [
      'one of another digest',
      () => ['--from', file, '--sha256', '0'.repeat(64)],
      /not the one that you gave: it is another file/,
    ],
    [
      'one of another form',
      () => ['--from', spoilt(headed(() => ({ format: 2 })))],
      /BACKUP_OF_OTHER_RELEASE: it is of format 2, made by release 1\.2\.3/,
    ],
    [
      'one of another schema',
      () => ['--from', spoilt(headed(() => ({ schema: ['000009-later'] })))],
      /release 1\.2\.3, whose schema ends with 000009-later; restore it with that release/,
    ],
    ['a key of no recipient', () => ['--from', file, '--key', at('stranger.key')], /was not made for this key/],
  ]
  it('T61 refuses what it cannot trust or read, and restores nothing of it', async () => {
    const url = await target()
    for (const [what, options, expected] of refusals) {
      const ran = await run('target', 'restore', '--key', at('rsa.key'), ...options())
      expect(ran.code, what).to.equal(1)
      expect(ran.err, what).to.match(expected)
    }
    // nothing of it was left, so a good one is restored
    expect(await restore()).to.include({ code: 0 })
    expect(await restore()).to.include({ code: 1 })
    expect((await restore()).err).to.match(/DATABASE_NOT_EMPTY: the database has rows already, in users, .*keys/)
    expect(await countOf(url, 'users')).to.equal(1)
  })

  it('says that the ring has to be there first', async () => {
    mkdirSync(at('other-ring'))
    writeFileSync(at('other-ring/k1'), randomBytes(32))
    writeFileSync(at('other-ring/current'), 'k1')
    await target({ keysDirectory: at('other-ring') })
    expect((await restore()).err).to.match(/KEY_RING_LACKS_KEY: .*"nauthera backup secrets" prints it/)
  })

  it('writes nothing under its name when it fails, and keeps as many as it was told', async () => {
    const to = ['--to', at('backups'), '--recipient']
    expect((await run('source', 'backup', ...to, at('rsa.key'))).err).to.match(/it is a private key/)
    expect(readdirSync(at('backups'))).to.have.length(1)
    await run('source', 'backup', ...to, at('rsa.pub'), '--keep', '1')
    const left = readdirSync(at('backups'))
    expect(left).to.have.length(1)
    const [seen] = (await run('source', 'backup', 'verify', join(at('backups'), left[0]!), '-o', 'json')).json()
    expect(seen).to.include({ checked: 'digest', release: '1.2.3' })
  })

  describe('with --keep', () => {
    const place = (name: string) => join(at('kept'), name)
    /** A backup as far as its first line says. */
    const lay = (name: string, head: object, to = 'backup') => {
      writeFileSync(place(`${name}.${to}`), headed(() => head)(whole))
      return `${name}.${to}`
    }
    const keep = (files: string) =>
      run('source', 'backup', '--to', at('kept'), '--recipient', at('rsa.pub'), '--keep', files, '-o', 'json')
    beforeEach(() => {
      rmSync(at('kept'), { recursive: true, force: true })
      mkdirSync(at('kept'))
    })

    it('leaves the backups of other issuers on the same host, and what is no backup', async () => {
      const others = [
        lay('nauthera-localhost-20200101T000000Z', { issuer: 'http://localhost:3000/a' }),
        lay('nauthera-localhost-20200102T000000Z', { issuer: 'http://localhost:3001' }),
        lay('nauthera-localhost-20200103T000000Z', { format: 2 }),
      ]
      writeFileSync(place('nauthera-localhost-20200104T000000Z.backup'), 'notes of somebody')
      const [made] = (await keep('1')).json()
      const own = basename(made!['file'] as string)
      expect(readdirSync(at('kept'))).to.have.members([...others, 'nauthera-localhost-20200104T000000Z.backup', own])
      expect(made!['deleted']).to.deep.equal([])
    })

    it('goes by what a file says of itself, keeps the file that it wrote, and says what it deleted', async () => {
      const old = lay('nauthera-localhost-99990101T000000Z', { createdAt: '2020-01-01T00:00:00.000Z' })
      const older = lay('of-another-name', { createdAt: '2019-01-01T00:00:00.000Z' })
      const later = lay('nauthera-localhost-20200101T000000Z', { createdAt: '9999-01-01T00:00:00.000Z' })
      const { code, out, err } = await keep('2')
      expect(code).to.equal(0)
      const [made] = JSON.parse(out) as Record<string, unknown>[]
      expect(readdirSync(at('kept'))).to.have.members([old, later, basename(made!['file'] as string)])
      expect(made!['deleted']).to.deep.equal([older])
      expect(err).to.include(later)
    })

    it('removes what a run left that died, and nothing of one that is writing', async () => {
      const dead = lay('nauthera-localhost-20200101T000000Z', {}, 'backup.part')
      utimesSync(place(dead), new Date(0), new Date(0))
      writeFileSync(place('nauthera-localhost-20200102T000000Z.backup.part'), '')
      const [made] = (await keep('1')).json()
      const own = basename(made!['file'] as string)
      expect(readdirSync(at('kept'))).to.have.members(['nauthera-localhost-20200102T000000Z.backup.part', own])
      expect(made!['deleted']).to.deep.equal([dead])
    })
  })

  it('T61 prints and logs nothing of a key or of a person', () => {
    const hash = 'argon2'
    const ring = readFileSync(join(server.keysDirectory, 'k1'))
    for (const canary of [
      hash,
      'ada@',
      'canary-of-the-proof-key',
      ring.toString('base64'),
      ring.toString('hex'),
      'BEGIN',
    ])
      expect(printed.join(''), canary).to.not.include(canary)
  })
})
