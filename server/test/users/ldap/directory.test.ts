import { expect } from 'chai'
import fc from 'fast-check'
import { keptLog, quietLog as quiet } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { loadSettings } from '@nauthera/runtime/settings'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { settingsSchema } from '../../../src/settings.ts'
import type { LdapSourceSettings } from '../../../src/settings/sources.ts'
import { createDirectory } from '../../../src/users/ldap/directory.ts'
import type { DirectoryEntry } from '../../../src/users/ldap/entry.ts'
import { vouching } from './test-directory.ts'

const source = {
  id: 'staff',
  type: 'ldap',
  urls: ['ldaps://directory.test'],
  userBase: 'dc=test',
  login: ['uid', 'mail'],
  groups: { from: 'none' },
}
const all = { issuer: 'https://login.example.com', database: { host: 'postgres' }, sources: [source] }
const settings = loadSettings(settingsSchema, { file: 'test', text: JSON.stringify(all) })
  .sources[0] as LdapSourceSettings

type Values = Readonly<Record<string, readonly string[]>>

/** Answers every search with these entries, whatever was asked. */
function clientOf(...entries: Values[]) {
  const found = entries.map((values): DirectoryEntry => ({
    dn: 'uid=x,dc=test',
    values: (name) => values[name] ?? [],
    bytes: (name) => (values[name] ?? []).map((value) => Buffer.from(value)),
  }))
  return { search: async () => found, checkPassword: async () => 'right' as const }
}

const answering = (...entries: Values[]) =>
  createDirectory({ settings, vouching, client: clientOf(...entries), log: quiet })
const codeOf = (work: Promise<unknown>) =>
  work.then(
    (found) => (found === undefined ? 'nobody' : 'somebody'),
    (error: unknown) => (hasCode(error) ? error.code : String(error)),
  )

describe(createDirectory.name, () => {
  const eve = { entryUUID: ['E-1'], uid: ['Eve'], mail: ['eve@example.com'] }

  it('L34 is away when it answers with another entry than was asked for', async () => {
    expect(await codeOf(answering(eve).findByKey('e-1'))).to.equal('somebody')
    expect(await codeOf(answering(eve).findByKey('a-1'))).to.equal('STORE_UNAVAILABLE')
    expect(await codeOf(answering(eve).findByLogin('eve'))).to.equal('somebody')
    expect(await codeOf(answering(eve).findByLogin('eve@example.com'))).to.equal('somebody')
    expect(await codeOf(answering(eve).findByLogin('ada'))).to.equal('STORE_UNAVAILABLE')
    expect(await codeOf(answering({ entryUUID: ['e-1'] }).findByLogin('ada'))).to.equal('STORE_UNAVAILABLE')
    expect(await codeOf(answering().findByLogin('ada'))).to.equal('nobody')
  })

  it('tells once an hour of entries that nobody can get in by, however often a stranger types their name', async () => {
    const { log, lines } = keptLog('warn')
    let clock = 0
    const two = [eve, { ...eve, entryUUID: ['E-2'] }]
    const client = clientOf(...two)
    const directory = createDirectory({ settings, vouching, client, log, monotonicNow: () => clock })
    for (let count = 0; count < 50; count++) expect(await codeOf(directory.findByLogin('eve'))).to.equal('nobody')
    expect(lines).to.have.length(1)
    clock = 3_600_000
    await directory.findByLogin('eve')
    expect(lines).to.have.length(2)
  })

  it('has a name when one entry or several have it', async () => {
    expect(await answering().hasName(['ada'])).to.equal(false)
    expect(await answering(eve).hasName(['eve'])).to.equal(true)
    expect(await answering(eve, { ...eve, entryUUID: ['E-2'] }).hasName(['eve'])).to.equal(true)
  })

  it('knows a name as directories compare names: without case, spaces and accents', async () => {
    for (const [uid, login] of [
      ['José  Müller', 'jose muller'],
      ['STRASSE', 'straße'],
      ['ada.lovelace', 'ada.lovelace'],
    ] as const)
      expect(await codeOf(answering({ entryUUID: ['1'], uid: [uid] }).findByLogin(login)), uid).to.equal('somebody')
  })

  it('L34 whatever is in an entry, a person is text that a record can have, or nobody', async () => {
    const text = fc.oneof(
      fc.constantFrom('a\u0000b', '\ud800', '\u202eevil', 'x'.repeat(321), 'x'.repeat(6000), '\ufdfa'.repeat(200), ''),
      fc.string({ unit: 'binary', maxLength: 300 }),
    )
    const names = ['entryUUID', 'uid', 'mail', 'cn', 'preferredLanguage', 'givenName', 'sn']
    const entry = fc.dictionary(fc.constantFrom(...names), fc.array(text, { maxLength: 2 }))
    await fc.assert(
      fc.asyncProperty(entry, async (values) => {
        const key = values['entryUUID']?.[0]?.toLowerCase() ?? 'none'
        const directory = answering({ uid: ['ada'], ...values })
        const found = await directory.findByKey(key).catch((error: unknown) => {
          if (!hasCode(error, 'STORE_UNAVAILABLE')) throw error
        })
        if (found === undefined) return
        expect(found.key.length).to.be.within(1, 255)
        const person = await directory.describe(found)
        if (person === undefined) return
        expect(person.username.length).to.be.within(1, 320)
        for (const said of [found.key, person.username, person.email, person.name, ...Object.values(person.profile)])
          if (typeof said === 'string')
            expect(hasHiddenInName(said) || said.length > 1024, JSON.stringify(said)).to.equal(false)
      }),
      { numRuns: propertyRuns(300) },
    )
  })
})
