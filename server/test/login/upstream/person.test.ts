import { expect } from 'chai'
import { believedProofs, describePerson } from '../../../src/login/upstream/person.ts'
import { otherNames } from '../../../src/store/people/user-names.ts'
import { describeUpstream } from '../../../src/login/upstream/presets.ts'
import type { UpstreamDescription } from '../../../src/login/upstream/presets.ts'
import { upstreamOf } from '../../../src/login/upstream/federation.ts'
import type { Upstream } from '../../../src/login/upstream/upstream.ts'
import { providerSettings } from './provider-settings.ts'

const upstream = (settings: object = {}, others: readonly object[] = []): UpstreamDescription => {
  const one = providerSettings({ emailDomains: ['example.com'], ...settings })
  return describeUpstream(one, { sources: [], upstreams: [one, ...others.map(providerSettings)] })
}
const personOf = (claims: Record<string, unknown>, settings?: object) => {
  const described = describePerson(claims, 'subject-1', upstream(settings))
  if (described.kind !== 'person') throw new Error(described.kind)
  return described.person
}

describe(describePerson.name, () => {
  const names: [string, Record<string, unknown>, object, string][] = [
    ['the preferred name', { preferred_username: 'ada' }, {}, 'ada'],
    ['a claim of the settings', { preferred_username: 'ada', uid: 'a1' }, { usernameClaim: 'uid' }, 'a1'],
    [
      'a verified address',
      { preferred_username: 'Ada@example.com', email: 'ada@example.com', email_verified: true },
      {},
      'Ada@example.com',
    ],
    [
      'the part before the @ of an address that is not verified',
      { preferred_username: 'ada@example.com', email: 'ada@example.com' },
      {},
      'ada',
    ],
    [
      'the part before the @ of a name that is another address',
      { preferred_username: 'ada@corp', email: 'a@example.com', email_verified: true },
      {},
      'ada',
    ],
    ['the part before a wide @', { preferred_username: 'Ada\uff20corp' }, {}, 'Ada'],
    ['the part before a small @', { preferred_username: 'Ada\ufe6bcorp' }, {}, 'Ada'],
    [
      'the address for Google',
      { email: 'ada@gmail.com', email_verified: true },
      { preset: 'google', issuer: undefined, emailDomains: undefined },
      'ada@gmail.com',
    ],
    ['the id with a digest when nothing is there', {}, {}, 'corp-f8d4e6a3'],
    ['the same for text with control characters', { preferred_username: 'a\u0000da' }, {}, 'corp-f8d4e6a3'],
    ['the same for one that shows nothing', { preferred_username: 'a\u200dda' }, {}, 'corp-f8d4e6a3'],
    ['the same for no text', { preferred_username: { evil: true } }, {}, 'corp-f8d4e6a3'],
  ]
  for (const [what, claims, settings, username] of names) {
    it(`takes as user name: ${what}`, () => {
      expect(personOf(claims, settings).username.replace(/corp-[0-9a-f]{8}/, 'corp-f8d4e6a3')).to.equal(username)
    })
  }

  const emails: [string, Record<string, unknown>, object, string | undefined][] = [
    ['verified', { email: 'a@example.com', email_verified: true }, {}, 'a@example.com'],
    ['verified, as text', { email: 'a@example.com', email_verified: 'true' }, {}, 'a@example.com'],
    ['not verified', { email: 'a@example.com', email_verified: false }, {}, undefined],
    ['without a word', { email: 'a@example.com' }, {}, undefined],
    ['without a word, of a trusted provider', { email: 'a@example.com' }, { trustEmail: true }, 'a@example.com'],
    ['of another domain', { email: 'a@other.test', email_verified: true }, {}, undefined],
    ['of another domain, of a trusted provider', { email: 'a@other.test' }, { trustEmail: true }, undefined],
    ['of a domain below', { email: 'a@sub.example.com', email_verified: true }, {}, undefined],
    ['two addresses', { email: 'a@example.com,b@example.com', email_verified: true }, {}, undefined],
    ['no address', { email: 'a@b@c', email_verified: true }, {}, undefined],
  ]
  for (const [what, claims, settings, email] of emails) {
    it(`takes over an address that is ${what}: ${email ?? 'no'}`, () => {
      expect(personOf(claims, settings)).to.include({ email, emailVerified: email !== undefined })
    })
  }

  it('takes no group over unless the map or a prefix says so', () => {
    const claims = { groups: ['admins', 'staff', 'staff', 7, 'x'.repeat(201)] }
    expect(personOf(claims).groups).to.deep.equal([])
    const map = [
      { from: 'staff', to: 'people' },
      { from: 'staff', to: 'office' },
    ]
    expect(personOf(claims, { groups: { map } }).groups).to.deep.equal(['office', 'people'])
    expect(personOf(claims, { groups: { map, prefix: 'corp:' } }).groups).to.deep.equal([
      'corp:admins',
      'office',
      'people',
    ])
    expect(personOf({ roles: 'one' }, { groups: { claim: 'roles', prefix: 'r-' } }).groups).to.deep.equal(['r-one'])
  })

  it('says when Entra left groups out', () => {
    const left = (claims: Record<string, unknown>) =>
      describePerson(claims, 's', upstream({ preset: 'entra', issuer: 'https://login.example.com/tenant/v2.0' }))
    expect(left({ _claim_names: { groups: 'src1' } })).to.have.property('groupsLeftOut', true)
    expect(left({ hasgroups: true })).to.have.property('groupsLeftOut', true)
    expect(left({ groups: [] })).to.have.property('groupsLeftOut', false)
  })

  it('lets only people of the hosted domains of Google in', () => {
    const google = upstream({ preset: 'google', issuer: undefined, domains: ['example.com'] })
    expect(describePerson({ hd: 'Example.com' }, 's', google).kind).to.equal('person')
    expect(describePerson({ hd: 'other.com' }, 's', google).kind).to.equal('foreign')
    expect(describePerson({ email: 'a@example.com', email_verified: true }, 's', google).kind).to.equal('foreign')
  })

  it('L15 takes facts over as text, and a picture only from the web', () => {
    const { profile, name, locale } = personOf({
      name: '<b>Ada</b>',
      locale: 'de_DE',
      given_name: 'Ada',
      family_name: ['no text'],
      picture: 'javascript:alert(1)',
      zoneinfo: 'Europe/Berlin',
      admin: true,
    })
    expect({ profile, name, locale }).to.deep.equal({
      profile: { given_name: 'Ada', zoneinfo: 'Europe/Berlin' },
      name: '<b>Ada</b>',
      locale: 'de-DE',
    })
    expect(personOf({ picture: 'https://example.com/a.png', locale: 'x y' })).to.deep.include({
      profile: { picture: 'https://example.com/a.png' },
      locale: undefined,
    })
  })
})

describe(otherNames.name, () => {
  it('offers a name with the provider, and then one that nobody else has', () => {
    const one = (subject: string) => ({ subject, upstream: 'corp' })
    const [plain, sure] = otherNames('ada@example.com', one('s-1'))
    expect(plain).to.equal('ada-corp')
    expect(sure).to.match(/^ada-corp-[0-9a-f]{8}$/)
    expect(otherNames('ada', one('s-2'))[1]).not.to.equal(sure)
    for (const long of ['x'.repeat(300), '\ufdfa'.repeat(100)])
      expect(otherNames(long, one('s-1'))).to.deep.equal([sure!.replace('ada-', '')])
  })
})

describe(believedProofs.name, () => {
  it('says what the settings believe, and nothing else', () => {
    const proofs = [
      { from: 'pwd', amr: ['pwd'] },
      { from: 'urn:corp:strong', amr: ['pwd', 'otp', 'mfa'] },
    ]
    expect(believedProofs(['pwd', 'hwk'], { proofs })).to.deep.equal(['pwd'])
    expect(believedProofs(['pwd', 'urn:corp:strong'], { proofs })).to.deep.equal(['pwd', 'otp', 'mfa'])
    expect(believedProofs(['mfa'], { proofs })).to.deep.equal([])
  })
})

describe(upstreamOf.name, () => {
  it('finds a provider by the domain of an address', () => {
    const upstreams = [{ ...upstream({ domains: ['example.com'] }) }] as unknown as Upstream[]
    const cases: [string | undefined, string | undefined][] = [
      ['ada@example.com', 'corp'],
      [' Ada@EXAMPLE.com ', 'corp'],
      ['ada@sub.example.com', undefined],
      ['example.com', undefined],
      ['@example.com', undefined],
      [undefined, undefined],
    ]
    for (const [address, id] of cases) expect(upstreamOf(upstreams, address)?.id, address).to.equal(id)
  })
})
