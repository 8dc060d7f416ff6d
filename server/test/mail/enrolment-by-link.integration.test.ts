import { expect } from 'chai'
import { Browser, authorizationUrl, formOf, password, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson } from '@nauthera/harness/server'
import { mintLinkToken } from '../../src/store/people/link-token.ts'
import { createLinkMails } from '../../src/users/links/link-mails.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { seedIn } from '../login/second-factor-flows.ts'
import { chosen, startMailSite, wordsOf } from './with-mail.ts'
import type { MailSite } from './with-mail.ts'

describe('secondFactor.enrolment: link', () => {
  let site: MailSite
  before(async () => {
    site = await startMailSite({ settings: { secondFactor: { requiredGroups: ['careful'], enrolment: 'link' } } })
  })
  after(() => site?.stop())

  const wanted = () => authorizationUrl(site.issuer, request(pkce(), { acr_values: 'urn:nauthera:mfa' }))
  const factorsOf = async (userId: string) => (await site.apps[0]!.store.factors.of(userId)).map(({ kind }) => kind)
  async function linkFor(userId: string): Promise<string> {
    const token = mintLinkToken()
    await site.apps[0]!.store.loginLinks.create(userId, { token, lifeMs: 60_000, audit: [] })
    return `/login-link/${token.plain}`
  }

  it('L9 the password alone sets up no first factor, in a sign-in or in the account', async () => {
    const userId = await addPerson(site, 'ada')
    const browser = new Browser(site)
    const page = await browser.submit(await browser.follow(wanted()), '/sign-in', { username: 'ada', password })
    expect(page.body).to.contain('id="link-first"').and.not.contain('id="set-up"')
    const at = new URL(page.url).pathname
    const token = formOf(page.body, '/cancel').fields['form_token']!
    for (const form of ['set-up', 'set-up-app', 'set-up-passkey'])
      expect((await browser.follow(`${at}/${form}`, { form: { form_token: token, code: '123456' } })).body).to.contain(
        'id="link-first"',
      )
    const session = new Browser(site)
    await session.submit(await session.follow('/account'), '/sign-in', { username: 'ada', password })
    for (const path of ['app', 'passkey']) {
      const shown = await session.follow(`/account/security/${path}`)
      expect(wordsOf(shown), path).to.contain('you need a link from your administrator')
    }
    expect(await factorsOf(userId)).to.deep.equal([])
  })

  it('a login link does, and from then on the person looks after factors as ever', async () => {
    const userId = await addPerson(site, 'grace')
    const browser = new Browser(site)
    await browser.submit(await browser.follow(await linkFor(userId)), '/login-link', { use: 'yes' })
    const page = await browser.follow('/account/security/app')
    await browser.submit(page, '/app', { code: codeAt(seedIn(page.body), Date.now()) })
    expect(await factorsOf(userId)).to.deep.equal(['totp'])
    expect((await browser.follow('/account/security/app')).body).to.contain('id="secret"')
  })

  it('so does the link of an invitation, which goes on as a login link', async () => {
    const { mailLinks } = site.apps[0]!.store
    const links = createLinkMails({ mailLinks, canChangePassword: () => true })
    await links.invite({ email: 'eve@example.net', groups: ['careful'] }, { audit: [] })
    const link = await site.linkTo('eve@example.net')
    const browser = new Browser(site)
    const page = await browser.submit(await browser.follow(link), link, { ...chosen, name: 'Eve' })
    expect(wordsOf(page)).to.contain('Sign in with a link')
    const asked = await browser.submit(page, '/login-link', { use: 'yes' })
    const shown = await browser.submit(asked, '/set-up')
    const codes = await browser.submit(shown, '/set-up-app', { code: codeAt(seedIn(shown.body), Date.now()) })
    const end = await browser.submit(codes, '/codes-saved')
    expect(end.url).to.contain('/account')
    const user = (await site.apps[0]!.store.users.findByLogin('eve@example.net'))!
    expect(await factorsOf(user.id)).to.deep.equal(['totp'])
  })
})
