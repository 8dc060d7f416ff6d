import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { describePerson } from '../src/login/upstream/person.ts'
import { describeUpstream } from '../src/login/upstream/presets.ts'
import { upstreamOf } from '../src/login/upstream/federation.ts'
import type { Upstream } from '../src/login/upstream/upstream.ts'
import { createLinkMails } from '../src/users/links/link-mails.ts'
import { readEntry } from '../src/users/import/person-entry.ts'
import { personOf } from '../src/users/ldap/entry.ts'
import { namesOf } from '../src/store/people/user-names.ts'
import { providerSettings } from './login/upstream/provider-settings.ts'

// Every way by which an address comes in: how it is stored, and what is none.

const upstream = describeUpstream(providerSettings({ emailDomains: ['*'] }), {
  sources: [],
  upstreams: [providerSettings({ emailDomains: ['*'] })],
})
const attributes = { key: 'entryUUID', username: 'uid', email: 'mail', name: 'cn', locale: 'lang', claims: {} }

const ways: Readonly<Record<string, (email: string) => Promise<string | undefined>>> = {
  async 'a provider'(email) {
    const described = describePerson({ sub: 's', email, email_verified: true }, 's', upstream)
    return described.kind === 'person' ? described.person.email : undefined
  },
  async 'a directory'(email) {
    const values = (name: string) => ({ uid: ['ada'], mail: [email] })[name] ?? []
    const about = { disabled: false, groups: [], vouching: { own: [], ofOthers: [], rest: 'all' } as const }
    return personOf({ dn: 'uid=ada', values, bytes: () => [] }, attributes, about)?.email
  },
  async 'an import'(email) {
    const read = readEntry('line 1', { username: 'ada', email })
    return read.kind === 'person' ? read.entry.email : undefined
  },
  async 'an invitation'(email) {
    let to: string | undefined
    const mailLinks = {
      addForEmail: async (_: string, link: { mail: { to: string } }) => {
        to = link.mail.to
        return 'added'
      },
    }
    const mails = createLinkMails({ mailLinks: mailLinks as never, canChangePassword: () => true })
    await mails.invite({ email }, { audit: [] }).catch((error: unknown) => {
      if (!hasCode(error, 'EMAIL_INVALID')) throw error
    })
    return to
  },
  async 'a record'(email) {
    return String(namesOf({ username: 'ada', email })[2])
  },
}

describe('one mailbox is one address', () => {
  for (const [way, take] of Object.entries(ways)) {
    it(`stores the domain in ASCII, by ${way}`, async () => {
      expect(await take('Ada@EVIL.com')).to.equal('Ada@evil.com')
      // who is invited or registers gets it as user name, which has no such dots
      const dotted = way === 'an invitation' ? undefined : 'Ada@evil.com'
      for (const dot of ['\u3002', '\uff0e', '\uff61']) expect(await take(`Ada@EVIL${dot}com`)).to.equal(dotted)
      expect(await take('ada@b\u00fccher.example')).to.equal('ada@xn--bcher-kva.example')
    })

    if (way === 'a record') continue
    it(`takes none that is compared as another one, by ${way}`, async () => {
      for (const email of [
        'zo\u00aa@evil.com',
        '\u212aim@evil.com',
        'a\uff20b@evil.com',
        'e\u0301va@evil.com',
        'a@evil.com.',
      ])
        expect(await take(email), email).to.equal(undefined)
    })
  }

  it('leads to the provider of its domain in each spelling', () => {
    const corp = { ...upstream, domains: ['evil.com'] } as unknown as Upstream
    for (const typed of ['a@evil.com', ' A@EVIL\u3002com ', 'a@\uff45vil.com'])
      expect(upstreamOf([corp], typed), typed).to.equal(corp)
    for (const typed of ['a@evil.com.other', '@evil.com', 'a@x@evil.com', undefined])
      expect(upstreamOf([corp], typed), typed).to.equal(undefined)
  })
})
