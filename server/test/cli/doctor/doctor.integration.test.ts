import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { expect } from 'chai'
import { listenOnLoopback, portOf } from '@nauthera/harness/listen'
import { send } from '@nauthera/harness/browser'
import { startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { statement } from '../../../src/store/driver/database.ts'
import { runCommand } from '../../../src/cli/program.ts'
import { privateKey, setOf } from '../../oidc/keys/key-pairs.ts'
import { newName, startTestDirectory, userBase } from '../../users/ldap/test-directory.ts'
import { identityFindings } from '../../../src/cli/doctor/findings.ts'
import { parseDsn } from '../../../src/store/driver/connection.ts'
import { Secret } from '@nauthera/runtime/secret'

const day = 86_400_000

interface Finding {
  readonly check: string
  readonly state: string
  readonly says: string
}

describe('nauthera doctor', () => {
  let replicas: ServerReplicas
  let management: Server
  let directory: string
  before(async () => {
    directory = temporaryDirectory('doctor')
    replicas = await startReplicas()
    management = createServer(
      (_request, response) => void replicas.metrics[0]!.render().then((text) => response.end(text)),
    )
    await listenOnLoopback(management)
  })
  after(async () => {
    management?.close()
    await replicas?.stop()
  })

  /** @param changed settings in place of those of the server */
  async function doctor(changed: Record<string, unknown> = {}, ...options: readonly string[]) {
    const dsnFile = join(directory, 'dsn')
    writeFileSync(dsnFile, `${replicas.database.url}?sslmode=disable`)
    const settings = {
      issuer: replicas.issuer,
      database: { dsnFile },
      keysDirectory: replicas.keysDirectory,
      management: { host: '127.0.0.1', port: portOf(management) },
      ...changed,
    }
    const file = join(directory, 'server.yaml')
    writeFileSync(file, JSON.stringify(settings))
    let [out, err] = ['', '']
    const sink = (write: (text: string) => void) =>
      new Writable({ write: (chunk: Buffer, _, done) => (write(chunk.toString()), done()) })
    const code = await runCommand({
      arguments: ['doctor', '-o', 'json', ...options],
      terminal: {
        stdin: Object.assign(Readable.from([]), { isTTY: false, setRawMode: () => undefined }),
        stdout: sink((text) => (out += text)),
        stderr: sink((text) => (err += text)),
        onInterrupt: () => () => undefined,
      },
      environment: { NAUTHERA_SETTINGS: file },
      version: '1.2.3',
      by: 'root',
    })
    const findings = JSON.parse(out || '[]') as Finding[]
    return { code, err, findings, of: (check: string) => findings.filter((one) => one.check === check) }
  }

  it('says which authorities of clients name nobody, which end soon, and whether clients reach us', async () => {
    const file = join(directory, 'clients.crt')
    const authority = async (lifetimeMs: number) => (await createAuthority({ name: 'clients', lifetimeMs })).cert
    const [soon, leaf] = [
      await authority(day),
      await issueLeaf(await createAuthority({ name: 'x', lifetimeMs: day }), { usage: 'client' }),
    ]
    const of = async (mutualTLS: object) => {
      const settings = { trustedProxies: ['10.0.12.16/28'], mutualTLS: { header: 'nginx', caFile: file, ...mutualTLS } }
      return (await doctor(settings)).of('client certificates').map(({ state, says }) => `${state}: ${says}`)
    }
    writeFileSync(file, (await authority(100 * day)) + soon + leaf.cert)
    expect(await of({ url: replicas.issuer })).to.deep.equal([
      `ok: 2 authorities may name clients (${file})`,
      `warning: ${file}: CN=nauthera is that of no authority (CA:TRUE is missing)`,
      `warning: ${file}: CN=clients is valid for 0 more days`,
      `ok: ${replicas.issuer} leads here`,
    ])
    writeFileSync(file, leaf.cert)
    expect(await of({})).to.include(`fault: ${file} has no authority that may name a client`)
    writeFileSync(file, 'nothing')
    expect((await of({ url: 'http://localhost:1' })).join()).to.match(
      /^fault: .* cannot be used: .*,warning: .* cannot be reached/,
    )
    expect((await doctor()).of('client certificates')).to.have.length(1)
  })

  it('warns where TLS to PostgreSQL checks no certificate', () => {
    const tls = (mode: 'disable' | 'require' | 'verify-full') =>
      identityFindings(parseDsn(new Secret('postgres://u:p@db/n'), mode)).map(({ state }) => state)
    expect([tls('disable'), tls('require'), tls('verify-full')]).to.deep.equal([[], ['warning'], []])
  })

  it('finds nothing wrong with a server that runs', async () => {
    const { code, findings } = await doctor()
    expect(findings.filter(({ state }) => state !== 'ok')).to.deep.equal([])
    expect(findings.map(({ check }) => check)).to.deep.equal([
      'database',
      'clock',
      'notifications',
      'isolation',
      'schema',
      'cache',
      'mail',
      'keys',
      'issuer',
      'proxy',
      'client certificates',
    ])
    expect(code).to.equal(0)
  })

  it('warns where transactions are not READ COMMITTED unless they say so', async () => {
    const { database } = replicas.apps[0]!.store
    const set = (isolation: string) =>
      database.query(
        statement(
          `test-set-${isolation}`,
          `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''${isolation}''', current_database()); END $$`,
        ),
      )
    await set('serializable')
    try {
      const [found] = (await doctor()).of('isolation')
      expect(found?.state).to.equal('warning')
      expect(found?.says).to.contain('default_transaction_isolation is serializable')
    } finally {
      await set('read committed')
    }
  })

  it('connects to the mail server and signs in there, and sends no mail', async () => {
    const authority = await createAuthority({ name: 'mail', lifetimeMs: 3_600_000 })
    const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
    const [caFile, usernameFile, passwordFile] = ['ca.pem', 'smtp-user', 'smtp-password'].map((name) =>
      join(directory, name),
    )
    writeFileSync(caFile!, authority.cert)
    writeFileSync(usernameFile!, 'login')
    writeFileSync(passwordFile!, 'right')
    const box = await startMailbox({ tls: leaf, login: { username: 'login', password: 'right' } })
    try {
      const mail = { host: 'localhost', port: box.port, from: 'login@example.com', caFile, usernameFile, passwordFile }
      const good = await doctor({ mail })
      expect(good.of('mail')[0]).to.include({ state: 'ok' })
      expect(good.of('mail')[0]!.says).to.contain('over TLS, the sign-in works, and it takes mail from ')
      writeFileSync(passwordFile!, 'a-wrong-canary')
      const refused = await doctor({ mail })
      expect(refused.of('mail')[0]).to.include({ state: 'fault' })
      expect(refused.code).to.equal(1)
      expect(JSON.stringify(refused)).to.not.contain('a-wrong-canary')
      const untrusted = await doctor({ mail: { ...mail, caFile: undefined } })
      expect(untrusted.of('mail')[0]).to.include({ state: 'fault' })
      expect(box.mails).to.deep.equal([])
    } finally {
      await box.stop()
    }
    const away = await doctor({ mail: { host: '127.0.0.1', port: 1, from: 'login@example.com', tls: 'off' } })
    expect(away.of('mail')[0]!.says).to.contain('mails wait until it works')
  })

  it('warns of a proxy that nobody listed, and says what to do', async () => {
    await send(replicas, { path: '/authorize', headers: { 'x-forwarded-for': '203.0.113.9' } })
    const { code, of } = await doctor()
    const [proxy] = of('proxy')
    expect(proxy).to.include({ state: 'warning' })
    expect(proxy!.says)
      .to.match(/^1 of \d+ requests/)
      .and.contain('server.trustedProxies')
    expect(code).to.equal(0)
  })

  it('warns when addresses are unknown on purpose, and when it cannot see the server', async () => {
    expect((await doctor({ allowUntrustedProxy: true })).of('proxy')[0]!.says).to.contain('addresses are unknown')
    const away = await doctor({ management: { host: '127.0.0.1', port: 1 } })
    expect(away.of('proxy')[0]!.says).to.contain('run this where a server runs')
  })

  it('finds that the issuer is not reached, or is another server', async () => {
    const away = await doctor({ issuer: 'http://localhost:1' })
    expect(away.of('issuer')[0]).to.include({ state: 'fault' })
    expect(away.of('issuer')[0]!.says).to.contain('cannot be fetched from here')
    expect(away.code).to.equal(1)
    const path = await doctor({ issuer: `${replicas.issuer}/elsewhere` })
    expect(path.of('issuer')[0]!.says).to.contain('answers 404')
  })

  it('believes an issuer of a private authority by the files of its own certificate, or by one that is named, and says which', async () => {
    const files = mkdtempSync(join(directory, 'https-'))
    const put = (name: string, text: string) => {
      writeFileSync(join(files, name), text)
      return join(files, name)
    }
    const [own, other] = [
      await createAuthority({ name: 'private', lifetimeMs: 90 * day }),
      await createAuthority({ name: 'other', lifetimeMs: day }),
    ]
    const leaf = await issueLeaf(own, { usage: 'server', dnsNames: ['localhost'], lifetimeMs: 60 * day })
    const wrongName = await issueLeaf(own, { usage: 'server', dnsNames: ['elsewhere'] })
    const front = createHttpsServer(leaf, (_request, response) => response.end(JSON.stringify({ issuer })))
    const issuer = `https://localhost:${await listenOnLoopback(front)}`
    const tls = { certFile: put('tls.crt', leaf.cert), keyFile: put('tls.key', leaf.key) }
    const found = async (settings: object, ...options: string[]) => {
      const [finding] = (await doctor({ issuer, ...settings }, ...options)).of('issuer')
      return `${finding!.state}: ${finding!.says}`
    }
    try {
      expect(await found({ tls })).to.match(/^ok: .* but \S*tls\.crt does: programs must trust its authority$/)
      const ca = put('ca.crt', own.cert)
      expect(await found({ tls })).to.match(/^ok: .* but \S*ca\.crt does: /)
      expect((await doctor({ issuer, tls })).of('certificate')[0]!.says).to.match(/valid for (59|60) more days$/)
      expect(await found({})).to.match(/^fault: .*--ca-file/)
      expect(await found({}, '--ca-file', ca)).to.match(/^ok: /)
      expect(await found({ tls }, '--ca-file', put('other.crt', other.cert))).to.match(/^fault: /)
      expect(await found({}, '--ca-file', join(files, 'none'))).to.match(/^fault: .*ENOENT/)
      front.setSecureContext(wrongName)
      expect(await found({ tls }))
        .to.match(/^fault: .*altnames/)
        .and.not.contain('--ca-file')
    } finally {
      front.close()
      front.closeAllConnections()
    }
  })

  it('finds that the database is away, and that a key of the ring is missing', async () => {
    const dsnFile = join(directory, 'away')
    writeFileSync(dsnFile, 'postgres://nobody@127.0.0.1:1/none?sslmode=disable')
    const away = await doctor({ database: { dsnFile } })
    expect(away.of('database')[0]).to.include({ state: 'fault' })
    expect(away.code).to.equal(1)
    const ring = mkdtempSync(join(directory, 'ring-'))
    writeFileSync(join(ring, 'k2'), Buffer.alloc(32, 1))
    writeFileSync(join(ring, 'current'), 'k2')
    const locked = await doctor({ keysDirectory: ring })
    expect(locked.of('keys').at(-1)!.says).to.contain('is encrypted with k1')
  })

  it('finds what is wrong with a file of signing keys', async () => {
    const jwksFile = join(directory, 'jwks.json')
    const signing = { algorithms: ['ES256'], idToken: 'ES256', jwksFile }
    writeFileSync(jwksFile, '{"keys":[{"kty":"EC"}]}')
    const bad = await doctor({ signing })
    expect(bad.of('keys')[0]).to.include({ state: 'fault' })
    expect(bad.of('keys')[0]!.says)
      .to.contain('jwks.json: keys[0] must have alg')
      .and.contain('keep their last good keys')
    writeFileSync(jwksFile, setOf(privateKey('ES256')))
    expect((await doctor({ signing })).of('keys')[0]).to.include({ state: 'ok' })
  })

  it('looks at each server of a directory: whether it lets the account in, knows people, and how long its certificate is valid', async () => {
    const people = await startTestDirectory()
    try {
      const username = newName()
      await people.add({ username, email: `${username}@example.test`, password: 'a long password', groups: [] })
      const source = (over: object) => ({
        id: 'staff',
        type: 'ldap',
        urls: [people.slapd.url, people.slapd.plainUrl.replace('ldap:', 'ldaps:')],
        caFile: people.files.ca,
        usernameFile: people.files.username,
        passwordFile: people.files.password,
        userBase,
        groups: { from: 'none' },
        ...over,
      })
      const found = async (over: object = {}) => (await doctor({ sources: [source(over)] })).of('source staff')
      const [good, plain] = await found()
      // a certificate of a day: it works, and ends soon
      expect(good).to.include({ state: 'warning' })
      expect(good!.says).to.match(/^ldaps:.*lets the account in and knows people.*valid for 0 more days; renew it/)
      expect(plain).to.include({ state: 'fault' })
      const one = { urls: [people.slapd.url] }
      const faults: readonly (readonly [object, RegExp])[] = [
        [{ ...one, passwordFile: people.files.username }, /InvalidCredentials/],
        [{ ...one, userFilter: '(uid=nobody-at-all)' }, /finds nobody below ou=people/],
        [{ ...one, userBase: 'ou=nowhere,dc=example,dc=test' }, /NoSuchObject/],
        [{ ...one, attributes: { key: 'employeeNumber' } }, /has no employeeNumber.*set attributes.key/],
        [{ ...one, attributes: { username: 'employeeNumber' } }, /has no employeeNumber.*set attributes.username/],
        [{ ...one, caFile: undefined }, /certificate/],
        [{ ...one, caFile: '/nowhere/ca.crt' }, /cannot read \/nowhere\/ca.crt/],
        [{ urls: ['ldaps://localhost:1'] }, /ECONNREFUSED/],
      ]
      for (const [over, says] of faults) {
        const [finding] = await found(over)
        expect(finding!.says).to.match(says)
        expect(finding).to.include({ state: 'fault' })
      }
    } finally {
      await people.stop()
    }
  })

  it('warns of a provider whose people cannot set up the second factor that they must have', async () => {
    const clientSecretFile = join(directory, 'dsn')
    const github = { id: 'hub', preset: 'github', issuer: 'http://localhost:1', clientId: 'x', clientSecretFile }
    const second = async (secondFactor: object, upstream: object = github) =>
      (await doctor({ upstreams: [upstream], secondFactor }))
        .of('upstream hub')
        .filter(({ state }) => state === 'warning')
    const [warned, ...more] = await second({ policy: 'required' })
    expect(more).to.deep.equal([])
    expect(warned!.says).to.contain('cannot set up a second factor').and.contain('nauthera login-link')
    expect(await second({ requiredGroups: ['careful'] })).to.have.length(1)
    expect(await second({ policy: 'optional' })).to.deep.equal([])
    const openid = { id: 'hub', issuer: 'http://localhost:1', clientId: 'x' }
    expect(await second({ policy: 'required' }, openid)).to.deep.equal([])
  })

  it('asks each other provider what it is, for its keys and the time, and reads our id and secret', async () => {
    const sound = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    const provider = createServer((request, response) => {
      const issuer = `http://localhost:${portOf(provider)}`
      const [, realm] = request.url!.split('/')
      const own = `${issuer}/${realm}`
      response.setHeader('content-type', 'application/json')
      if (realm === 'late') response.setHeader('date', new Date(Date.now() - 300_000).toUTCString())
      const document = {
        issuer: own,
        authorization_endpoint: `${own}/a`,
        token_endpoint: `${own}/t`,
        jwks_uri: `${own}/k`,
      }
      response.end(JSON.stringify(request.url!.endsWith('/k') ? { keys: [sound, { kty: 'EC' }] } : document))
    })
    await listenOnLoopback(provider)
    try {
      const issuer = `http://localhost:${portOf(provider)}`
      const one = (id: string, more: object = {}) => ({ id, issuer: `${issuer}/${id}`, clientId: 'x', ...more })
      const upstreams = [
        one('good'),
        one('late'),
        one('away', { issuer: 'http://localhost:1' }),
        one('unread', { clientSecretFile: '/no/such/file' }),
      ]
      const { code, of } = await doctor({ upstreams })
      expect(code).to.equal(1)
      expect(of('upstream good')[0]).to.include({ state: 'ok', says: `${issuer}/good says what it is; keys: 1` })
      expect(of('upstream late')[0]!.says).to.match(/^its clock and ours differ by (29\d|3\d\d) s/)
      expect(of('upstream away')[0]).to.include({ state: 'fault' })
      expect(of('upstream unread')[0]!.says).to.include('/no/such/file')
    } finally {
      provider.closeAllConnections()
      provider.close()
    }
  })
})
