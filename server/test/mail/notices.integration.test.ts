import { expect } from 'chai'
import { Browser, password } from '@nauthera/harness/browser'
import { fetchCode, redeem } from '@nauthera/harness/flows'
import { addPerson } from '@nauthera/harness/server'
import { defaultLimits } from '../../src/users/passwords/lockout.ts'
import { lockedMail } from '../../src/users/notices.ts'
import { createPasswords } from '../../src/users/passwords/passwords.ts'
import type { Mails } from '../../src/mails.ts'
import { ownSource } from '../../src/store/people/user.ts'
import type { User } from '../../src/store/people/user.ts'
import { newPassword, signInPage, startMailSite } from './with-mail.ts'
import type { MailSite } from './with-mail.ts'

describe('notices by mail', () => {
  let site: MailSite
  before(async () => {
    site = await startMailSite({ count: 2 })
  })
  after(() => site.stop())

  const mailsTo = async (username: string): Promise<string[]> => {
    await site.settled()
    return site.box.mails.filter(({ to }) => to.includes(`${username}@example.com`)).map(({ subject }) => subject)
  }

  describe('of a sign-in from a new browser', () => {
    it('comes once for each browser, and not for the first one', async () => {
      await addPerson(site, 'ada')
      const [first, second] = [new Browser(site), new Browser(site)]
      await fetchCode(site, { username: 'ada', browser: first })
      expect(await mailsTo('ada')).to.deep.equal([])
      await fetchCode(site, { username: 'ada', browser: second })
      expect(await mailsTo('ada')).to.deep.equal(['New sign-in to Nauthera'])
      for (const browser of [first, second])
        await fetchCode(site, { username: 'ada', browser, parameters: { prompt: 'login' } })
      expect(await mailsTo('ada')).to.have.length(1)
      const mail = await site.newest('ada@example.com')
      expect(mail!.text).to.contain('127.0.0.1').and.to.contain('Application: Test')
    })

    it('comes again when the browser forgot its cookie, and a cookie that somebody made up is a new browser', async () => {
      await addPerson(site, 'grace')
      await fetchCode(site, { username: 'grace' })
      const browser = new Browser(site)
      await fetchCode(site, { username: 'grace', browser })
      const [key, cookie] = [...browser.jar].find(([, { name }]) => name === 'nauthera_browser')!
      browser.jar.set(key, { ...cookie, value: 'made-up' })
      await fetchCode(site, { username: 'grace', browser, parameters: { prompt: 'login' } })
      expect(await mailsTo('grace')).to.have.length(2)
    })

    it('does not tell one person of the browser of another', async () => {
      await addPerson(site, 'mary')
      await addPerson(site, 'john')
      const shared = new Browser(site)
      await fetchCode(site, { username: 'mary', browser: shared })
      await fetchCode(site, { username: 'john' })
      await fetchCode(site, { username: 'john', browser: shared, parameters: { prompt: 'login' } })
      expect(await mailsTo('mary')).to.deep.equal([])
      expect(await mailsTo('john')).to.have.length(1)
    })

    it('costs no round trip: a sign-in with code exchange takes at most 6, and 3 commits', async () => {
      await addPerson(site, 'joan')
      await fetchCode(site, { username: 'joan' })
      const { database } = site.apps[0]!.store
      const before = database.counters()
      await redeem(site, await fetchCode(site, { username: 'joan' }))
      const after = database.counters()
      expect(after.roundTrips - before.roundTrips).to.be.at.most(6)
      expect(after.commits - before.commits).to.be.at.most(3)
      expect(await mailsTo('joan')).to.have.length(1)
    })
  })

  describe('of a new password', () => {
    const next = { 'new-password': newPassword, 'repeat-password': newPassword }

    /** The mail, in the language that the person chose: it names time and address. */
    async function told(username: string) {
      const mail = (await site.newest(`${username}@example.com`))!
      expect(mail.subject).to.equal('Ihr Passwort für Nauthera wurde geändert')
      expect(mail.text)
        .to.contain('127.0.0.1')
        .and.to.match(/Zeit: .*UTC/)
      expect(mail.html).to.contain('lang="de"').and.contain('127.0.0.1')
    }
    const prefersGerman = (userId: string) => site.apps[0]!.store.preferences.set(userId, { language: 'de' }, [])

    it('comes when the person changed it in the account area', async () => {
      await prefersGerman(await addPerson(site, 'emmy'))
      const browser = new Browser(site)
      const username = 'emmy'
      await browser.submit(await browser.follow('/account'), '/sign-in', { username, password })
      const page = await browser.follow('/account/security/password')
      const done = await browser.submit(page, '/account/security/password', { 'current-password': password, ...next })
      expect(done.body).to.contain('Ihr Passwort ist geändert')
      await told('emmy')
    })

    it('comes when the person had to change it at a sign-in', async () => {
      const { users, credentials } = site.apps[0]!.store
      const userId = await addPerson(site, 'lise')
      await prefersGerman(userId)
      const passwordHash = await createPasswords().hash('set by an administrator')
      await credentials.set(userId, passwordHash, { changeRequired: true, audit: [] })
      const browser = new Browser(site)
      const fields = { username: 'lise', password: 'set by an administrator' }
      const asked = await browser.submit(await signInPage(site, browser), '/sign-in', fields)
      expect(asked.body).to.contain('lang="de"').and.contain('Neues Passwort')
      const end = await browser.submit(asked, '/password', next)
      expect(end.location).to.contain('code=')
      expect((await users.findByLogin('lise'))?.passwordChangeRequired).to.equal(false)
      await told('lise')
    })
  })

  describe('of a locked account', () => {
    it('comes once for each lock, with the address of the last attempt', async () => {
      await addPerson(site, 'vera')
      const browser = new Browser(site)
      const tryOnce = async () => {
        const page = await signInPage(site, browser)
        await browser.submit(page, '/sign-in', { username: 'VERA@example.com', password: 'not the password' })
      }
      for (let count = 1; count < defaultLimits.perAccount; count++) await tryOnce()
      expect(await mailsTo('vera')).to.deep.equal([])
      for (let count = 0; count < 3; count++) await tryOnce()
      expect(await mailsTo('vera')).to.deep.equal(['Your account at Nauthera is locked'])
      const mail = await site.newest('vera@example.com')
      expect(mail!.text).to.contain('locked for 15 minutes').and.to.contain('127.0.0.1')
      expect(mail!.text).to.match(/right password is refused, too[^]*\/forgot\n\nA new password lifts the lock/)
    })

    it('offers a new password only to people whose password is ours', () => {
      const happened = { key: 'k', at: new Date() }
      const pathOf = (source: string) => {
        const mail = lockedMail({ id: 'u', username: 'vera', email: 'v@example.com', source } as User, happened, 15)
        return (mail?.data as Mails['locked'] | undefined)?.path
      }
      expect([ownSource, 'directory'].map(pathOf)).to.deep.equal(['/forgot', undefined])
    })
  })
})
