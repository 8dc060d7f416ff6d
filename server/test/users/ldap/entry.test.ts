import { expect } from 'chai'
import fc from 'fast-check'
import { keyOf, keyValue, personOf } from '../../../src/users/ldap/entry.ts'
import type { DirectoryEntry } from '../../../src/users/ldap/entry.ts'

const map = { key: 'entryUUID', username: 'uid', email: 'mail', name: 'cn', locale: 'preferredLanguage', claims: {} }
const about = {
  disabled: false,
  groups: ['b', 'a', 'b'],
  vouching: { own: [], ofOthers: ['corp.test'], rest: 'all' },
} as const

function entry(values: Readonly<Record<string, readonly (string | Buffer)[]>>): DirectoryEntry {
  const all = (name: string) => values[name] ?? []
  return {
    dn: 'uid=ada,dc=example',
    values: (name) => all(name).map(String),
    bytes: (name) => all(name).map((value) => Buffer.from(value as Buffer)),
  }
}

describe(keyOf.name, () => {
  it('reads the GUID of Active Directory as Windows writes it', () => {
    const bytes = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
    expect(keyOf(entry({ objectGUID: [bytes] }), 'objectGUID')).to.equal('33221100-5544-7766-8899-aabbccddeeff')
  })

  it('finds by a GUID what it read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const key = keyOf(entry({ objectGUID: [Buffer.from(bytes)] }), 'objectGUID')!
        expect(keyValue(key, 'OBJECTGUID')).to.deep.equal(Buffer.from(bytes))
      }),
    )
  })

  it('has none where there is none, or more than one', () => {
    const keyIn = (values: (string | Buffer)[], attribute = 'entryUUID') =>
      keyOf(entry({ [attribute]: values }), attribute)
    expect(keyIn(['AB-12'])).to.equal('ab-12')
    for (const values of [[], [''], ['a', 'b'], ['x'.repeat(6000)], ['a\u0000b'], ['a\ud800'], ['\u200b']])
      expect(keyIn(values)).to.equal(undefined)
    expect(keyIn([Buffer.from('short')], 'objectGUID')).to.equal(undefined)
  })
})

describe(personOf.name, () => {
  it('says only what the directory says, with groups once and in order', () => {
    expect(personOf(entry({ uid: ['ada'] }), map, about)).to.deep.equal({
      username: 'ada',
      email: undefined,
      emailVerified: false,
      name: undefined,
      locale: undefined,
      profile: {},
      disabled: false,
      groups: ['a', 'b'],
    })
  })

  it('is in no group whose name is nothing, or has hidden characters', () => {
    const groups = ['dev', ' ', 'o\u200bps']
    expect(personOf(entry({ uid: ['ada'] }), map, { ...about, groups })!.groups).to.deep.equal(['dev'])
  })

  it('has the claims that its attributes can say, and no other', () => {
    const claims = { given_name: 'givenName', family_name: 'sn', zoneinfo: 'zone' }
    const ada = entry({ uid: ['ada'], givenName: ['Ada'], zone: ['Nowhere/At all'] })
    expect(personOf(ada, { ...map, claims }, about)!.profile).to.deep.equal({ given_name: 'Ada' })
  })

  it('is nobody without a user name', () => {
    for (const uid of [
      [],
      [''],
      ['  '],
      ['a\u0000b'],
      ['ad\u200da'],
      ['x'.repeat(2000)],
      ['x'.repeat(321)],
      ['\ufdfa'.repeat(200)],
    ])
      expect(personOf(entry({ uid }), map, about)).to.equal(undefined)
  })

  it('L15 leaves out an address that is none, and texts with control characters', () => {
    const read = personOf(entry({ uid: ['ada'], mail: ['ada at home'], cn: ['Ada\u001b[31m'] }), map, about)
    expect(read).to.include({ email: undefined, emailVerified: false, name: undefined })
    const two = personOf(entry({ uid: ['ada'], mail: ['ada@example.com,eve@evil.test'] }), map, about)
    expect(two).to.include({ email: undefined, emailVerified: false })
  })

  it('L34 takes over only addresses that are not for another source to say', () => {
    for (const [mail, email] of [
      ['ada@example.com', 'ada@example.com'],
      ['ada@corp.test', undefined],
    ] as const)
      expect(personOf(entry({ uid: ['ada'], mail: [mail] }), map, about)).to.include({ email, emailVerified: !!email })
    const nobody = { ...about, vouching: { ...about.vouching, rest: 'none' } } as const
    const read = personOf(entry({ uid: ['ada'], mail: ['ada@example.com'] }), map, nobody)
    expect(read).to.include({ email: undefined, emailVerified: false })
  })
})
