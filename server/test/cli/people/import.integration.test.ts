import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pbkdf2Sync, randomBytes, randomUUID, scryptSync } from 'node:crypto'
import { hash as argon2Hash, hashRaw as argon2HashRaw } from '@node-rs/argon2'
import { hash as bcryptHash } from '@node-rs/bcrypt'
import { expect } from 'chai'
import { createChanges } from '../../../src/store/cache/changes.ts'
import { createImportBatch } from '../../../src/store/people/import-batch.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { writeHash } from '../../../src/users/passwords/imported-hashes.ts'
import { importPeople } from '../../../src/users/import/import-people.ts'
import { readJsonLines } from '../../../src/users/import/json-lines.ts'
import { createPasswords } from '../../../src/users/passwords/passwords.ts'
import { createPostgresUsers } from '../../../src/users/sources/postgres-users.ts'
import { createUserSources } from '../../../src/users/sources/user-sources.ts'
import { openNauthera } from '../run-nauthera.ts'
import type { Nauthera } from '../run-nauthera.ts'

const password = 'correct horse battery staple'
const salt = randomBytes(16)

const mailsAboutAddresses = statement<{ count: number }>(
  'test-mails',
  "SELECT count(*)::integer AS count FROM outbox WHERE once_key LIKE 'factor-changed:%'",
)
const breakDisabling =
  "ALTER TABLE users ADD CONSTRAINT test_break CHECK (disabled_at IS NULL OR username <> 'second') NOT VALID"

describe('nauthera users import', () => {
  let nauthera: Nauthera
  before(async () => {
    nauthera = await openNauthera([
      'admin: {group: help-desk, capabilities: [{group: desk-leads, may: [disable]}]}',
      'mail: {host: 127.0.0.1, port: 25, from: login@example.test, tls: off}',
    ])
  })
  after(() => nauthera.stop())

  const lines = (...people: object[]) => people.map((person) => `${JSON.stringify(person)}\n`).join('')
  const run = (input: string, ...options: string[]) =>
    nauthera.run(['users', 'import', '-', '-o', 'json', ...options], { input })
  const find = (login: string) => nauthera.fresh.replica().users.findByLogin(login)
  const signIn = (login: string, typed: string) => {
    const store = nauthera.fresh.replica()
    const passwords = createPasswords({ width: 2, waitMs: 60_000, longest: 100 })
    const limits = { perAccount: 5, perAddress: 1000, windowMs: 600_000, lockMs: 600_000 }
    return createUserSources({ sources: [createPostgresUsers({ store, passwords })], store, limits }).tryPassword(
      login,
      typed,
      { address: '192.0.2.1' },
    )
  }

  it('writes everything that a line says', async () => {
    const id = randomUUID()
    const ran = await run(
      lines({
        id,
        username: 'Ada',
        email: 'ada@example.test',
        emailVerified: true,
        name: 'Ada Lovelace',
        locale: 'en',
        claims: { given_name: 'Ada', address: { country: 'GB' }, phone_number: '+442071234567' },
        groups: ['ops', 'maths', 'ops'],
        disabled: true,
        mustChange: true,
      }),
      '--create-groups',
    )
    expect([ran.code, ran.out, ran.err]).to.deep.equal([0, '', '1 created, 0 updated, 0 there already, 0 refused\n'])
    expect(await find('ada')).to.deep.include({
      id,
      username: 'Ada',
      email: 'ada@example.test',
      emailVerified: true,
      name: 'Ada Lovelace',
      locale: 'en',
      profile: { given_name: 'Ada', address: { country: 'GB' }, phone_number: '+442071234567' },
      groups: ['maths', 'ops'],
      disabled: true,
      passwordChangeRequired: true,
      source: 'postgres',
    })
    const events = await nauthera.fresh.replica().audit.search({ limit: 10 })
    expect(events.map(({ event, userId }) => [event, userId ?? undefined])).to.have.deep.members([
      ['admin.users.import', undefined],
      ['account.created', id],
    ])
  })

  const kinds: [string, () => Promise<string> | string][] = [
    ['bcrypt', () => bcryptHash(password, { cost: 4 })],
    ['argon2i', () => argon2Hash(password, { algorithm: 1, memoryCost: 1024, timeCost: 1, parallelism: 1 })],
    ...(['sha1', 'sha256', 'sha512'] as const).map((digest): [string, () => string] => [
      digest,
      () =>
        writeHash({ kind: 'pbkdf2', digest, iterations: 999, salt, key: pbkdf2Sync(password, salt, 999, 32, digest) }),
    ]),
    [
      'scrypt',
      () =>
        writeHash({ kind: 'scrypt', logN: 8, r: 8, p: 1, salt, key: scryptSync(password, salt, 32, { N: 256, r: 8 }) }),
    ],
  ]
  for (const [kind, make] of kinds)
    it(`lets people sign in with the password that they have, and then hashes it anew: ${kind}`, async () => {
      const [username, passwordHash] = [`with-${kind}`, await make()]
      expect((await run(lines({ username, passwordHash }))).code).to.equal(0)
      const { credentials } = nauthera.fresh.replica()
      const { id } = (await find(username))!
      expect(await credentials.find(id)).to.equal(passwordHash)
      expect(await signIn(username, 'wrong')).to.deep.include({ kind: 'refused', reason: 'wrong-password' })
      expect(await credentials.find(id), 'a wrong password changes nothing').to.equal(passwordHash)
      expect((await signIn(username, password)).kind).to.equal('passed')
      expect(await credentials.find(id)).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      expect((await signIn(username, password)).kind).to.equal('passed')
      expect((await signIn(username, 'wrong')).kind).to.equal('refused')
    })

  it('skips people whose account says the same, and never overwrites anybody', async () => {
    const [kept, other] = [
      { username: 'kept', name: 'Kept' },
      { username: 'other', name: 'Other' },
    ]
    await run(lines(kept, other))
    const again = await run(lines(kept, { ...other, name: 'Changed' }, { username: 'third' }))
    expect([again.code, again.err]).to.deep.equal([1, '1 created, 0 updated, 1 there already, 1 refused\n'])
    expect(again.json()).to.deep.equal([
      { at: 'line 2', username: 'other', reason: 'is there, and differs in name; --update changes what is there' },
    ])
    expect((await find('other'))!.name).to.equal('Other')
  })

  it('changes people who have an account when it is asked to, but never a password', async () => {
    const passwordHash = await bcryptHash(password, { cost: 4 })
    await run(
      lines({ username: 'moved', email: 'old@example.test', groups: ['east'], passwordHash }),
      '--create-groups',
    )
    const { id } = (await find('moved'))!
    const later = { username: 'moved', email: 'new@example.test', groups: ['west'], disabled: true, passwordHash: 'x' }
    const wrong = await run(lines(later), '--create-groups', '--update')
    expect([wrong.code, wrong.out.includes('known form')]).to.deep.equal([1, true])
    const next = { ...later, passwordHash: await bcryptHash('another one', { cost: 4 }) }
    const dry = await run(lines(next), '--create-groups', '--update', '--dry-run')
    expect(dry.err).to.equal('0 created, 1 updated, 0 there already, 0 refused (dry run: nothing was written)\n')
    expect((await find('moved'))!.email).to.equal('old@example.test')
    const updated = await run(lines(next), '--create-groups', '--update')
    expect([updated.code, updated.err]).to.deep.equal([0, '0 created, 1 updated, 0 there already, 0 refused\n'])
    const after = await find('moved')
    expect(after).to.deep.include({ id, email: 'new@example.test', groups: ['east', 'west'], disabled: true })
    expect(await nauthera.fresh.replica().credentials.find(id)).to.equal(passwordHash)
    const { err } = await run(lines(next), '--update')
    expect(err, 'a second time').to.equal('0 created, 0 updated, 1 there already, 0 refused\n')
  })

  it('enables nobody whom an administrator disabled, unless that is asked for', async () => {
    for (const [username, enabled] of [
      ['kc-silent', undefined],
      ['kc-open', true],
    ] as const) {
      const realm = JSON.stringify({
        realm: 'example',
        users: [{ id: randomUUID(), username, enabled, lastName: 'A' }],
      })
      const again = (...options: string[]) => run(realm, '--format', 'keycloak', ...options)
      await again()
      await nauthera.run(['users', 'disable', username])
      const ran = await again('--update')
      expect([ran.code, (await find(username))!.disabled], username).to.deep.equal([0, true])
      expect(ran.err.includes('--enable'), 'it says what it did not do').to.equal(enabled === true)
      await again('--update', '--enable')
      expect((await find(username))!.disabled, `${username}, asked for`).to.equal(enabled === undefined)
    }
  })

  it('keeps the claims that the file leaves out, and parts of an address', async () => {
    const claims = { nickname: 'L', address: { country: 'GB', locality: 'London' } }
    await run(lines({ username: 'claims', claims }))
    const more = { nickname: 'Lo', zoneinfo: 'Europe/London', address: { locality: 'Leeds' } }
    expect((await run(lines({ username: 'claims', claims: more }), '--update')).code).to.equal(0)
    expect((await find('claims'))!.profile).to.deep.equal({ ...more, address: { country: 'GB', locality: 'Leeds' } })
    expect((await run(lines({ username: 'claims', claims: more }), '--update')).err).to.contain('1 there already')
  })

  it('tells the address that was theirs, and takes no new one as verified', async () => {
    const waiting = async () =>
      (await nauthera.fresh.replica().database.query(mailsAboutAddresses)).map(({ count }) => count)[0]!
    await run(lines({ username: 'mover', email: 'mover@example.test', emailVerified: true }))
    const before = await waiting()
    const ran = await run(lines({ username: 'mover', email: 'thief@example.test', emailVerified: true }), '--update')
    expect([ran.code, ran.err.includes('verify-email')]).to.deep.equal([0, true])
    expect(await find('mover')).to.deep.include({ email: 'thief@example.test', emailVerified: false })
    expect(await waiting()).to.equal(before + 1)
    await nauthera.run(['users', 'edit', 'mover', '--email', 'third@example.test'])
    expect(await waiting(), 'after "users edit"').to.equal(before + 2)
    await run(lines({ username: 'mover', email: 'Third@example.test', name: 'M' }), '--update')
    expect(await waiting(), 'the same mailbox').to.equal(before + 2)
  })

  it('changes nothing of whoever is of the help desk, in any field, unless that is asked for', async () => {
    await nauthera.run(['users', 'add', 'desk', '--email', 'desk@example.test', '--generate', '--group', 'help-desk'])
    const fields = [{ email: 'thief@desk.test' }, { name: 'X' }, { claims: { nickname: 'X' } }, { disabled: true }]
    for (const field of fields) {
      const ran = await run(lines({ username: 'desk', ...field }), '--update')
      expect([ran.code, ran.out.includes('is of the help desk')], Object.keys(field).join()).to.deep.equal([1, true])
    }
    expect(await find('desk')).to.deep.include({ email: 'desk@example.test', name: undefined, disabled: false })
    const allowed = await run(lines({ username: 'desk', name: 'X' }), '--update', '--allow-help-desk')
    expect([allowed.code, (await find('desk'))!.name]).to.deep.equal([0, 'X'])
  })

  it('changes each person whole or not at all, and names who was being changed when it ended', async () => {
    await run(lines({ username: 'first', name: 'A' }, { username: 'second', name: 'A' }))
    const { database } = nauthera.fresh.replica()
    const people = [
      { username: 'first', name: 'B' },
      { username: 'second', name: 'B', groups: ['broken'], disabled: true },
    ]
    await database.query(statement('test-break', breakDisabling))
    try {
      const ran = await run(lines(...people), '--update', '--create-groups')
      expect([ran.code, ran.err.includes('1 updated')]).to.deep.equal([1, false])
      expect(ran.out).to.include('"username": "second"').and.to.include('was not changed, and nobody after it was')
    } finally {
      await database.query(statement('test-mend', 'ALTER TABLE users DROP CONSTRAINT test_break'))
    }
    expect(await find('second')).to.deep.include({ name: 'A', groups: [], disabled: false })
    const again = await run(lines(...people), '--update', '--create-groups')
    expect([again.code, again.err]).to.deep.equal([0, '0 created, 1 updated, 1 there already, 0 refused\n'])
    const events = await nauthera.fresh.replica().audit.search({ limit: 3 })
    expect(events.map(({ event }) => event)).to.have.members([
      'admin.users.import',
      'account.changed',
      'account.disabled',
    ])
  })

  it('L12 creates nobody whose user name looks like another one, and updates somebody who was there before', async () => {
    // the first letter is Cyrillic
    const username = '\u0430lma'
    const refused = await run(lines({ username, name: 'Alma' }))
    expect([refused.code, refused.err]).to.deep.equal([1, '0 created, 0 updated, 0 there already, 1 refused\n'])
    expect(refused.out).to.contain('must not mix alphabets')
    const plain = { username: 'alma', name: 'Alma' }
    await run(lines(plain))
    const rename = statement(
      'test-rename',
      "UPDATE users SET username = $1, canonical_username = $1 WHERE username = 'alma'",
    )
    await nauthera.fresh.replica().database.query(rename, [username])
    const updated = await run(lines({ username, name: 'Alma Mahler' }), '--update')
    expect([updated.code, updated.err]).to.deep.equal([0, '0 created, 1 updated, 0 there already, 0 refused\n'])
    expect(await find(username)).to.deep.include({ name: 'Alma Mahler' })
  })

  it('says who was refused, where and why, and writes the others; never a part of a hash', async () => {
    const secret = 'canaryCanaryCanary'
    const input = [
      '{"username": "bad", "passwordHash": "$2b$10$canaryCanaryCanary"',
      JSON.stringify({ username: 'hash', passwordHash: `$2b$31$${secret.repeat(3).slice(0, 53)}` }),
      JSON.stringify({ username: 'hash-2', passwordHash: secret }),
      JSON.stringify({ username: 'unknown-key', password: secret }),
      JSON.stringify({ username: 'a@b', email: 'c@d' }),
      JSON.stringify({ username: '\u200b', email: 'nothing' }),
      JSON.stringify({ username: 'lost', groups: ['of-nobody'] }),
      JSON.stringify({ username: 'claims', claims: { department: 'x', birthdate: 'y' } }),
      '',
      JSON.stringify({ username: 'fine' }),
      JSON.stringify({ username: 'FINE' }),
      JSON.stringify({ username: 'huge', name: 'x'.repeat(300_000) }),
      '42',
      JSON.stringify({ username: 'last' }),
    ].join('\n')
    const ran = await run(input)
    expect([ran.code, ran.err]).to.deep.equal([1, '2 created, 0 updated, 0 there already, 11 refused\n'])
    const reasons = new Map(ran.json().map(({ at, reason }) => [at as string, reason as string]))
    expect([...reasons.keys()]).to.have.members([1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13].map((line) => `line ${line}`))
    const expected: [number, string][] = [
      [1, 'is not JSON'],
      [2, 'passwordHash: has the bcrypt cost 31'],
      [3, 'passwordHash: is not in a known form'],
      [4, 'password'],
      [5, 'username: may contain an @ only'],
      [6, 'email: must be an e-mail address'],
      [7, 'groups: there is no of-nobody; --create-groups'],
      [8, 'claims.birthdate'],
      [11, 'has the same user name, e-mail address or id as line 10'],
      [12, 'characters'],
      [13, 'expected object'],
    ]
    for (const [line, part] of expected) expect(reasons.get(`line ${line}`)).to.include(part)
    expect(ran.out + ran.err).to.not.include('anaryCanary')
    expect([await find('fine'), await find('last')]).to.not.include(undefined)
  })

  it('L42 makes nobody a member of the help desk unless that is asked for', async () => {
    const reason = 'groups: help-desk is a group of the help desk; --allow-help-desk puts people into it'
    await run(lines({ username: 'there' }))
    const people = lines(
      { username: 'sly', groups: ['night', 'help-desk'] },
      { username: 'there', groups: ['help-desk'] },
      { username: 'leads', groups: ['desk-leads'] },
      { username: 'plain', groups: ['night'] },
    )
    for (const options of [['--dry-run'], ['--update']]) {
      const ran = await run(people, '--create-groups', ...options)
      expect(ran.code).to.equal(1)
      expect(ran.json().map(({ username, reason: why }) => [username, why])).to.deep.equal([
        ['sly', reason],
        ['there', reason],
        ['leads', reason.replace('help-desk', 'desk-leads')],
      ])
    }
    expect(await find('sly')).to.equal(undefined)
    expect([(await find('there'))!.groups, (await find('plain'))!.groups]).to.deep.equal([[], ['night']])
    const allowed = await run(people, '--create-groups', '--update', '--allow-help-desk')
    expect([allowed.code, allowed.err]).to.deep.equal([0, '2 created, 1 updated, 1 there already, 0 refused\n'])
    expect((await find('sly'))!.groups).to.deep.equal(['help-desk', 'night'])
  })

  it('lets people of a realm into the help desk by no group of its name', async () => {
    const user = { id: randomUUID(), username: 'kc-desk', enabled: true, groups: ['/help-desk'] }
    const ran = await run(
      JSON.stringify({ realm: 'example', users: [user] }),
      '--format',
      'keycloak',
      '--create-groups',
    )
    expect([ran.code, ran.out.includes('--allow-help-desk')]).to.deep.equal([1, true])
    expect(await find('kc-desk')).to.equal(undefined)
  })

  it('writes nothing in a dry run, and reads a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-import-'))
    const file = join(directory, 'people.jsonl')
    writeFileSync(file, lines({ username: 'dry', groups: ['dry'] }))
    const ran = await nauthera.run(['users', 'import', file, '--create-groups', '--dry-run'])
    expect([ran.code, ran.err.includes('1 created'), ran.err.includes('nothing was written')]).to.deep.equal([
      0,
      true,
      true,
    ])
    expect(await find('dry')).to.equal(undefined)
    expect((await nauthera.fresh.replica().groups.list()).map(({ name }) => name)).to.not.include('dry')
    rmSync(directory, { recursive: true })
    const missing = await nauthera.run(['users', 'import', file])
    expect([missing.code, missing.err.includes('cannot be read')]).to.deep.equal([2, true])
  })

  it('refuses a name that belongs to somebody else, and people of another source', async () => {
    const store = nauthera.fresh.replica()
    const person = {
      username: 'dir',
      email: 'dir@example.test',
      emailVerified: true,
      name: undefined,
      locale: undefined,
    }
    await store.users.adopt(
      { source: 'staff', key: 'k1', person: { ...person, profile: {}, disabled: false, groups: [] } },
      [],
    )
    const ran = await run(lines({ username: 'dir' }, { username: 'else', email: 'DIR@example.test' }))
    expect(ran.json().map(({ reason }) => reason)).to.deep.equal([
      'is there, and is described by staff',
      'the e-mail address or id belongs to dir',
    ])
  })

  it('I1 keeps whole batches when it is cut off, and a second run adds the rest', async () => {
    const people = Array.from({ length: 350 }, (_, index) => ({ username: `crowd-${index}`, groups: ['crowd'] }))
    const store = nauthera.fresh.replica()
    const batch = createImportBatch({ ...store, changes: createChanges(undefined) })
    let written = 0
    async function* cutOff() {
      for await (const entry of readJsonLines(Readable.from([lines(...people)]))) {
        yield entry
        if (entry.at === 'line 250') throw new Error('cut off')
      }
    }
    const run1 = importPeople(
      {
        store: batch,
        events: (userId) => [{ event: 'account.created', outcome: 'success', userId }],
        changeEvents: () => expect.fail('nobody is changed'),
        leaveOut: () => undefined,
        batchEvent: () => ({ event: 'admin.users.import', outcome: 'success' }),
        onRefused: () => expect.fail('nobody is refused'),
        onProgress: ({ created }) => (written = created),
      },
      cutOff(),
      { dryRun: false, createGroups: true },
    )
    const error = await run1.catch((cause: unknown) => cause)
    expect([String(error), written]).to.deep.equal(['Error: cut off', 200])
    const members = async () => (await store.groups.list()).find(({ name }) => name === 'crowd')?.members
    expect(await members()).to.equal(200)
    const second = await run(lines(...people), '--create-groups')
    expect([second.code, second.err]).to.deep.equal([0, '150 created, 0 updated, 200 there already, 0 refused\n'])
    expect(await members()).to.equal(350)
  })

  it('two imports of the same file at once create everybody once', async () => {
    const input = lines(
      ...Array.from({ length: 120 }, (_, index) => ({ username: `twice-${index}`, groups: ['twice'] })),
    )
    const both = await Promise.all([run(input, '--create-groups'), run(input, '--create-groups')])
    const created = both.map(({ err }) => Number(/^(\d+) created/.exec(err)![1]))
    expect(created[0]! + created[1]!).to.equal(120)
    const again = await run(input, '--create-groups')
    expect([again.code, again.err]).to.deep.equal([0, '0 created, 0 updated, 120 there already, 0 refused\n'])
  })

  it('brings the people of a Keycloak realm along, who sign in with the password that they have', async () => {
    const typed = 'correct horse battery'
    const key = (digest: string, length: number) => pbkdf2Sync(typed, salt, 1000, length, digest).toString('base64')
    const credential = (algorithm: string, value: string, more: object = {}) => ({
      type: 'password',
      secretData: JSON.stringify({ value, salt: salt.toString('base64'), additionalParameters: {} }),
      credentialData: JSON.stringify({ hashIterations: 1000, algorithm, additionalParameters: {}, ...more }),
    })
    const raw = await argon2HashRaw(typed, { memoryCost: 7168, timeCost: 5, parallelism: 1, salt })
    const costs = { hashLength: ['32'], memory: ['7168'], type: ['id'], version: ['1.3'], parallelism: ['1'] }
    const credentials = [
      credential('pbkdf2', key('sha1', 64)),
      credential('pbkdf2-sha256', key('sha256', 64)),
      credential('pbkdf2-sha512', key('sha512', 64)),
      credential('argon2', raw.toString('base64'), { hashIterations: 5, additionalParameters: costs }),
    ]
    const users = credentials.map((each, index) => ({
      id: randomUUID(),
      username: `kc-${index}`,
      enabled: true,
      groups: ['/kc/night'],
      attributes: { department: ['x'] },
      credentials: [each],
    }))
    const realm = JSON.stringify({ realm: 'example', users: [...users, { username: 'a@b.test', email: 'c@d.test' }] })
    const options = ['--format', 'keycloak', '--create-groups']
    const dry = await run(realm, ...options, '--dry-run')
    expect([dry.code, dry.err.includes('4 created'), await find('kc-0')]).to.deep.equal([1, true, undefined])
    const ran = await run(realm, ...options)
    expect(ran.json().map(({ at, username }) => [at, username])).to.deep.equal([['user 5', 'a@b.test']])
    expect(ran.err).to.equal(
      'left out, 4 times: attribute department (no claim is made of it)\n4 created, 0 updated, 0 there already, 1 refused\n',
    )
    for (const { id, username } of users) {
      expect(await find(username)).to.deep.include({ id, groups: ['kc/night'] })
      expect((await signIn(username, 'wrong')).kind, username).to.equal('refused')
      expect((await signIn(username, typed)).kind, username).to.equal('passed')
    }
    expect((await run(realm, ...options)).err).to.include('0 created, 0 updated, 4 there already, 1 refused')
  })

  it('brings the people of Dex along, who sign in with their address', async () => {
    const typed = 'correct horse battery'
    const hash = await bcryptHash(typed, { cost: 10 })
    const yaml = `staticPasswords:\n- {email: dex@example.test, hash: '${hash}', username: dex, userID: '7'}\n`
    const ran = await run(yaml, '--format', 'dex')
    expect([ran.code, ran.err]).to.deep.equal([0, '1 created, 0 updated, 0 there already, 0 refused\n'])
    expect(await find('dex@example.test')).to.deep.include({
      username: 'dex@example.test',
      name: 'dex',
      emailVerified: true,
    })
    expect((await signIn('DEX@example.test', typed)).kind).to.equal('passed')
  })
})
