import { spawnSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { compileCache, root, scriptOf } from '@nauthera/local/processes/program'
import { startValkey } from '@nauthera/local/programs/valkey'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { runCommand } from '../../src/cli/program.ts'
import { defaultLimits } from '../../src/users/passwords/lockout.ts'
import { createPasswords } from '../../src/users/passwords/passwords.ts'
import { createPostgresUsers } from '../../src/users/sources/postgres-users.ts'
import { createUserSources } from '../../src/users/sources/user-sources.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { Store } from '../../src/store/store.ts'
import { freshStore } from '../store/fresh-store.ts'
import type { FreshStore } from '../store/fresh-store.ts'

const password = 'correct horse battery staple'

const usersOf = (store: Store) =>
  createUserSources({ sources: [createPostgresUsers({ store, passwords: createPasswords() })], store })

describe(runCommand.name, () => {
  let fresh: FreshStore
  let directory: string
  before(async () => {
    fresh = await freshStore()
    directory = temporaryDirectory('cli')
    mkdirSync(join(directory, 'keys'))
    writeFileSync(join(directory, 'keys/k1'), randomBytes(32))
    writeFileSync(join(directory, 'keys/current'), 'k1')
    writeSettings('server.yaml', fresh.url)
  })
  after(() => fresh.stop())

  function writeSettings(name: string, url: string, more: string[] = []): string {
    writeFileSync(join(directory, `${name}.dsn`), `${url}?sslmode=disable\n`)
    const lines = [
      'issuer: http://localhost:3000',
      `database: {dsnFile: ${join(directory, `${name}.dsn`)}}`,
      `keysDirectory: ${join(directory, 'keys')}`,
    ]
    writeFileSync(join(directory, name), `${[...lines, ...more].join('\n')}\n`)
    return join(directory, name)
  }

  /** `typed`: by a person at a terminal; else standard input is `input`, and no terminal. */
  async function nauthera(command: string[], about: { input?: string; typed?: string; settings?: string } = {}) {
    let [out, err, raw] = ['', '', 0]
    const sink = (write: (text: string) => void) =>
      new Writable({
        write: (chunk: Buffer, _, done) => {
          write(chunk.toString())
          done()
        },
      })
    const stdin = Object.assign(
      Readable.from([Buffer.from(about.typed ?? about.input ?? '')], { autoDestroy: false }),
      {
        isTTY: about.typed !== undefined,
        setRawMode: () => raw++,
      },
    )
    const code = await runCommand({
      arguments: command,
      terminal: {
        stdin,
        stdout: sink((text) => (out += text)),
        stderr: sink((text) => (err += text)),
        onInterrupt: () => () => undefined,
      },
      environment: { NAUTHERA_SETTINGS: about.settings ?? join(directory, 'server.yaml') },
      version: '1.2.3',
      by: 'root',
    })
    const json = () => JSON.parse(out) as Record<string, unknown>[]
    return { code, out, err, raw, json }
  }

  it('adds a person who can sign in, with a password from standard input', async () => {
    const added = await nauthera(
      ['users', 'add', 'ada', '--email', 'ada@example.test', '--group', 'ops', 'dev', '--password-stdin', '-o', 'json'],
      { input: `${password}\n` },
    )
    expect([added.code, added.err]).to.deep.equal([0, ''])
    expect(added.json()[0])
      .to.include({ username: 'ada', email: 'ada@example.test', disabled: false })
      .and.not.have.property('password')
    const store = fresh.replica()
    const users = usersOf(store)
    const outcome = await users.tryPassword('ada', password, { address: '192.0.2.1' })
    expect(outcome.kind === 'passed' && outcome.user.groups).to.deep.equal(['dev', 'ops'])
    const events = await store.audit.search({ userId: added.json()[0]!['id'] as string, limit: 9 })
    expect(events.map(({ event, replica }) => [event, replica])).to.have.deep.members([
      ['account.created', 'cli'],
      ['admin.users.add', 'cli'],
    ])
  })

  it('prints the link of an invitation where no mail is sent, and queues a mail where it is', async () => {
    const printed = await nauthera(['users', 'invite', 'eve@example.test', '--group', 'ops', '-o', 'json'])
    const link = printed.json()[0]!['link'] as string
    expect(link).to.match(/^http:\/\/localhost:3000\/invitation\/[\w-]{43}$/)
    const store = fresh.replica({ sendsMail: true })
    const token = link.split('/').at(-1)!
    expect((await store.mailLinks.find('invitation', token))?.payload).to.deep.include({ groups: ['ops'] })
    expect(await store.outbox.waiting()).to.equal(0)

    const mail = 'mail: {host: 127.0.0.1, port: 25, from: login@example.test, tls: off}'
    const settings = writeSettings('with-mail.yaml', fresh.url, [mail])
    const sent = await nauthera(['users', 'invite', 'eve@example.test'], { settings })
    expect([sent.code, sent.out]).to.deep.equal([0, ''])
    expect(sent.err).to.contain('a mail to eve@example.test is on its way')
    expect(await store.outbox.waiting()).to.equal(1)
    expect(await store.mailLinks.find('invitation', token), 'the earlier invitation').to.equal(undefined)

    const again = await nauthera(['users', 'invite', 'eve@example.test', '--print-link', '-o', 'json'], { settings })
    expect(again.json()[0]!['link']).to.be.a('string')
    expect(await store.outbox.waiting(), 'a printed link sends no mail').to.equal(1)
    expect(await store.audit.search({ event: 'admin.users.invite', limit: 9 })).to.have.length(3)
  })

  it('sends a person a link that confirms their address, unless there is none', async () => {
    await nauthera(['users', 'add', 'finn', '--email', 'finn@example.test', '--generate'])
    const printed = await nauthera(['users', 'verify-email', 'finn', '-o', 'json'])
    const token = (printed.json()[0]!['link'] as string).split('/').at(-1)!
    expect((await fresh.replica().mailLinks.find('verify', token))?.email).to.equal('finn@example.test')
    await nauthera(['users', 'add', 'gus', '--generate'])
    const refused = await nauthera(['users', 'verify-email', 'gus'])
    expect([refused.code, refused.out]).to.deep.equal([2, ''])
    expect(refused.err).to.contain('gus has no e-mail address')
    expect((await nauthera(['users', 'verify-email', 'nobody'])).code).to.equal(1)
    expect((await nauthera(['users', 'invite', 'finn@example.test'])).err).to.contain('EMAIL_TAKEN')
  })

  it('generates a password that works, and shows it once', async () => {
    const added = await nauthera(['users', 'add', 'bob', '--generate', '--must-change', '-o', 'json'])
    const generated = added.json()[0]!['password'] as string
    expect(generated).to.match(/^([a-z2-9]{5}-){4}[a-z2-9]{5}$/)
    const users = usersOf(fresh.replica())
    const outcome = await users.tryPassword('bob', generated, { address: '192.0.2.1' })
    expect(outcome.kind === 'passed' && outcome.user.passwordChangeRequired).to.equal(true)
    expect((await nauthera(['users', 'list', '-o', 'json'])).out).to.not.include(generated)
  })

  it('asks for the password twice at a terminal, without echo, and obeys backspace', async () => {
    const typed = `${password}x\u007f\r${password}\r`
    const added = await nauthera(['users', 'add', 'carl'], { typed })
    expect(added.code).to.equal(0)
    expect(added.err).to.equal('New password: \nRepeat the password: \n')
    expect(added.raw).to.equal(4)
    expect(added.out).to.not.include(password)
    const users = usersOf(fresh.replica())
    expect((await users.tryPassword('carl', password, { address: '192.0.2.1' })).kind).to.equal('passed')
    const differing = await nauthera(['users', 'add', 'carla'], { typed: `${password}\rsomething else\r` })
    expect([differing.code, differing.err.includes('not the same')]).to.deep.equal([2, true])
    const cancelled = await nauthera(['users', 'add', 'carla'], { typed: '\u0003' })
    expect([cancelled.code, cancelled.err.includes('cancelled')]).to.deep.equal([2, true])
  })

  it('sets a password: the old one is refused from now on', async () => {
    await nauthera(['users', 'add', 'dora', '--password-stdin'], { input: password })
    const set = await nauthera(['users', 'set-password', 'DORA', '--password-stdin'], {
      input: 'another horse battery staple',
    })
    expect([set.code, set.err]).to.deep.equal([0, 'the password of dora is set\n'])
    const users = usersOf(fresh.replica())
    expect((await users.tryPassword('dora', password, { address: '192.0.2.1' })).kind).to.equal('refused')
    expect((await users.tryPassword('dora', 'another horse battery staple', { address: '192.0.2.1' })).kind).to.equal(
      'passed',
    )
  })

  it('tells the person by mail that an administrator has set the password', async () => {
    const mail = "mail: {host: 127.0.0.1, port: 1, from: login@example.com, tls: 'off'}"
    const settings = writeSettings('with-mail.yaml', fresh.url, [mail])
    await nauthera(['users', 'add', 'mia', '--email', 'mia@example.test', '--password-stdin'], { input: password })
    const [store, id] = [fresh.replica(), randomUUID()]
    const queued = statement(
      `test-queued-${id}`,
      "SELECT once_key FROM outbox WHERE once_key LIKE 'password-changed:%'",
    )
    const before = (await store.database.query(queued)).length
    await nauthera(['users', 'set-password', 'mia', '--password-stdin'], {
      input: 'another horse battery staple',
      settings,
    })
    expect(await store.database.query(queued)).to.have.length(before + 1)
  })

  describe('of an account that is locked by failed sign-ins', () => {
    const tries = { address: '192.0.2.7' }
    async function lockOut(name: string) {
      await nauthera(['users', 'add', name, '--password-stdin'], { input: password })
      const users = usersOf(fresh.replica())
      for (let failure = 0; failure < defaultLimits.perAccount; failure++)
        await users.tryPassword(name, 'not the password', tries)
      const locked = await users.tryPassword(name, password, tries)
      expect(locked).to.include({ kind: 'refused', reason: 'locked' })
      return users
    }
    const shown = async (name: string) => (await nauthera(['users', 'show', name, '-o', 'json'])).json()[0]!

    it('shows the lock and its end, and lifts it', async () => {
      const users = await lockOut('lena')
      const before = await shown('lena')
      expect(before['failedSignIns']).to.equal(defaultLimits.perAccount)
      expect(Date.parse(before['lockedUntil'] as string)).to.be.greaterThan(Date.now())
      const lifted = await nauthera(['users', 'unlock', 'lena'])
      expect([lifted.code, lifted.err]).to.deep.equal([
        0,
        'lena can sign in again; the failed sign-ins are forgotten\n',
      ])
      const after = await shown('lena')
      expect([after['failedSignIns'], after['lockedUntil']]).to.deep.equal([0, undefined])
      expect((await users.tryPassword('lena', password, tries)).kind).to.equal('passed')
      const events = await fresh.replica().audit.search({ userId: after['id'] as string, limit: 99 })
      expect(events.map(({ event }) => event)).to.include.members(['admin.users.unlock', 'account.unlocked'])
    })

    it('lifts the lock with a new password too', async () => {
      const users = await lockOut('lars')
      await nauthera(['users', 'set-password', 'lars', '--password-stdin'], { input: 'another horse battery staple' })
      expect((await users.tryPassword('lars', 'another horse battery staple', tries)).kind).to.equal('passed')
    })

    it('says when there was no lock', async () => {
      await nauthera(['users', 'add', 'lou', '--generate'])
      expect((await nauthera(['users', 'unlock', 'lou'])).err).to.include('lou was not locked')
    })
  })

  it('sets and edits further facts about a person, as the claims of the standard', async () => {
    const added = await nauthera(
      [
        'users add cleo --email cleo@example.test --email-verified --generate -o json'.split(' '),
        ['--claim', 'given_name=Cleo', 'address.country=DE', 'phone_number=+4930123456'],
      ].flat(),
    )
    expect(added.code).to.equal(0)
    const edited = await nauthera(
      [
        ['users', 'edit', 'cleo', '--name', 'Cleo Berg', '-o', 'json', '--claim', 'given_name='],
        ['family_name=Berg', 'address.locality=Berlin', 'phone_number_verified=true'],
      ].flat(),
    )
    expect(edited.json()[0]).to.deep.include({
      name: 'Cleo Berg',
      email: 'cleo@example.test',
      emailVerified: true,
      profile: {
        family_name: 'Berg',
        phone_number: '+4930123456',
        phone_number_verified: true,
        address: { country: 'DE', locality: 'Berlin' },
      },
    })
    const moved = await nauthera(['users', 'edit', 'cleo', '--email', 'c@example.test', '-o', 'json'])
    expect(moved.json()[0]).to.include({ email: 'c@example.test', emailVerified: false, name: 'Cleo Berg' })
    const taken = await nauthera(['users', 'edit', 'cleo', '--email', 'ada@example.test'])
    expect([taken.code, taken.err.includes('EMAIL_TAKEN')]).to.deep.equal([1, true])
  })

  it('disables, enables and shows a person', async () => {
    await nauthera(['users', 'add', 'eve', '--generate'])
    const state = async () => (await nauthera(['users', 'show', 'eve', '-o', 'json'])).json()[0]!['disabled']
    await nauthera(['users', 'disable', 'eve'])
    expect(await state()).to.equal(true)
    await nauthera(['users', 'enable', 'eve'])
    expect(await state()).to.equal(false)
    const addKey = `INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced)
      SELECT gen_random_uuid(), id, 'passkey', 'Key', 'c-eve', '', 0, false FROM users WHERE username = 'eve'`
    await fresh.replica().database.query(statement('test-add-passkey', addKey))
    const [shown] = (await nauthera(['users', 'show', 'eve', '-o', 'json'])).json()
    expect((shown!['factors'] as object[])[0]).to.deep.include({ kind: 'passkey', name: 'Key' })
    await nauthera(['users', 'reset-2fa', 'eve'])
    const reset = await nauthera(['users', 'reset-2fa', 'eve'])
    expect([reset.code, reset.err]).to.deep.equal([0, 'eve had no second factor; every session has ended\n'])
    const revoked = await nauthera(['users', 'revoke-sessions', 'eve'])
    expect([revoked.code, revoked.err]).to.deep.equal([0, 'every session and token of eve has ended\n'])
  })

  it('L12 shows what a person has linked at other providers, and removes it with every session', async () => {
    const store = fresh.replica()
    const maxAgeMs = 60_000
    const corp = { upstream: 'corp', issuer: 'https://corp.example.test', subject: 'c-1' }
    const hub = { upstream: 'hub', issuer: 'https://hub.example.test', subject: 'h-1' }
    const described = { username: 'unna', email: undefined, emailVerified: false, profile: {}, groups: [] }
    const person = { ...described, name: undefined, locale: undefined }
    const made = await store.upstreamLinks.create({ ...corp, person, maxAgeMs }, [])
    if (made.kind !== 'linked') throw new Error('the name is taken')
    const { id: userId, standing } = made.account
    await store.upstreamLinks.link({ ...hub, maxAgeMs }, { userId, proved: standing }, { audit: [] })
    const links = async () => {
      const [row] = (await nauthera(['users', 'show', 'unna', '-o', 'json'])).json()
      return (row!['links'] as Record<string, unknown>[]).map(({ upstream, subject, isOrigin }) => [
        upstream,
        subject,
        isOrigin,
      ])
    }
    expect(await links()).to.deep.equal([
      ['corp', 'c-1', true],
      ['hub', 'h-1', false],
    ])
    const removed = await nauthera(['users', 'unlink', 'unna', 'hub'])
    expect([removed.code, removed.err]).to.deep.equal([
      0,
      'unna has no link to hub any more; every session has ended\n',
    ])
    expect((await store.accounts.load({ userId }))!.standing).not.to.equal(standing)
    // the identity that the account began with stays
    for (const upstream of ['hub', 'corp'])
      expect((await nauthera(['users', 'unlink', 'unna', upstream])).err).to.contain('nothing was done')
    expect(await links()).to.deep.equal([['corp', 'c-1', true]])
    const events = (await store.audit.search({ userId, limit: 99 })).map(({ event }) => event)
    expect(events.filter((event) => event === 'account.unlinked')).to.have.length(1)
    expect(events).to.include.members(['admin.users.unlink', 'session.revoked_all'])
  })

  it('T5 tells the cache of the servers about a change at once, and works without a cache', async () => {
    const valkey = await startValkey()
    const raw = new Redis(valkey.url)
    raw.on('error', () => undefined)
    try {
      writeFileSync(join(directory, 'cache'), valkey.url)
      const settings = writeSettings('cached.yaml', fresh.url, [
        `cache: {urlFile: ${join(directory, 'cache')}, timeout: 5s}`,
      ])
      const added = await nauthera(['users', 'add', 'frances', '--generate', '-o', 'json'], { settings })
      const mark = `nauthera:changed:${String(added.json()[0]!['id'])}`
      const commands = [
        ['users', 'disable', 'frances'],
        ['users', 'enable', 'frances'],
        ['users', 'revoke-sessions', 'frances'],
        ['users', 'reset-2fa', 'frances'],
        ['users', 'set-password', 'frances', '--generate'],
        ['users', 'edit', 'frances', '--name', 'Frances'],
        ['groups', 'add', 'ops', 'frances'],
        ['groups', 'remove', 'ops', 'frances'],
      ]
      for (const command of commands) {
        await raw.del(mark)
        expect((await nauthera(command, { settings })).code).to.equal(0)
        expect(await raw.exists(mark), command.join(' ')).to.equal(1)
      }
      await valkey.stop()
      const { code, err } = await nauthera(['users', 'disable', 'frances'], { settings })
      expect(code).to.equal(0)
      expect(err).to.contain('cache unavailable').and.to.contain('frances is disabled')
    } finally {
      raw.disconnect()
      await valkey.stop()
    }
  })

  it('adds people to groups and removes them, and says when nothing changed', async () => {
    await nauthera(['users', 'add', 'fay', '--generate'])
    expect((await nauthera(['groups', 'add', 'crew', 'fay'])).err).to.equal('fay is now in crew\n')
    expect((await nauthera(['groups', 'add', 'crew', 'fay'])).err).to.equal('fay was already in crew\n')
    expect((await nauthera(['groups', 'list', '-o', 'json'])).json()).to.deep.include({ name: 'crew', members: 1 })
    expect((await nauthera(['groups', 'remove', 'crew', 'fay'])).err).to.equal('fay is no longer in crew\n')
  })

  const refusals: [string, string[], { input?: string }, number, string[]][] = [
    [
      'a name that is taken',
      ['users', 'add', 'ADA', '--generate'],
      {},
      1,
      ['USERNAME_TAKEN', 'username: ADA is taken'],
    ],
    [
      'a weak password, every rule',
      ['users', 'add', 'gil', '--password-stdin'],
      { input: '12345' },
      1,
      ['PASSWORD_REFUSED', 'at least 12', 'common password'],
    ],
    ['an empty standard input', ['users', 'add', 'gil', '--password-stdin'], { input: '' }, 1, ['at least 12']],
    ['no terminal to ask at', ['users', 'add', 'gil'], {}, 2, ['--password-stdin or --generate']],
    ['an unknown person', ['users', 'set-password', 'nobody', '--generate'], {}, 1, ['USER_UNKNOWN', 'nobody']],
    [
      'claims that nobody knows or that look wrong, each by its name',
      ['users', 'add', 'gil', '--generate', '--claim', 'shoe_size=43', 'birthdate=31.5.1990', 'groups=admins'],
      {},
      2,
      ['--claim shoe_size: is not among', '--claim birthdate: must be a date', '--claim groups: are set by'],
    ],
    ['an edit of nothing', ['users', 'edit', 'ada'], {}, 2, ['nothing to change']],
    ['an unknown command', ['users', 'frobnicate'], {}, 2, ['frobnicate']],
    ['an unknown option', ['users', 'list', '--frobnicate'], {}, 2, ['--frobnicate']],
    ['another output', ['users', 'list', '-o', 'xml'], {}, 2, ['table, json, yaml']],
    ['a missing argument', ['users', 'add'], {}, 2, ['username']],
  ]
  for (const [sentence, command, about, code, texts] of refusals) {
    it(`refuses ${sentence} and exits with ${code}`, async () => {
      const refused = await nauthera(command, about)
      expect([refused.code, refused.out]).to.deep.equal([code, ''])
      for (const text of texts) expect(refused.err).to.include(text)
    })
  }

  it('shows whose a person is, and changes neither password nor groups of one whom a directory describes', async () => {
    const person = {
      username: 'quinn',
      email: 'quinn@example.test',
      emailVerified: true,
      name: 'Quinn',
      locale: undefined,
      profile: {},
      disabled: false,
      groups: ['staff'],
    }
    await fresh.replica().users.adopt({ source: 'staff', key: 'key-of-quinn', person }, [])
    const [shown] = (await nauthera(['users', 'show', 'quinn@example.test', '-o', 'json'])).json()
    expect(shown).to.include({ username: 'quinn', source: 'staff' })
    expect((await nauthera(['users', 'list'])).out).to.match(/quinn.*staff/)
    for (const command of [
      ['users', 'set-password', 'quinn', '--generate'],
      ['users', 'edit', 'quinn', '--name', 'Other'],
      ['groups', 'add-member', 'admins', 'quinn'],
      ['groups', 'remove-member', 'admins', 'quinn'],
    ]) {
      const refused = await nauthera(command)
      expect([refused.code, refused.out], command.join(' ')).to.deep.equal([1, ''])
      expect(refused.err).to.match(/USER_OF_OTHER_SOURCE.*quinn.*staff/)
    }
    expect((await nauthera(['users', 'disable', 'quinn'])).err).to.equal('quinn is disabled\n')
  })

  it('prints help with examples for each command, and the version', async () => {
    const commands = [
      ['users', 'add'],
      ['users', 'list'],
      ['users', 'set-password'],
      ['groups', 'add'],
      ['migrate', 'up'],
      ['settings', 'check'],
      [],
    ]
    for (const command of commands) {
      const help = await nauthera([...command, '--help'])
      expect([help.code, help.out.includes('Example')], command.join(' ')).to.deep.equal([0, true])
    }
    expect((await nauthera(['--version'])).out).to.equal('1.2.3\n')
  })

  it('understands --settings and -o before and after the command', async () => {
    const settings = join(directory, 'server.yaml')
    const before = await nauthera(['--settings', settings, '-o', 'json', 'users', 'list'], { settings: '/absent' })
    const after = await nauthera(['users', 'list', '-o', 'json', '--settings', settings], { settings: '/absent' })
    expect(before.out).to.equal(after.out)
    expect(before.json().length).to.be.greaterThan(0)
  })

  it('migrates: status exits with 1 while a migration is missing, up applies it once', async () => {
    const settings = writeSettings('empty.yaml', (await freshDatabase()).url)
    const missing = await nauthera(['migrate', 'status', '-o', 'json'], { settings })
    expect([missing.code, new Set(missing.json().map(({ state }) => state))]).to.deep.equal([1, new Set(['pending'])])
    const early = await nauthera(['users', 'list'], { settings })
    expect([early.code, early.err.includes('nauthera migrate up')]).to.deep.equal([1, true])
    expect((await nauthera(['migrate', 'up', '-o', 'json'], { settings })).json().length).to.equal(
      missing.json().length,
    )
    expect((await nauthera(['migrate', 'up', '-o', 'json'], { settings })).json()).to.deep.equal([])
    expect((await nauthera(['migrate', 'status'], { settings })).code).to.equal(0)
    const [first, second] = [
      await nauthera(['migrate', 'restored', '--yes', '-o', 'json'], { settings }),
      await nauthera(['migrate', 'restored', '-o', 'json'], { settings, typed: 'y\n' }),
    ]
    const epochOf = ({ json }: typeof first) => Number(json()[0]!['epoch'])
    expect(epochOf(second)).to.be.greaterThan(epochOf(first) - 1)
    expect(second.err).to.include('Everybody has to sign in again')
    const no = await nauthera(['migrate', 'restored', '-o', 'json'], { settings, typed: '\n' })
    expect([no.code, no.out, no.err.includes('nothing was done')]).to.deep.equal([2, '', true])
    const unasked = await nauthera(['migrate', 'restored', '-o', 'json'], { settings })
    expect([unasked.code, unasked.out, unasked.err.includes('--yes')]).to.deep.equal([2, '', true])
  })

  it('lists keys with the key that encrypts each, never their private part, and re-encrypts them', async () => {
    const store = fresh.replica()
    const list = await nauthera(['keys', 'list', '-o', 'json'])
    expect(list.json()).to.deep.equal([])
    await store.keys.underLock((keys) =>
      keys.insert({
        id: 'key-1',
        use: 'sig',
        alg: 'ES256',
        publicJwk: undefined,
        secret: Buffer.from('canary'),
        activeAt: new Date(),
        retireAt: undefined,
        removeAt: undefined,
      }),
    )
    const one = (await nauthera(['keys', 'list', '-o', 'json'])).json()
    expect(one[0]).to.include({ id: 'key-1', encryptedBy: 'test', opens: false })
    expect(JSON.stringify(one)).to.not.include(Buffer.from('canary').toString('base64')).and.not.include('canary')
    const lacking = await nauthera(['keys', 'reencrypt'])
    expect([lacking.code, lacking.err.includes('test')]).to.deep.equal([1, true])
    await store.keys.underLock((keys) => keys.remove('key-1'))
    expect((await nauthera(['keys', 'reencrypt', '-o', 'json'])).json()).to.deep.equal([
      { reencrypted: 0, left: 0, current: 'k1' },
    ])
  })

  it('rotates keys: creates the next ones for later use, and keeps the current ones', async () => {
    const settings = writeSettings('rotate.yaml', (await freshDatabase()).url)
    await nauthera(['migrate', 'up'], { settings })
    const first = await nauthera(['keys', 'rotate', '-o', 'json'], { settings })
    expect([first.code, first.err]).to.deep.equal([0, ''])
    const listed = async () => (await nauthera(['keys', 'list', '-o', 'json'], { settings })).json()
    const before = await listed()
    expect(before.map(({ use }) => use)).to.include.members(['sig', 'cookie'])
    expect(new Set(before.map(({ state }) => state))).to.deep.equal(new Set(['active']))
    const second = await nauthera(['keys', 'rotate', '-o', 'json'], { settings })
    expect(second.json().length).to.be.greaterThan(0)
    for (const key of second.json()) expect(Date.parse(key['activeAt'] as string)).to.be.greaterThan(Date.now())
    const after = await listed()
    expect(after.map(({ id }) => id)).to.include.members(before.map(({ id }) => id))
    expect(new Set(after.map(({ state }) => state))).to.deep.equal(new Set(['active', 'next']))
    const third = await nauthera(['keys', 'rotate', '-o', 'json'], { settings })
    expect([third.code, third.json()]).to.deep.equal([0, []])
    for (const { id } of second.json()) expect(third.err).to.include(`on: ${id as string}`)
  })

  describe('for a key that leaked', () => {
    let settings: string
    before(async () => {
      settings = writeSettings('leak.yaml', (await freshDatabase()).url)
      await nauthera(['migrate', 'up'], { settings })
      await nauthera(['keys', 'rotate'], { settings })
    })
    const listed = async () => (await nauthera(['keys', 'list', '-o', 'json'], { settings })).json()

    it('keys rotate --now says that it publishes and waits for caches, and until when', async () => {
      const now = await nauthera(['keys', 'rotate', '--now', '-o', 'json'], { settings })
      expect(now.code).to.equal(0)
      expect(now.err).to.include('published, and used in about 6 minutes').and.include('--cut')
      const minutes = now.json().map(({ activeAt }) => (Date.parse(activeAt as string) - Date.now()) / 60_000)
      expect(minutes).to.have.length(3)
      for (const one of minutes) expect(one).to.be.within(5, 6)
      // that of pairwise subjects is never replaced
      const ofLines = (await listed()).filter(({ use, state }) => use !== 'pairwise' && state === 'active')
      expect(ofLines).to.have.length(3)
    })

    it('--cut says what breaks, and does nothing without a yes', async () => {
      const before = await listed()
      for (const [command, says] of [
        [['keys', 'rotate', '--cut'], '--cut: is for a key that leaked; give --now with it'],
        [['keys', 'rotate', '--now', '--cut'], '--yes'],
        [['keys', 'rotate', '--now', '--cut', 'everything'], 'Allowed choices are signing, cookies, all'],
      ] as const) {
        const refused = await nauthera([...command], { settings })
        expect([refused.code, refused.err.includes(says)], refused.err).to.deep.equal([2, true])
      }
      const no = await nauthera(['keys', 'rotate', '--now', '--cut'], { settings, typed: 'n\n' })
      expect([no.code, no.err.includes('refused here from now on')]).to.deep.equal([2, true])
      expect(await listed()).to.deep.equal(before)
    })

    it('--cut ends every old signing key, new ones sign at once, and the audit log has it', async () => {
      const before = await listed()
      const cut = await nauthera(['keys', 'rotate', '--now', '--cut', '--yes', '-o', 'json'], { settings })
      expect(cut.code).to.equal(0)
      expect(cut.err).to.include('4 keys were cut off').and.include('for up to 5 minutes more')
      const after = await listed()
      const ofUse = (keys: typeof after, use: string) => keys.filter((key) => key['use'] === use).map(({ id }) => id)
      expect(ofUse(after, 'sig')).to.have.length(2).and.not.include.members(ofUse(before, 'sig'))
      expect(after.filter(({ use }) => use === 'sig').map(({ state }) => state)).to.deep.equal(Array(2).fill('active'))
      expect(ofUse(after, 'cookie')).to.deep.equal(ofUse(before, 'cookie'))
      const told = (
        await nauthera(['audit', 'search', '--event', 'admin.keys.rotate', '-o', 'json'], { settings })
      ).json()
      expect(JSON.stringify(told[0])).to.include('cut signing')
    })

    it('--cut cookies signs everybody out, and leaves signing keys alone', async () => {
      const before = await listed()
      const cut = await nauthera(['keys', 'rotate', '--now', '--cut', 'cookies', '--yes', '-o', 'json'], { settings })
      expect(cut.err).to.include('2 keys were cut off. Everybody is signed out.')
      const signing = (keys: typeof before) => keys.filter(({ use }) => use === 'sig').map(({ id }) => id)
      expect(signing(await listed())).to.deep.equal(signing(before))
    })
  })

  describe('settings check', () => {
    it('finds no fault in good settings', async () => {
      const checked = await nauthera(['settings', 'check'])
      expect([checked.code, checked.err.includes('no fault')]).to.deep.equal([0, true])
    })

    it('lists every fault at once with its path, and exits with 2', async () => {
      const path = join(directory, 'bad.yaml')
      writeFileSync(
        path,
        'issuer: http://login.example.com/?a=b\nfrobnicate: 1\ndatabase: {poolMax: 0, host: db}\nlog: {level: loud}\nrefreshGrace: soon\n',
      )
      const checked = await nauthera(['settings', 'check', path])
      expect(checked.code).to.equal(2)
      for (const place of ['issuer:', 'frobnicate:', 'database.poolMax:', 'log.level:', 'refreshGrace:'])
        expect(checked.err).to.include(`  ${place}`)
    })

    it('reads the files that are named, unless told not to', async () => {
      const path = writeSettings('nofiles.yaml', fresh.url)
      rmSync(`${path}.dsn`)
      const checked = await nauthera(['settings', 'check', path])
      expect([checked.code, checked.err.includes('database.dsnFile')]).to.deep.equal([2, true])
      expect((await nauthera(['settings', 'check', path, '--no-files'])).code).to.equal(0)
    })

    it('says which file cannot be read', async () => {
      const checked = await nauthera(['settings', 'check', '/absent/server.yaml'])
      expect([checked.code, checked.err.includes('/absent/server.yaml')]).to.deep.equal([2, true])
    })
  })

  it('I6 says nothing of the password when the database is away', async () => {
    const away = new URL(fresh.url)
    away.port = '1'
    const settings = writeSettings('away.yaml', away.href)
    const failed = await nauthera(['users', 'list'], { settings })
    expect([failed.code, failed.err.includes('STORE_UNAVAILABLE')]).to.deep.equal([1, true])
    expect(failed.err).to.contain('What to do: Look at PostgreSQL')
    expect(failed.err).to.not.include(away.password)
  })

  it('runs as a program and sets its exit code', () => {
    const main = resolve(root, scriptOf('server/src/cli/main.ts'))
    const run = (...command: string[]) =>
      spawnSync(process.execPath, [main, ...command], {
        encoding: 'utf8',
        timeout: 15_000,
        env: { NAUTHERA_SETTINGS: join(directory, 'server.yaml'), ...compileCache },
      })
    expect(run('users', 'list', '-o', 'json').status).to.equal(0)
    const missing = run('users', 'show', 'nobody')
    expect([missing.status, missing.stdout]).to.deep.equal([1, ''])
    expect(run('settings', 'check', '/absent').status).to.equal(2)
  })
})
