import type { Command } from 'commander'
import { expect } from 'chai'
import { parse } from 'yaml'
import { createProgram } from '../../src/cli/program.ts'
import { outputFormats } from '../../src/cli/terminal/output.ts'
import { statement } from '../../src/store/driver/database.ts'
import { addPerson, inMs } from '../store/fresh-store.ts'
import { openNauthera } from './run-nauthera.ts'
import type { Nauthera } from './run-nauthera.ts'

const canary = 'canary-of-a-password-hash'

/** Every command that prints a list, with arguments that give at least one row. */
const lists: readonly string[] = [
  'users list',
  'users show ada',
  'groups list',
  'consents list ada',
  'audit search',
  'audit tail',
  'keys list',
  'migrate status',
]

/** Every command: a new one has to be named here, so that somebody thinks about what it prints. */
const others: readonly string[] = [
  'users add',
  'users edit',
  'users import',
  'users set-password',
  'users unlock',
  'users disable',
  'users enable',
  'users delete',
  'users revoke-sessions',
  'users reset-2fa',
  'users unlink',
  'users invite',
  'users verify-email',
  'groups create',
  'groups delete',
  'groups add',
  'groups remove',
  'consents revoke',
  'keys rotate',
  'keys reencrypt',
  'keys give-up',
  'migrate up',
  'migrate restored',
  'backup create',
  'backup verify',
  'backup secrets',
  'restore',
  'settings check',
  'login-link',
  'doctor',
  'completion',
]

describe('every command', () => {
  let nauthera: Nauthera
  before(async () => {
    nauthera = await openNauthera()
    const store = nauthera.fresh.replica()
    const passwordHash = `$argon2id$v=19$m=19456,t=2,p=1$${canary}`
    const { id } = await store.users.insert({ username: 'ada', name: 'Ada Lovelace', passwordHash, groups: ['ops'] })
    await consentOf(nauthera, id)
    store.audit.record({ event: 'signin.success', outcome: 'success', userId: id })
    await store.audit.flush()
    await nauthera.run(['keys', 'rotate'])
  })
  after(() => nauthera.stop())

  const terminal = { onInterrupt: () => () => undefined } as never
  const program = createProgram({ terminal, environment: {}, version: '1', by: 'root' }, () => undefined)
  const leaves = (command: Command, path: readonly string[] = []): string[][] =>
    command.commands.length === 0
      ? [[...path]]
      : command.commands.flatMap((child) => leaves(child, [...path, child.name()]))
  const all = leaves(program)

  it('is either a list or named among the others', () => {
    const named = [...lists.map((line) => line.split(' ').slice(0, 2).join(' ')), ...others]
    expect(named).to.have.members(all.map((path) => path.join(' ')))
  })

  for (const path of all)
    it(`${path.join(' ')} explains itself`, async () => {
      const help = await nauthera.run([...path, '--help'])
      expect([help.code, help.err]).to.deep.equal([0, ''])
      expect(help.out)
        .to.contain(`nauthera ${path.join(' ')}`)
        .and.contain('--output')
    })

  for (const line of lists)
    it(`${line} prints the same as table, JSON and YAML, and no secret`, async () => {
      const answers = await Promise.all(outputFormats.map((format) => nauthera.run([...line.split(' '), '-o', format])))
      expect(answers.map(({ code, err }) => [code, err])).to.deep.equal(answers.map(() => [0, '']))
      const [table, json, yaml] = answers.map(({ out }) => out)
      const rows = JSON.parse(json!) as unknown[]
      expect(rows).not.to.deep.equal([])
      expect(parse(yaml!)).to.deep.equal(rows)
      // one person is shown as a line for each field
      const lines = line.startsWith('users show') ? /^USERNAME +ada\n/ : new RegExp(`^(.*\\n){${rows.length + 1}}$`)
      expect(table).to.match(lines)
      for (const out of [table, json, yaml])
        expect(out)
          .not.to.contain(canary)
          .and.not.match(/password.?hash|"d":/i)
    })

  it('says what to do when it is used wrongly', async () => {
    const wrong = await nauthera.run(['users', 'show'])
    expect([wrong.code, wrong.out]).to.deep.equal([2, ''])
    expect(wrong.err).to.contain("missing required argument 'user'").and.contain('--help')
  })
})

describe('nauthera users, groups and consents', () => {
  let nauthera: Nauthera
  before(async () => {
    nauthera = await openNauthera()
  })
  after(() => nauthera.stop())

  const eventsOf = async (userId: string) =>
    (await nauthera.fresh.replica().audit.search({ userId, limit: 99 })).map(({ event }) => event)

  it('deletes a person after a question, with everything that is known', async () => {
    const store = nauthera.fresh.replica()
    const person = await addPerson(store, { groups: ['ops'] })
    await consentOf(nauthera, person.id)
    const kept = await nauthera.run(['users', 'delete', person.username], { typed: 'n\n' })
    expect([kept.code, kept.err.includes('nothing was done')]).to.deep.equal([2, true])
    const unasked = await nauthera.run(['users', 'delete', person.username])
    expect([unasked.code, unasked.err.includes('--yes')]).to.deep.equal([2, true])
    const gone = await nauthera.run(['users', 'delete', person.username, '--yes'])
    expect([gone.code, gone.err]).to.deep.equal([0, `${person.username} is deleted\n`])
    expect(await store.accounts.load({ userId: person.id })).to.equal(undefined)
    expect(await store.authorizations.clientsOfUser(person.id)).to.deep.equal([])
    expect(await eventsOf(person.id)).to.include.members(['account.deleted', 'admin.users.delete'])
    const again = await nauthera.run(['users', 'delete', person.username, '--yes'])
    expect([again.code, again.err.includes('no account has the name')]).to.deep.equal([1, true])
  })

  it('adds a person without a password, and says what does not go with that', async () => {
    const wrong = await nauthera.run(['users', 'add', 'bare', '--no-password', '--generate'])
    expect([wrong.code, wrong.err.includes('--no-password')]).to.deep.equal([2, true])
    const added = await nauthera.run(['users', 'add', 'bare', '--no-password', '-o', 'json'])
    expect([added.code, added.json()[0]!['password']]).to.deep.equal([0, undefined])
    const { credentials } = nauthera.fresh.replica()
    expect(await credentials.find(String(added.json()[0]!['id']))).to.equal(undefined)
  })

  it('prints a link to sign in with, which is in no other place, and makes none for whoever is disabled', async () => {
    const store = nauthera.fresh.replica()
    const { id, username } = await addPerson(store)
    const [first, made] = [
      await nauthera.run(['login-link', username]),
      await nauthera.run(['login-link', username, '-o', 'json']),
    ]
    expect([first.code, made.code, made.json()[0]!['username']]).to.deep.equal([0, 0, username])
    const link = String(made.json()[0]!['link'])
    expect(link).to.match(/^http:\/\/localhost:3000\/login-link\/[\w-]{43}$/)
    const token = link.split('/').at(-1)!
    expect(made.err).to.contain('once, within 10 minutes').and.not.contain(token)
    expect(await store.loginLinks.find(token)).to.equal(id)
    expect(await store.loginLinks.find(/[\w-]{43}/.exec(first.out)![0]), 'the earlier one').to.equal(undefined)
    const events = await store.audit.search({ userId: id, event: 'admin.login-link', limit: 9 })
    expect([events.length, JSON.stringify(events).includes(token)]).to.deep.equal([2, false])
    await nauthera.run(['users', 'disable', username])
    const refused = await nauthera.run(['login-link', username])
    expect([refused.code, refused.out, refused.err.includes('is disabled')]).to.deep.equal([2, '', true])
  })

  it('tells the audit log of each change, as a command and as what it means', async () => {
    const person = await addPerson(nauthera.fresh.replica())
    for (const command of ['disable', 'enable', 'revoke-sessions'])
      expect((await nauthera.run(['users', command, person.username])).code).to.equal(0)
    expect((await nauthera.run(['users', 'edit', person.username, '--name', 'Ada'])).code).to.equal(0)
    const events = await eventsOf(person.id)
    expect(events).to.include.members(['account.disabled', 'account.enabled', 'account.changed', 'session.revoked_all'])
    const commands = ['admin.users.disable', 'admin.users.enable', 'admin.users.edit', 'admin.users.revoke-sessions']
    expect(events).to.include.members(commands)
  })

  it('finds people by the begin of a name', async () => {
    const add = (username: string, ...more: string[]) =>
      nauthera.run(['users', 'add', username, '--password-stdin', ...more], { input: 'correct horse battery staple' })
    await add('tim', '--name', 'Timothy Berners-Lee', '--email', 'timbl@example.test')
    await add('grace', '--name', 'Grace Hopper')
    const found = async (...args: string[]) =>
      (await nauthera.run(['users', 'list', '-o', 'json', ...args])).json().map(({ username }) => username)
    expect(await found('--search', 'HOPP')).to.deep.equal(['grace'])
    expect(await found('--search', 'timbl@')).to.deep.equal(['tim'])
    expect(await found('--search', 'berners')).to.deep.equal(['tim'])
    expect(await found('--limit', '1')).to.have.length(1)
    expect((await nauthera.run(['users', 'list', '--limit', 'many'])).code).to.equal(2)
  })

  it('creates and deletes a group; its members are told to every replica', async () => {
    expect((await nauthera.run(['groups', 'create', 'crew'])).err).to.equal('crew is there, and empty\n')
    expect((await nauthera.run(['groups', 'create', 'crew'])).err).to.contain('was there already')
    const person = await addPerson(nauthera.fresh.replica(), { groups: ['crew'] })
    const asked = await nauthera.run(['groups', 'delete', 'crew'], { typed: 'y\n' })
    expect(asked.err).to.contain('1 person will no longer be in crew').and.contain('crew is deleted')
    const [shown] = (await nauthera.run(['users', 'show', person.username, '-o', 'json'])).json()
    expect(shown!['groups']).to.deep.equal([])
    const unknown = await nauthera.run(['groups', 'delete', 'crew', '--yes'])
    expect([unknown.code, unknown.err.includes('nauthera groups list')]).to.deep.equal([1, true])
    const unnamed = await nauthera.run(['groups', 'create', ' '])
    expect([unnamed.code, unnamed.err.includes('must not be empty')]).to.deep.equal([1, true])
  })

  it('understands the earlier, longer names', async () => {
    const person = await addPerson(nauthera.fresh.replica())
    expect((await nauthera.run(['groups', 'add-member', 'night', person.username])).code).to.equal(0)
    expect((await nauthera.run(['groups', 'remove-member', 'night', person.username])).code).to.equal(0)
  })

  it('revokes a consent with its tokens, and says when there is none', async () => {
    const store = nauthera.fresh.replica()
    const person = await addPerson(store)
    const grantId = await consentOf(nauthera, person.id)
    const revoked = await nauthera.run(['consents', 'revoke', person.username, 'team-a.web'])
    expect([revoked.code, revoked.err.includes('no consent and no token')]).to.deep.equal([0, true])
    expect((await store.accounts.loadGranted({ userId: person.id, grantId }))!.grant).to.equal(undefined)
    expect(await eventsOf(person.id)).to.include.members(['consent.revoked', 'admin.consents.revoke'])
    const none = await nauthera.run(['consents', 'revoke', person.username, 'team-a.web'])
    expect([none.code, none.err.includes('nauthera consents list')]).to.deep.equal([1, true])
  })

  it('says in the audit log who ran a command, and why, of every event of it', async () => {
    const store = nauthera.fresh.replica()
    const person = await addPerson(store)
    const reason = 'ticket 4711'
    expect((await nauthera.run(['users', 'disable', person.username, '--reason', reason])).code).to.equal(0)
    const rows = await store.audit.search({ userId: person.id, limit: 9 })
    expect(
      rows.map(({ event, actor, target, detail }) => [event, actor, target, detail?.['why']]),
    ).to.have.deep.members(
      ['account.disabled', 'admin.users.disable'].map((event) => [event, 'root', person.username, reason]),
    )
    await nauthera.run(['users', 'enable', person.username])
    const [row] = await store.audit.search({ userId: person.id, event: 'account.enabled', limit: 1 })
    expect(row!.detail).to.deep.equal({ by: 'root' })
  })

  it('sees what an application may do at which API, as the help desk does', async () => {
    const store = nauthera.fresh.replica()
    const person = await addPerson(store)
    await consentOf(nauthera, person.id)
    const payload = { resources: { 'urn:api:invoices': ['invoices:read'] } }
    const allow = statement('test-allow-api', 'UPDATE consents SET payload = $2 WHERE user_id = $1')
    await store.database.query(allow, [person.id, payload])
    const { out } = await nauthera.run(['consents', 'list', person.username, '-o', 'json'])
    expect(JSON.parse(out)[0]).to.deep.include({ scopes: ['openid'], ...payload })
    expect((await nauthera.run(['consents', 'list', person.username])).out).to.match(/RESOURCES.*\n.*invoices:read/)
  })

  it('sees what the account page shows: a grant without a consent that is remembered', async () => {
    const store = nauthera.fresh.replica()
    const person = await addPerson(store)
    const grantId = await consentOf(nauthera, person.id)
    const forget = statement('test-forget-consent', 'DELETE FROM consents WHERE user_id = $1')
    await store.database.query(forget, [person.id])
    const listed = await nauthera.run(['consents', 'list', person.username])
    expect(listed.out).to.contain('team-a.web')
    const revoked = await nauthera.run(['consents', 'revoke', person.username, 'team-a.web'])
    expect(revoked.code).to.equal(0)
    expect((await store.accounts.loadGranted({ userId: person.id, grantId }))!.grant).to.equal(undefined)
  })
})

/** A consent and a grant of the client team-a.web. @returns the id of the grant */
async function consentOf({ fresh }: Nauthera, userId: string): Promise<string> {
  const { database } = fresh.replica()
  const id = `grant-${userId}`
  const insert = statement(
    'test-consent',
    `WITH consent AS (INSERT INTO consents (user_id, client_uid, client_id, scopes) VALUES ($1, 'uid-1', 'team-a.web', '{openid}'))
      INSERT INTO grants (id, user_id, client_uid, client_id, payload, expires_at) VALUES ($2, $1, 'uid-1', 'team-a.web', '{}', $3)`,
  )
  await database.query(insert, [userId, id, inMs(60_000)])
  return id
}
