// What a directory can be like: its groups, its limits, its names, and what must not reach it.
import { createServer, Socket } from 'node:net'
import type { Server } from 'node:net'
import { mock } from 'node:test'
import { once } from 'node:events'
import { DN, EqualityFilter } from 'ldapts'
import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { createMetrics } from '@nauthera/runtime/metrics'
import type { Metrics } from '@nauthera/runtime/metrics'
import { freePort } from '@nauthera/local/processes/ports'
import { suffix } from '@nauthera/local/programs/slapd'
import { expect } from 'chai'
import type { User } from '../../../src/store/people/user.ts'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import { DirectoryConnection } from '../../../src/users/ldap/connection.ts'
import { DirectoryClient, createDirectoryMetrics, readFiles } from '../../../src/users/ldap/directory-client.ts'
import type { DirectoryMetrics } from '../../../src/users/ldap/directory-client.ts'
import { createLdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import type { LdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import { groupBase, newName, patient, startTestDirectory, userBase, vouching } from './test-directory.ts'
import type { TestDirectory } from './test-directory.ts'

const password = 'correct horse battery staple'
const manyGroups = 2000
/** More than are read, and no whole page less. */
const mostGroups = 5500
/** In all of the many groups. */
const joiner = `uid=joiner,${userBase}`

const person = (dn: string, attributes: string) => `dn: ${dn}\nobjectClass: inetOrgPerson\nsn: Example\n${attributes}`
const ldifOf = (elsewhere: number) =>
  [
    person(joiner, `uid: joiner\ncn: Joiner\nuserPassword: ${password}`),
    `dn: ou=many,${suffix}\nobjectClass: organizationalUnit\nou: many`,
    ...Array.from(
      { length: manyGroups },
      (_, n) => `dn: cn=many-${n},ou=many,${suffix}\nobjectClass: groupOfNames\ncn: many-${n}\nmember: ${joiner}`,
    ),
    `dn: ou=most,${suffix}\nobjectClass: organizationalUnit\nou: most`,
    ...Array.from(
      { length: mostGroups },
      (_, n) => `dn: cn=most-${n},ou=most,${suffix}\nobjectClass: groupOfNames\ncn: most-${n}\nmember: ${joiner}`,
    ),
    `dn: cn=staff,${groupBase}\nobjectClass: posixGroup\ncn: staff\ngidNumber: 100\nmemberUid: joiner`,
    `dn: ou=elsewhere,${userBase}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\nref: ldap://127.0.0.1:${elsewhere}/${userBase}`,
  ].join('\n\n')

/** @returns how often a directory was asked */
async function countOf(metrics: Metrics, operation: string): Promise<number> {
  const lines = (await metrics.render()).split('\n')
  const found = lines.filter(
    (line) => line.includes('directory_seconds_count') && line.includes(`operation="${operation}"`),
  )
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

describe(`${createLdapUsers.name} and what directories are like`, () => {
  let directory: TestDirectory
  let elsewhere: Server
  let asked = 0
  const opened: LdapUsers[] = []
  before(async () => {
    elsewhere = createServer((socket) => {
      asked++
      socket.destroy()
    }).listen(await freePort(), '127.0.0.1')
    await once(elsewhere, 'listening')
    directory = await startTestDirectory({ ldif: ldifOf((elsewhere.address() as { port: number }).port) })
  })
  afterEach(() => {
    for (const source of opened.splice(0)) source.stop()
  })
  after(async () => {
    elsewhere.close()
    await directory.stop()
  })

  const open = (over: Readonly<Record<string, unknown>> = {}, metrics?: DirectoryMetrics) => {
    const source = createLdapUsers({
      vouching,
      settings: directory.settings(over),
      cache: createMemoryCache({ now: Date.now }),
      log: quiet,
      metrics,
      now: Date.now,
      ...patient,
    })
    opened.push(source)
    return source
  }
  const check = (source: LdapUsers, login: string, secret = password) =>
    source.checkPassword({ login, password: secret, known: undefined, mayTry: async () => true })
  const foundBy = async (source: LdapUsers, login: string) => {
    const answer = await check(source, login)
    if (answer.kind !== 'right' || answer.found === undefined) throw new Error(answer.kind)
    return answer.found
  }
  const add = async (over: { username?: string; groups?: readonly string[] } = {}) => {
    const username = over.username ?? newName()
    const key = await directory.add({
      username,
      email: `${username}@example.test`,
      password,
      groups: over.groups ?? [],
    })
    return { username, key, dn: await directory.dnOf(key) }
  }

  it('reads name, addresses and claims by the map of attributes; what is no value of a claim is left out', async () => {
    const { username, key } = await add({ groups: ['dev'] })
    await directory.set(key, 'preferredLanguage', 'de')
    await directory.set(key, 'telephoneNumber', 'not a number')
    const claims = { given_name: 'cn', family_name: 'sn', phone_number: 'telephoneNumber' }
    const { key: found, person: read } = await foundBy(open({ attributes: { claims } }), username)
    expect(found).to.equal(key)
    expect(read).to.deep.equal({
      username,
      email: `${username}@example.test`,
      emailVerified: true,
      name: `${username} Example`,
      locale: 'de',
      profile: { given_name: `${username} Example`, family_name: 'Example' },
      disabled: false,
      groups: ['dev'],
    })
  })

  it('gets in by StartTLS as by ldaps', async () => {
    const { username } = await add({ groups: ['dev'] })
    const source = open({ urls: [directory.slapd.plainUrl], startTLS: true })
    expect((await foundBy(source, username)).person.groups).to.deep.equal(['dev'])
    expect((await check(source, username, 'wrong')).kind).to.equal('wrong')
  })

  it(`L11 reads ${manyGroups} groups, though the server gives 500 at once, while others search on`, async () => {
    const source = open({ groups: { base: `ou=many,${suffix}` } })
    const { username } = await add()
    const [many, ...others] = await Promise.all([
      foundBy(source, 'joiner'),
      ...Array.from({ length: 5 }, () => foundBy(source, username)),
      foundBy(source, 'joiner'),
    ])
    expect(many.person.groups).to.have.length(manyGroups)
    expect(new Set(many.person.groups).size).to.equal(manyGroups)
    expect(others.map(({ person: { groups } }) => groups.length)).to.deep.equal([0, 0, 0, 0, 0, manyGroups])
  })

  it('L11 reads 5000 groups of a person, and no more, and asks for no further page', async () => {
    const base = `ou=most,${suffix}`
    const { person: read } = await foundBy(open({ groups: { base } }), 'joiner')
    expect(read.groups).to.have.length(5000)
    const client = new DirectoryClient({ id: 'directory', servers: directory.settings(), log: quiet, ...patient })
    const filter = new EqualityFilter({ attribute: 'member', value: joiner })
    try {
      const found = await client.search({ base, scope: 'sub', filter, attributes: ['cn'], limit: 'all' })
      expect(found).to.have.length(5000)
    } finally {
      client.stop()
    }
  })

  it('L11 walks groups of groups, and a circle of them ends', async () => {
    const [inner, middle, outer] = [newName(), newName(), newName()]
    const { username } = await add({ groups: [inner] })
    const dnOf = (group: string) => `cn=${group},${groupBase}`
    await directory.join(middle, dnOf(inner))
    await directory.join(outer, dnOf(middle))
    await directory.join(inner, dnOf(outer))
    const groups = { base: groupBase }
    const flat = await foundBy(open({ groups }), username)
    const nested = await foundBy(open({ groups: { ...groups, nested: true } }), username)
    expect(flat.person.groups).to.deep.equal([inner])
    expect(nested.person.groups).to.deep.equal([inner, middle, outer].toSorted())
  })

  it('takes groups from memberOf, only below the base, and from memberUid', async () => {
    const { username } = await add({ groups: ['dev', 'ops'] })
    const read = async (groups: object, login = username) => (await foundBy(open({ groups }), login)).person.groups
    expect(await read({ from: 'memberOf' })).to.deep.equal(['dev', 'ops'])
    expect(await read({ from: 'memberOf', base: groupBase.toUpperCase() })).to.deep.equal(['dev', 'ops'])
    expect(await read({ from: 'memberOf', base: `ou=many,${suffix}` })).to.deep.equal([])
    expect(await read({ from: 'none' })).to.deep.equal([])
    const posix = { base: groupBase, filter: '(objectClass=posixGroup)', member: 'memberUid', memberIs: 'username' }
    expect(await read(posix, 'joiner')).to.deep.equal(['staff'])
  })

  it('L11 finds people and groups whose names mean something in a filter or a DN, and nobody else by them', async () => {
    const source = open()
    for (const username of ['*)(uid=*', 'a,b+c"d\\e<f>;g', ' #leading and trailing ', 'ü*ß', '(&(uid=*))']) {
      const dn = new DN().addPairRDN('uid', username).toString() + `,${userBase}`
      const group = new DN().addPairRDN('cn', `${username} group`).toString() + `,${groupBase}`
      await directory.asAdmin(async (client) => {
        await client.add(dn, {
          objectClass: ['inetOrgPerson'],
          uid: username,
          cn: 'x',
          sn: 'x',
          userPassword: password,
        })
        await client.add(group, { objectClass: ['groupOfNames'], cn: `${username} group`, member: dn })
      })
      const { person: read } = await foundBy(source, username)
      expect([read.username, read.groups], username).to.deep.equal([username.trim(), [`${username} group`.trim()]])
      const viaMemberOf = await foundBy(open({ groups: { from: 'memberOf' } }), username)
      expect(viaMemberOf.person.groups, username).to.deep.equal(read.groups)
      await directory.asAdmin((client) => client.del(dn))
    }
    for (const login of ['*', 'joine*', 'uid=joiner', joiner, 'joiner)(cn=*', 'joiner\u0000x', '\u0000'])
      expect((await check(source, login)).kind, login).to.equal('unknown')
  })

  it('L11 sends no empty password, and none that looks empty to a server, to the directory', async () => {
    const { username } = await add()
    const metrics = createMetrics('test')
    const source = open({}, createDirectoryMetrics(metrics))
    for (const secret of ['', '\u0000', `\u0000${password}`, 'x'.repeat(513)])
      expect((await check(source, username, secret)).kind).to.equal('wrong')
    expect(await countOf(metrics, 'bind')).to.equal(0)
    expect((await check(source, username)).kind).to.equal('right')
    expect(await countOf(metrics, 'bind')).to.equal(1)
    expect((await check(source, username, 'x'.repeat(512))).kind).to.equal('wrong')
    expect(await countOf(metrics, 'bind')).to.equal(2)
  })

  it('L11 answers at its lowest level that an empty name or password is wrong, and asks nobody', async () => {
    const files = readFiles({ id: 'directory', servers: directory.settings() })
    const keptAlive = mock.method(Socket.prototype, 'setKeepAlive')
    const target = { url: directory.slapd.url, ca: files.ca, patience: patient.patience }
    const connection = await DirectoryConnection.open(target)
    expect(keptAlive.mock.calls.map((call) => call.arguments)).to.deep.include([true, 10_000])
    keptAlive.mock.restore()
    connection.close()
    // it has ended: a question would fail
    const answers = [connection.checkPassword(joiner, ''), connection.checkPassword('', password)]
    expect(await Promise.all(answers)).to.deep.equal(['wrong', 'wrong'])
  })

  it('L11 follows no referral: people elsewhere are nobody, and a base elsewhere is an outage', async () => {
    const source = open()
    expect((await check(source, 'somebody-elsewhere')).kind).to.equal('unknown')
    const there = open({ userBase: `ou=elsewhere,${userBase}` })
    const error = await check(there, 'joiner').catch((reason: unknown) => reason)
    expect(error).to.include({ code: 'STORE_UNAVAILABLE' })
    expect(asked).to.equal(0)
  })

  it('finds nothing at an entry that has gone; a base that is nowhere, and an entry elsewhere, are outages', async () => {
    const client = new DirectoryClient({ id: 'directory', servers: directory.settings(), log: quiet, ...patient })
    const filter = new EqualityFilter({ attribute: 'uid', value: 'joiner' })
    const search = (base: string, scope: 'base' | 'sub') =>
      client.search({ base, scope, filter, attributes: ['uid'], limit: 1 }).then(
        (found) => found.length,
        (error: unknown) => hasCode(error, 'STORE_UNAVAILABLE') && 'away',
      )
    try {
      const gone = `uid=gone,${userBase}`
      const elsewhereBase = `ou=elsewhere,${userBase}`
      expect(await Promise.all([search(joiner, 'base'), search(gone, 'base')])).to.deep.equal([1, 0])
      expect(await Promise.all([search(gone, 'sub'), search(elsewhereBase, 'base')])).to.deep.equal(['away', 'away'])
    } finally {
      client.stop()
    }
  })

  it('L12 lets nobody in by a name that two entries have, or without a lasting key', async () => {
    const [one, other] = [await add(), await add()]
    await directory.set(other.key, 'mail', one.username)
    expect((await check(open(), one.username)).kind).to.equal('unknown')
    expect((await check(open({ login: ['uid'] }), one.username)).kind).to.equal('right')
    expect((await check(open({ attributes: { key: 'employeeNumber' } }), other.username)).kind).to.equal('unknown')
  })

  it('L7 looks at no password of a locked account, under whichever of its names', async () => {
    const { username, key } = await add()
    await directory.set(key, 'employeeNumber', `n-${username}`)
    const source = open({ login: ['uid', 'mail', 'employeeNumber'] })
    const asked: string[] = []
    const mayTry = async (found: string) => asked.push(found) === 0
    for (const login of [username, `${username}@example.test`, `n-${username}`])
      expect(await source.checkPassword({ login, password, known: undefined, mayTry })).to.deep.equal({
        kind: 'locked',
      })
    expect(asked).to.deep.equal([key, key, key])
  })

  it('L12 knows who has a name, by whichever attribute, and nobody by a part of it or by a filter', async () => {
    const { username } = await add()
    const source = open({ login: ['uid'] })
    for (const name of [username, `${username}@example.test`]) expect(await source.knows!(['x', name])).to.equal(true)
    for (const name of [username.slice(1), `${username}*`, '*', '*)(uid=*'])
      expect(await source.knows!([name]), name).to.equal(false)
  })

  it('calls groups by the map and under the prefix, where the settings say so', async () => {
    const { username } = await add({ groups: ['dev', 'ops'] })
    const groupsWith = async (more: object) =>
      (await foundBy(open({ groups: { base: groupBase, ...more } }), username)).person.groups
    const map = [{ from: 'ops', to: 'help-desk' }]
    expect(await groupsWith({})).to.deep.equal(['dev', 'ops'])
    expect(await groupsWith({ prefix: 'staff-' })).to.deep.equal(['staff-dev', 'staff-ops'])
    expect(await groupsWith({ map })).to.deep.equal(['help-desk'])
    expect(await groupsWith({ map, prefix: 'staff-' })).to.deep.equal(['help-desk', 'staff-dev'])
  })

  it('L12 knows a person by the key: another one with the same DN is somebody else', async () => {
    const source = open()
    const { username, key } = await add()
    const before = await foundBy(source, username)
    await directory.remove(key)
    const after = await add({ username })
    expect((await foundBy(source, username)).key)
      .to.equal(after.key)
      .and.not.equal(before.key)
    const look = (sourceKey: string) => open().read({ sourceKey } as User)
    expect(await look(before.key)).to.equal(undefined)
    expect((await look(after.key))?.username).to.equal(username)
  })

  it('keeps what it was told at a sign-in, and asks once however many ask at once', async () => {
    const metrics = createMetrics('test')
    const { username, key } = await add({ groups: ['dev'] })
    const observed = createDirectoryMetrics(metrics)
    const source = open({ maxAge: '1h' }, observed)
    await foundBy(source, username)
    const searches = () => countOf(metrics, 'search')
    const before = await searches()
    const seen = await Promise.all(Array.from({ length: 20 }, () => source.read({ sourceKey: key } as User)))
    expect(seen.map((read) => read?.groups.join())).to.deep.equal(Array.from({ length: 20 }, () => 'dev'))
    expect(await searches()).to.equal(before)
    const cold = open({}, observed)
    await Promise.all(Array.from({ length: 20 }, () => cold.read({ sourceKey: key } as User)))
    // the entry, whether it is disabled, its groups
    expect(await searches()).to.equal(before + 3)
  })

  it('refuses filters and claims that are none, with their paths', () => {
    const faultsOf = (over: Readonly<Record<string, unknown>>) => {
      try {
        open(over)
      } catch (error) {
        return hasCode(error, 'SETTINGS_INVALID') && error.faults.map(({ path }) => path)
      }
      return []
    }
    expect(faultsOf({ userFilter: '(uid)', disabledFilter: '(uid=x))' })).to.deep.equal([
      'sources.directory.userFilter',
      'sources.directory.disabledFilter',
    ])
    expect(faultsOf({ attributes: { claims: { shoe_size: 'x' } } })).to.deep.equal([
      'sources.directory.attributes.claims.shoe_size',
    ])
    expect(faultsOf({ passwordFile: '/nowhere/password' })).to.deep.equal(['sources.directory.passwordFile'])
  })
})
