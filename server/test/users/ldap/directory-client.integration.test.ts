// What a directory does to us when it fails: real servers that are killed, stopped, slow or cut off.
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { mock } from 'node:test'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { createAuthority } from '@nauthera/proto/certificates'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { PresenceFilter } from 'ldapts'
import { retryUntilDone } from '../../../src/retry-until-done.ts'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import type { User } from '../../../src/store/people/user.ts'
import type { DirectoryPatience } from '../../../src/users/ldap/connection.ts'
import { DirectoryClient } from '../../../src/users/ldap/directory-client.ts'
import { createLdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import type { LdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import { newName, patient, startTestDirectory, userBase, vouching } from './test-directory.ts'
import type { TestDirectory } from './test-directory.ts'

const password = 'correct horse battery staple'
const hourMs = 3_600_000

describe(`${createLdapUsers.name} while the directory fails`, () => {
  let directory: TestDirectory
  let username: string
  let key: string
  const opened: LdapUsers[] = []
  const servers: Server[] = []
  before(async () => {
    directory = await startTestDirectory()
    username = newName()
    key = await directory.add({ username, email: `${username}@example.test`, password, groups: ['dev'] })
  })
  afterEach(() => {
    for (const source of opened.splice(0)) source.stop()
    for (const server of servers.splice(0)) server.close()
  })
  after(() => directory.stop())

  const open = (
    over: Readonly<Record<string, unknown>> = {},
    now: () => number = Date.now,
    patience?: DirectoryPatience,
  ) => {
    const cache = createMemoryCache({ now })
    const source = createLdapUsers({ vouching, settings: directory.settings(over), cache, log: quiet, now, patience })
    opened.push(source)
    return source
  }
  /** For failures that come at once: on a busy machine too, they come before the patience ends. */
  const openPatient = (over: Readonly<Record<string, unknown>> = {}) => open(over, Date.now, patient.patience)
  const ask = (source: LdapUsers, secret = password) =>
    source.checkPassword({ login: username, password: secret, known: undefined, mayTry: async () => true })
  const check = (source: LdapUsers, secret = password) =>
    ask(source, secret).then(
      ({ kind }) => kind,
      (error: unknown) => {
        if (hasCode(error, 'STORE_UNAVAILABLE')) return `away: ${error.message}`
        throw error
      },
    )
  /** Tries until the directory answers again, as people do. */
  const back = async (source: LdapUsers) => {
    let kind: string | undefined
    await retryUntilDone({ signal: AbortSignal.timeout(30_000), log: quiet, everyMs: 100 }, async () => {
      kind = (await ask(source)).kind
    })
    return kind
  }
  const listen = async (serve: (socket: Socket) => void) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      serve(socket)
    })
    servers.push(server)
    return `localhost:${await listenOnLoopback(server)}`
  }

  it('F8 is away while the server is killed, and back by itself', async () => {
    const source = open()
    expect(await back(source)).to.equal('right')
    await directory.slapd.kill()
    expect(await check(source)).to.match(/^away.*the directory directory cannot be asked: /)
    // nobody waits for a server that has just failed
    expect(await check(source, 'wrong')).to.match(/^away/)
    await directory.slapd.again()
    expect(await back(source)).to.equal('right')
  })

  it('F8 is away while the server is stopped in the middle of everything, and back by itself', async () => {
    const [source, other] = [open(), open({ urls: [directory.slapd.plainUrl], startTLS: true })]
    expect([await back(source), await back(other)]).to.deep.equal(['right', 'right'])
    process.kill(directory.slapd.pid, 'SIGSTOP')
    try {
      const answers = await Promise.all([source, other, source, source].map((each) => check(each)))
      for (const answer of answers) expect(answer).to.match(/^away/)
    } finally {
      process.kill(directory.slapd.pid, 'SIGCONT')
    }
    expect([await back(source), await back(other)]).to.deep.equal(['right', 'right'])
  })

  it('F8 asks a server that came back again after a second, and not before that is over', async () => {
    let clock = 0
    const { patience } = patient
    const client = new DirectoryClient({
      id: 'directory',
      servers: directory.settings(),
      log: quiet,
      patience,
      monotonicNow: () => clock,
    })
    const dn = await directory.dnOf(key)
    const answer = () =>
      client.checkPassword(dn, password).catch((error: unknown) => hasCode(error, 'STORE_UNAVAILABLE') && 'away')
    try {
      expect(await answer()).to.equal('right')
      await directory.slapd.kill()
      expect(await answer()).to.equal('away')
      await directory.slapd.again()
      clock += 999
      expect(await answer(), 'nobody waits for a server that has just failed').to.equal('away')
      clock += 1
      expect(await answer()).to.equal('right')
    } finally {
      client.stop()
    }
  })

  it('shares a connection between searches until it is 5 minutes old or was not used for 30 s, and closes it when nobody waits for it', async () => {
    let clock = 0
    let opened = 0
    const sockets = new Set<Socket>()
    const { hostname, port } = new URL(directory.slapd.url)
    const address = await listen((socket) => {
      opened++
      sockets.add(socket.once('close', () => sockets.delete(socket)))
      const onward = connect(Number(port), hostname).on('error', () => socket.destroy())
      onward.on('close', () => socket.destroy())
      socket.on('close', () => onward.destroy())
      socket.pipe(onward).pipe(socket)
    })
    mock.timers.enable({ apis: ['setTimeout'] })
    const client = new DirectoryClient({
      id: 'directory',
      servers: directory.settings({ urls: [`ldaps://${address}`] }),
      log: quiet,
      patience: patient.patience,
      monotonicNow: () => clock,
    })
    const filter = new PresenceFilter({ attribute: 'uid' })
    const search = () => client.search({ base: userBase, scope: 'sub', filter, attributes: ['uid'], limit: 'all' })
    const ended = (socket: Socket) =>
      new Promise<void>((resolve) => (sockets.has(socket) ? socket.once('close', () => resolve()) : resolve()))
    try {
      await Promise.all([search(), search()])
      clock = 299_999
      await search()
      expect(opened).to.equal(1)
      const [first] = sockets
      clock = 300_000
      await search()
      expect(opened).to.equal(2)
      await ended(first!)
      const [second] = sockets
      mock.timers.tick(29_999)
      await search()
      expect(opened).to.equal(2)
      mock.timers.tick(30_000)
      await ended(second!)
      await search()
      expect(opened).to.equal(3)
      const [third] = sockets
      const asked = search()
      // it is on its way: the answer comes through our own server, in a later turn
      await new Promise(setImmediate)
      clock = 600_000
      await Promise.all([asked, search()])
      expect(opened).to.equal(4)
      await ended(third!)
    } finally {
      mock.timers.reset()
      client.stop()
    }
  })

  it('F8 waits for a slow server up to its time-out, and no longer', async () => {
    const delays = new Set<NodeJS.Timeout>()
    const slow = await listen((socket) => {
      const beyond = connect(directory.slapd.ports.tls, '127.0.0.1').on('error', () => undefined)
      socket.on('data', (bytes) => void beyond.write(bytes)).on('close', () => beyond.destroy())
      beyond.on('data', (bytes) => void delays.add(setTimeout(() => socket.write(bytes), 150)))
    })
    const urls = [`ldaps://${slow}`]
    expect(await check(openPatient({ urls }))).to.equal('right')
    expect(await check(open({ urls }, Date.now, { connect: 30_000, answer: 100 }))).to.match(/^away/)
    for (const delay of delays) clearTimeout(delay)
  })

  it('F8 is away while the certificate has expired, is of a stranger, or has another name', async () => {
    const stranger = await createAuthority({ name: 'stranger', lifetimeMs: hourMs })
    writeFileSync(`${directory.files.ca}-stranger`, stranger.cert)
    expect(await check(openPatient({ caFile: `${directory.files.ca}-stranger` }))).to.match(
      /^away.*(signature|certificate)/i,
    )
    expect(await check(openPatient({ caFile: undefined }))).to.match(/^away.*certificate/i)
    const byAddress = { urls: [directory.slapd.url.replace('localhost', '127.0.0.1')] }
    expect(await check(openPatient(byAddress))).to.match(/^away.*127\.0\.0\.1/)
    const plainByAddress = { urls: [directory.slapd.plainUrl.replace('localhost', '127.0.0.1')], startTLS: true }
    expect(await check(openPatient(plainByAddress))).to.match(/^away.*127\.0\.0\.1/)
    await directory.slapd.kill()
    await directory.slapd.again({ lifetimeMs: hourMs, now: Date.now() - 3 * hourMs })
    const source = openPatient()
    expect(await check(source)).to.match(/^away.*expired/)
    expect(await check(openPatient({ urls: [directory.slapd.plainUrl], startTLS: true }))).to.match(/^away.*expired/)
    await directory.slapd.kill()
    await directory.slapd.again({ lifetimeMs: hourMs, now: Date.now() })
    expect(await back(source)).to.equal('right')
  })

  it('F8 asks the next server when the first is dead, says nothing, or is cut off in the middle', async () => {
    const silent = await listen(() => undefined)
    const sockets: Socket[] = []
    let isCut = false
    const half = await listen((socket) => {
      const beyond = connect(directory.slapd.ports.tls, '127.0.0.1').on('error', () => undefined)
      sockets.push(socket, beyond)
      socket.on('data', (bytes) => void (isCut || beyond.write(bytes)))
      beyond.on('data', (bytes) => void (isCut || socket.write(bytes)))
    })
    const next = directory.slapd.url
    const patience = { connect: 5000, answer: 5000 }
    const withFirst = (first: string) => open({ urls: [first, next] }, Date.now, patience)
    expect(await check(withFirst('ldaps://localhost:1'))).to.equal('right')
    expect(await check(withFirst(`ldaps://${silent}`))).to.equal('right')
    const source = withFirst(`ldaps://${half}`)
    expect(await check(source)).to.equal('right')
    isCut = true
    // the connection for searches is there, and nobody says that it leads nowhere
    expect(await check(source)).to.equal('right')
    expect(await check(source, 'wrong')).to.equal('wrong')
    for (const socket of sockets) socket.destroy()
  })

  it('F8 goes on with what it was told, up to its age; then it is away, never "gone"', async () => {
    let now = Date.now()
    const source = open({ maxAge: '10m' }, () => now)
    const look = () => source.read({ sourceKey: key } as User)
    expect(await back(source)).to.equal('right')
    expect((await look())?.groups).to.deep.equal(['dev'])
    await directory.slapd.kill()
    now += 599_999
    expect((await look())?.groups).to.deep.equal(['dev'])
    now += 1
    const error = await look().catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
    await directory.slapd.again()
    expect(await back(source)).to.equal('right')
    expect((await look())?.groups).to.deep.equal(['dev'])
  })

  it('finds nothing of an entry that is gone, and is away where the base of people is', async () => {
    const { patience } = patient
    const client = new DirectoryClient({ id: 'directory', servers: directory.settings(), log: quiet, patience })
    const filter = new PresenceFilter({ attribute: 'objectClass' })
    const search = (base: string, scope: 'base' | 'sub') =>
      client
        .search({ base, scope, filter, attributes: ['uid'], limit: 'all' })
        .catch((error: unknown) => hasCode(error, 'STORE_UNAVAILABLE') && 'away')
    try {
      expect(await search(`uid=gone,${userBase}`, 'base')).to.deep.equal([])
      expect(await search(`ou=gone,${userBase}`, 'sub')).to.equal('away')
      expect(await search('no name of an entry', 'base')).to.equal('away')
    } finally {
      client.stop()
    }
  })

  it('takes a refusal that no password causes for no wrong password', async () => {
    const { patience } = patient
    const client = new DirectoryClient({ id: 'directory', servers: directory.settings(), log: quiet, patience })
    try {
      expect(await client.checkPassword(await directory.dnOf(key), 'wrong')).to.equal('wrong')
      const error = await client.checkPassword('no name of an entry', password).catch((reason: unknown) => reason)
      expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
    } finally {
      client.stop()
    }
  })

  it('reads the password of the searching account again for each new connection', async () => {
    const passwordFile = `${directory.files.password}-changing`
    writeFileSync(passwordFile, 'not yet')
    const source = openPatient({ passwordFile })
    expect(await check(source)).to.match(/^away.*InvalidCredentials/)
    writeFileSync(passwordFile, 'the password of the searcher\n')
    expect(await back(source)).to.equal('right')
  })
})
