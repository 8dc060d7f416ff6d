import { expect } from 'chai'
import { Browser, formOf, password } from '@nauthera/harness/browser'
import { addPerson } from '@nauthera/harness/server'
import { createPeople } from '../../src/store/people/people.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { Invitation } from '../../src/users/links/link-mails.ts'
import { createLinkMails } from '../../src/users/links/link-mails.ts'
import { sourceOf, startTestDirectory } from '../users/ldap/test-directory.ts'
import type { TestDirectory } from '../users/ldap/test-directory.ts'
import { chosen, newPassword, signInPage, startMailSite, winnersOf, wordsOf } from './with-mail.ts'
import type { MailSite } from './with-mail.ts'

const expireLinks = statement('test-expire-join', "UPDATE mail_links SET expires_at = now() - interval '1 second'")
const forgetLimits = statement('test-forget-join', 'DELETE FROM attempts')

describe('accounts by mail', () => {
  let site: MailSite
  let directory: TestDirectory
  before(async () => {
    const registration = { enabled: true, allowedDomains: ['example.com', 'example.org'] }
    directory = await startTestDirectory()
    const sources = [{ id: 'postgres', type: 'postgres' }, sourceOf(directory)]
    site = await startMailSite({ count: 3, settings: { registration, sources } })
  })
  after(async () => {
    await site.stop()
    await directory.stop()
  })
  beforeEach(async () => {
    await site.apps[0]!.store.database.query(forgetLimits)
  })

  const linkMails = () => {
    const { mailLinks } = site.apps[0]!.store
    return createLinkMails({ mailLinks, canChangePassword: () => true })
  }
  const event = { event: 'admin.users.invite', outcome: 'success' } as const
  const invite = (invitation: Invitation) => linkMails().invite(invitation, { audit: [event] })

  const signIn = async (username: string) => {
    const browser = new Browser(site)
    return browser.submit(await signInPage(site, browser), '/sign-in', { username, password: newPassword })
  }

  async function register(email: string) {
    const browser = new Browser(site)
    return browser.submit(await browser.follow('/register'), '/register', { email })
  }

  describe('an invitation', () => {
    it('becomes an account with the groups of the invitation, when the person chooses a password', async () => {
      await invite({ email: 'Ada@example.net', name: 'Ada', groups: ['staff', 'math'], locale: 'de' })
      const { store } = site.apps[1]!
      expect(await store.users.findByLogin('ada@example.net'), 'before').to.equal(undefined)
      const link = await site.linkTo('Ada@example.net')
      expect((await site.newest('Ada@example.net'))!.subject).to.equal('Ihre Einladung zu Nauthera')
      const browser = new Browser(site)
      const page = await browser.follow(link)
      expect(page.body).to.contain('lang="de"').and.to.contain('Ada@example.net')
      const done = await browser.submit(page, link, { ...chosen, name: 'Ada L.' })
      expect(done.url).to.contain('/invitation/done')
      const user = (await store.users.findByLogin('ada@example.net'))!
      expect(user).to.deep.include({ name: 'Ada L.', emailVerified: true, groups: ['math', 'staff'], locale: 'de' })
      expect((await signIn('ada@example.net')).location).to.contain('code=')
      const [created] = await store.audit.search({ event: 'account.created', userId: user.id, limit: 1 })
      expect(created).to.include({ reason: 'invitation' })
    })

    it('L20 of 20 parallel uses over 3 replicas one makes the account', async () => {
      await invite({ email: 'many@example.net' })
      const link = await site.linkTo('many@example.net')
      const { fields } = formOf((await new Browser(site).follow(link)).body, link)
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          new Browser(site).open(link, { replica: at % 3, form: { ...fields, ...chosen, name: `Number ${at}` } }),
        ),
      )
      expect(winnersOf(answers)).to.have.length(1)
      const { people } = await createPeople(site.apps[0]!.store).search({ text: 'many@example.net', limit: 100 })
      expect(people).to.have.length(1)
      expect((await new Browser(site).follow(link)).status).to.equal(400)
    })

    it('L20 ends with another invitation to the same address, and after its time', async () => {
      await invite({ email: 'twice@example.net' })
      const first = await site.linkTo('twice@example.net')
      await invite({ email: 'TWICE@example.net' })
      expect((await new Browser(site).follow(first)).status).to.equal(400)
      const second = await site.linkTo('TWICE@example.net')
      expect((await new Browser(site).follow(second)).status).to.equal(200)
      await site.apps[0]!.store.database.query(expireLinks)
      const gone = await new Browser(site).follow(second)
      expect(gone.status).to.equal(400)
      // nobody has a password yet that could be set anew
      expect(wordsOf(gone)).to.contain('register again').and.not.contain('password')
    })

    it('is refused for an address that somebody has, and ends when somebody gets it', async () => {
      await addPerson(site, 'owner')
      for (const email of ['owner@example.com', 'OWNER@EXAMPLE.COM']) {
        const refusal = await invite({ email }).catch((error: unknown) => error)
        expect(refusal).to.have.property('code', 'EMAIL_TAKEN')
      }
      expect(await invite({ email: 'no address' }).catch((error: unknown) => error)).to.have.property('code')
      await invite({ email: 'late@example.com' })
      const link = await site.linkTo('late@example.com')
      const browser = new Browser(site)
      const page = await browser.follow(link)
      await addPerson(site, 'late')
      expect((await browser.submit(page, link, chosen)).status).to.equal(400)
      const { people } = await createPeople(site.apps[0]!.store).search({ text: 'late@example.com', limit: 100 })
      expect(people).to.have.length(1)
    })

    it('L15 a name is text, on the page and in the account', async () => {
      await invite({ email: 'markup@example.net', name: '<script>alert(1)</script>' })
      const page = await new Browser(site).follow(await site.linkTo('markup@example.net'))
      expect(page.body).to.not.contain('<script>alert')
      expect(page.body).to.contain('&lt;script&gt;')
    })
  })

  describe('a registration', () => {
    it('makes the account only after the link of the mail', async () => {
      const sent = await register('new@example.org')
      const { store } = site.apps[0]!
      expect(wordsOf(sent)).to.contain('Look into your mailbox')
      const link = await site.linkTo('new@example.org')
      expect(await site.apps[0]!.store.users.findByLogin('new@example.org')).to.equal(undefined)
      const browser = new Browser(site)
      await browser.submit(await browser.follow(link), link, { ...chosen, name: 'New' })
      expect((await signIn('new@example.org')).location).to.contain('code=')
      await store.audit.flush()
      const [asked] = await store.audit.search({ event: 'account.registration_requested', limit: 1 })
      expect(asked).to.include({ outcome: 'success', address: '127.0.0.1', userId: undefined })
    })

    it('L4 answers the same when the address has an account; a mail then says so', async () => {
      await addPerson(site, 'known')
      const [known, unknown] = [await register('known@example.com'), await register('unknown@example.com')]
      expect([known.status, known.url, known.body.length]).to.deep.equal([
        unknown.status,
        unknown.url,
        unknown.body.length,
      ])
      expect((await site.newest('known@example.com'))!.subject).to.contain('You already have an account')
      expect((await site.newest('unknown@example.com'))!.subject).to.contain('Complete your registration')
      const { audit } = site.apps[0]!.store
      await Promise.all(site.apps.map(({ store }) => store.audit.flush()))
      const [refused] = await audit.search({ event: 'account.registration_requested', outcome: 'failure', limit: 1 })
      expect(refused).to.include({ reason: 'email-taken' })
      const browser = new Browser(site)
      expect(
        await browser.submit(await signInPage(site, browser), '/sign-in', { username: 'known', password }),
      ).to.have.property('location')
    })

    it('L12 makes no account with the address of a person of a directory who was never here; a mail says how they sign in', async () => {
      const here = (username: string) => ({ username, email: `${username}@example.com`, password, groups: [] })
      await directory.add(here('dora'))
      expect(wordsOf(await register('Dora@example.com'))).to.contain('Look into your mailbox')
      expect((await site.newest('Dora@example.com'))!.text).to.contain('the password of your organisation')
      // and none with a link from before the directory had the person
      await register('emil@example.com')
      const link = await site.linkTo('emil@example.com')
      await directory.add(here('emil'))
      const browser = new Browser(site)
      expect((await browser.submit(await browser.follow(link), link, { ...chosen, name: 'Emil' })).status).to.equal(400)
      const signed = new Browser(site)
      const page = await signInPage(site, signed)
      expect((await signed.submit(page, '/sign-in', { username: 'emil', password })).location).to.contain('code=')
    })

    for (const [email, words] of [
      ['someone@elsewhere.test', 'Only addresses of these domains'],
      ['someone@sub.example.com', 'Only addresses of these domains'],
      ['\u0430dmin@example.com', 'This address mixes alphabets'],
      ['no address', 'Enter an e-mail address'],
      ['a@example.com, b@example.com', 'Enter an e-mail address'],
    ] as const) {
      it(`is refused for "${email}"`, async () => {
        expect(wordsOf(await register(email))).to.contain(words)
      })
    }

    it('is offered on the sign-in page', async () => {
      expect((await signInPage(site, new Browser(site))).body).to.contain('id="register-link" href="/register"')
    })
  })

  describe('the confirmation of an address', () => {
    it('L20 works once, and only for the address that it was sent to', async () => {
      const { store } = site.apps[0]!
      const user = await store.users.insert({ username: 'vic', email: 'vic@example.net' })
      const send = async () => {
        expect(await linkMails().sendVerify(user, { audit: [] })).to.have.property('kind', 'sent')
        return site.linkTo('vic@example.net')
      }
      const [link, late] = [await send(), await send()]
      const browser = new Browser(site)
      const page = await browser.follow(link)
      expect((await store.users.findByLogin('vic'))!.emailVerified, 'after GET').to.equal(false)
      expect((await browser.submit(page, link)).url).to.contain('/verify-email/done')
      expect((await store.users.findByLogin('vic'))!.emailVerified).to.equal(true)
      expect((await browser.submit(page, link)).status).to.equal(400)
      const verified = await store.audit.search({ event: 'email.verified', userId: user.id, limit: 5 })
      expect(verified.map(({ outcome, address }) => [outcome, address])).to.deep.equal([['success', '127.0.0.1']])
      const latePage = await browser.follow(late)
      await store.users.edit(user.id, { email: 'victor@example.net' }, [])
      expect((await browser.submit(latePage, late)).status).to.equal(400)
      expect((await store.users.findByLogin('vic'))!.emailVerified, 'of another address').to.equal(false)
    })
  })
})

describe('without the setting mail', () => {
  let site: MailSite
  before(async () => {
    site = await startMailSite({ settings: { mail: undefined } })
  })
  after(() => site.stop())

  it('nothing is offered that needs a mail, and the page says whom to ask', async () => {
    expect((await signInPage(site, new Browser(site))).body)
      .to.not.contain('forgot-password')
      .and.not.contain('register-link')
    expect(wordsOf(await new Browser(site).follow('/forgot?client=app.web'))).to.contain('Ask the people who run it')
    expect((await new Browser(site).follow('/register')).status).to.equal(404)
  })
})
