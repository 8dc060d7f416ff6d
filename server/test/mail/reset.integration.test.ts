import { expect } from 'chai'
import { randomUUID } from 'node:crypto'
import { Browser, formOf, password, send } from '@nauthera/harness/browser'
import { fetchCode, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import type { Answer } from '@nauthera/harness/browser'
import { addPerson } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { createLinkMails } from '../../src/users/links/link-mails.ts'
import { createLinkTries } from '../../src/users/links/link-requests.ts'
import { mintRecoveryCodes, parseRecoveryCode } from '../../src/users/factors/recovery-codes.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { createPasswords } from '../../src/users/passwords/passwords.ts'
import { giveApp, givePasskey, passkeyChallengeIn } from '../login/second-factor-flows.ts'
import { compareTimes, processorTime } from '../paired-times.ts'
import { chosen, newPassword, signInPage, startMailSite, winnersOf, wordsOf } from './with-mail.ts'
import type { MailSite } from './with-mail.ts'

const expireLinks = statement('test-expire-links', "UPDATE mail_links SET expires_at = now() - interval '1 second'")
const forgetLimits = statement('test-forget-limits', 'DELETE FROM attempts')
const allRows = statement<{ row: string }>(
  'test-all-link-rows',
  'SELECT l::text AS row FROM mail_links l UNION ALL SELECT o::text FROM outbox o UNION ALL SELECT a::text FROM audit a',
)
const makeForeign = statement(
  'test-make-foreign',
  "INSERT INTO user_sources (user_id, source, source_key) VALUES ($1, 'elsewhere', 'key')",
)

const linksTo = statement('test-links-to', 'SELECT kind, used_at IS NULL AS live FROM mail_links WHERE email = $1')

describe('a new password by mail', () => {
  let site: MailSite
  before(async () => {
    site = await startMailSite({ count: 3, settings: { registration: { enabled: true } } })
  })
  after(() => site.stop())
  beforeEach(async () => {
    await site.apps[0]!.store.database.query(forgetLimits)
  })

  const signIn = async (username: string, withPassword: string, browser = new Browser(site)) => {
    const page = await signInPage(site, browser)
    return browser.submit(page, '/sign-in', { username, password: withPassword })
  }

  async function linkFor(username: string): Promise<string> {
    await site.forgot(username)
    return site.linkTo(`${username}@example.com`)
  }

  for (const [sentence, twice] of [
    [
      'its worker died before it was marked as done',
      async (work: () => Promise<unknown>) => [await work(), await work()],
    ],
    ['a slow worker and the next one try it at once', (work: () => Promise<unknown>) => Promise.all([work(), work()])],
  ] as const)
    it(`I1 a request is looked at twice, since ${sentence}: one link, one mail, one event, and the link works`, async () => {
      const { store } = site.apps[0]!
      const username = `twice-${twice.length}-${sentence.length}`
      const person = await addPerson(site, username)
      const [known, fresh] = [`${username}@example.com`, `new-${username}@example.com`]
      const sources = {
        load: (asked: { userId: string }) => store.accounts.load(asked),
        isReserved: async () => false,
      }
      const linkMails = createLinkMails({ ...store, canChangePassword: () => true })
      const tries = createLinkTries({ ...store, sources, linkMails })
      const about = { from: { address: '127.0.0.1' }, languages: [], correlationId: 'c', tries: 1 }
      for (const [kind, payload] of [
        ['reset-request', { login: username, ...about }],
        ['registration-request', { email: fresh, ...about }],
      ] as const) {
        const claimed = { id: randomUUID(), kind, tries: 1, createdAt: new Date(), left: () => 0 }
        await twice(() => tries[kind]({ ...claimed, open: () => payload }))
      }
      await site.settled()
      expect(site.box.mails.filter(({ to }) => to.includes(known))).to.have.length(1)
      expect(site.box.mails.filter(({ to }) => to.includes(fresh))).to.have.length(1)
      expect(await store.database.query(linksTo, [known])).to.deep.equal([{ kind: 'reset', live: true }])
      expect(await store.database.query(linksTo, [fresh])).to.deep.equal([{ kind: 'registration', live: true }])
      await store.audit.flush()
      const events = await store.audit.search({ userId: person, event: 'password.reset_requested', limit: 10 })
      expect(events.map(({ outcome }) => outcome)).to.deep.equal(['success'])
      expect((await new Browser(site).follow(await site.linkTo(known))).body).to.contain('id="new-password"')
      expect((await new Browser(site).follow(await site.linkTo(fresh))).body).to.contain('id="new-password"')
    })

  it('leads from the sign-in page through the mail back to the application', async () => {
    await addPerson(site, 'grace')
    const browser = new Browser(site)
    const signInForm = await signInPage(site, browser)
    const href = /id="forgot-password" href="([^"]+)"/.exec(signInForm.body)![1]!.replaceAll('&amp;', '&')
    const forgot = await browser.follow(href)
    const sent = await browser.submit(forgot, '/forgot', { login: 'Grace' })
    expect(wordsOf(sent)).to.contain('Look into your mailbox')

    const mail = await site.newest('grace@example.com')
    expect(mail!.subject).to.equal('Set a new password for Nauthera')
    expect(mail!.text).to.contain('grace Example').and.to.contain('127.0.0.1')
    const link = await site.linkTo('grace@example.com')
    expect(mail!.html).to.contain(link)

    const page = await browser.follow(link)
    expect(wordsOf(page)).to.contain('grace')
    const done = await browser.submit(page, link, chosen)
    expect(wordsOf(done)).to.contain('Your password is set')
    const onwards = /id="go-on" href="([^"]+)"/.exec(done.body)![1]!
    const waiting = await browser.follow(onwards)
    const back = await browser.submit(waiting, '/sign-in', { username: 'grace', password: newPassword })
    expect(new URL(back.location!).searchParams.get('code')).to.be.a('string')
    expect((await site.newest('grace@example.com'))!.subject).to.equal('Your password for Nauthera was changed')
    expect(wordsOf(await signIn('grace', password))).to.contain('is wrong')
  })

  it('in another browser it leads to the application, by the address that is registered for it', async () => {
    await addPerson(site, 'hedy')
    const first = new Browser(site)
    const forgot = await first.follow('/forgot?client=app.web&sign-in=https%3A%2F%2Fevil.test')
    await first.submit(forgot, '/forgot', { login: 'hedy' })
    const link = await site.linkTo('hedy@example.com')
    const other = new Browser(site)
    const done = await other.submit(await other.follow(link), link, chosen)
    expect(done.body).to.contain('href="https://app.example.com/start"').and.not.contain('evil.test')
  })

  it('ends every earlier session and token, and lifts a lock', async () => {
    await addPerson(site, 'joan')
    const code = await fetchCode(site, { username: 'joan', parameters: { scope: 'openid offline_access' } })
    const tokens = tokensOf(await redeem(site, code))
    const link = await linkFor('joan')
    const browser = new Browser(site)
    await browser.submit(await browser.follow(link), link, chosen)
    expect((await refresh(site, tokens.refresh)).status).to.equal(400)
    expect((await signInPage(site, code.browser)).body).to.contain('id="password"')
  })

  it('L9 who has a second factor proves it before the new password, with a code, a recovery code or a passkey', async () => {
    const { factors, credentials, accounts } = site.apps[0]!.store
    const userId = await addPerson(site, 'barbara')
    const seed = await giveApp(site, userId)
    const passkey = await givePasskey(site, userId)
    const [recoveryCode = ''] = mintRecoveryCodes()
    const { standing } = (await accounts.load({ userId }))!
    await factors.replaceRecoveryCodes({ userId, standing }, [parseRecoveryCode(recoveryCode)!], { audit: [] })
    const next = (n: number) => `${newPassword} ${n}`
    const fields = (n: number) => ({ 'new-password': next(n), 'repeat-password': next(n) })
    type Shown = Answer & { url: string }
    const prove: ((browser: Browser, asked: Shown) => Promise<Shown>)[] = [
      (browser, asked) => browser.submit(asked, '/second-factor', { code: codeAt(seed, Date.now()) }),
      (browser, asked) => browser.submit(asked, '/recovery-code', { 'recovery-code': recoveryCode }),
      (browser, asked) =>
        browser.submit(asked, '/second-passkey', {
          credential: passkey.answer({ challenge: passkeyChallengeIn(asked.body) }),
        }),
    ]
    for (const [n, by] of prove.entries()) {
      const link = await linkFor('barbara')
      const browser = new Browser(site)
      const asked = await browser.follow(link)
      expect(asked.body).to.contain('id="code"').and.not.contain('id="new-password"')
      const before = await credentials.find(userId)
      // the form of the password, without the proof
      const token = formOf(asked.body, '/second-factor').fields['form_token']!
      const without = await browser.follow(link, { form: { form_token: token, proof: 'k1~AAAA', ...fields(n) } })
      expect(without.body).to.contain('id="code"')
      const wrong = await browser.submit(asked, '/second-factor', { code: '000000' })
      expect(wordsOf(wrong)).to.contain('The code is wrong')
      expect(await credentials.find(userId)).to.equal(before)
      const page = await by(browser, await browser.follow(link))
      expect(page.body, String(n)).to.contain('id="new-password"')
      const mistaken = await browser.submit(page, link, { 'new-password': 'short', 'repeat-password': 'short' })
      expect(wordsOf(mistaken)).to.contain('too short')
      expect(wordsOf(await browser.submit(mistaken, link, fields(n)))).to.contain('Your password is set')
      expect(await credentials.find(userId)).not.to.equal(before)
    }
    expect((await factors.of(userId)).map(({ kind }) => kind)).to.deep.equal(['totp', 'passkey'])
  })

  it('the passkey of somebody else is not the second factor', async () => {
    await givePasskey(site, await addPerson(site, 'hilda'))
    const stranger = await givePasskey(site, await addPerson(site, 'mallory'))
    const browser = new Browser(site)
    const asked = await browser.follow(await linkFor('hilda'))
    const credential = stranger.answer({ challenge: passkeyChallengeIn(asked.body) })
    const refused = await browser.submit(asked, '/second-passkey', { credential })
    expect(refused.body).to.contain('id="passkey"').and.not.contain('id="new-password"')
  })

  it('opening the link uses nothing up: mail servers open links, with HEAD and GET', async () => {
    await addPerson(site, 'mary')
    const link = await linkFor('mary')
    for (const method of ['GET', 'HEAD', 'GET'])
      expect((await send(site, { path: link, method, headers: { accept: 'text/html' } })).status).to.equal(200)
    const browser = new Browser(site)
    expect(wordsOf(await browser.submit(await browser.follow(link), link, chosen))).to.contain('Your password is set')
  })

  it('keeps the rules for passwords, and the link stays good after a mistake', async () => {
    await addPerson(site, 'kate')
    const link = await linkFor('kate')
    const browser = new Browser(site)
    for (const [fields, words] of [
      [{ 'new-password': '', 'repeat-password': '' }, 'Enter a new password'],
      [{ 'new-password': newPassword, 'repeat-password': 'other' }, 'are not the same'],
      [{ 'new-password': 'short', 'repeat-password': 'short' }, 'too short'],
      [{ 'new-password': 'kate@example.com', 'repeat-password': 'kate@example.com' }, 'too similar'],
    ] as const) {
      const page = await browser.submit(await browser.follow(link), link, fields)
      expect(wordsOf(page)).to.contain(words)
    }
    expect(wordsOf(await browser.submit(await browser.follow(link), link, chosen))).to.contain('Your password is set')
  })

  it('L20 a link works once', async () => {
    await addPerson(site, 'ida')
    const link = await linkFor('ida')
    const browser = new Browser(site)
    const page = await browser.follow(link)
    expect(wordsOf(await browser.submit(page, link, chosen))).to.contain('Your password is set')
    const again = await browser.submit(page, link, {
      'new-password': 'another of these',
      'repeat-password': 'another of these',
    })
    expect(again.status).to.equal(400)
    expect(wordsOf(again)).to.contain('does not work any more')
    expect((await signIn('ida', newPassword)).location).to.contain('code=')
  })

  it('L20 of 20 parallel uses of one link over 3 replicas one sets the password', async () => {
    const userId = await addPerson(site, 'lise')
    const passwords = createPasswords()
    const link = await linkFor('lise')
    const { fields } = formOf((await new Browser(site).follow(link)).body, link)
    const guesses = Array.from({ length: 20 }, (_, at) => `the password of attempt ${at}`)
    const use = (guess: string, at: number) =>
      new Browser(site).open(link, {
        replica: at % 3,
        form: { ...fields, 'new-password': guess, 'repeat-password': guess },
      })
    const won = winnersOf(await Promise.all(guesses.map(use)))
    expect(won).to.have.length(1)
    const hash = await site.apps[0]!.store.credentials.find(userId)
    const set: number[] = []
    for (const [at, guess] of guesses.entries()) if ((await passwords.verify(hash, guess)).matches) set.push(at)
    expect(set).to.deep.equal(won)
    expect((await new Browser(site).follow(link)).status).to.equal(400)
  })

  it('L20 of two links of one person, the use of one ends the other, at once too', async () => {
    await addPerson(site, 'vera')
    const links = [await linkFor('vera'), await linkFor('vera')]
    expect(links[0]).to.not.equal(links[1])
    const pages = await Promise.all(links.map((link) => new Browser(site).follow(link)))
    const use = (link: string, at: number) =>
      new Browser(site).open(link, { replica: at, form: { ...formOf(pages[at]!.body, link).fields, ...chosen } })
    expect(winnersOf(await Promise.all(links.map(use)))).to.have.length(1)
    for (const link of links) expect((await new Browser(site).follow(link)).status).to.equal(400)
  })

  it('L20 a link ends with a change of the password', async () => {
    const userId = await addPerson(site, 'emmy')
    const link = await linkFor('emmy')
    const { users, credentials } = site.apps[1]!.store
    await users.revokeSessions(userId, [])
    await credentials.set(userId, 'hash', { changeRequired: false, audit: [] })
    expect((await new Browser(site).follow(link)).status).to.equal(400)
  })

  it('L20 a link ends with a change of the address that it was sent to', async () => {
    const userId = await addPerson(site, 'olga')
    const link = await linkFor('olga')
    const browser = new Browser(site)
    const page = await browser.follow(link)
    const { users } = site.apps[1]!.store
    const change = (email: string) => users.edit(userId, { email }, [])
    await change('olga@new.example.com')
    expect((await new Browser(site).follow(link)).status).to.equal(400)
    expect(wordsOf(await browser.submit(page, link, chosen))).to.contain('does not work any more')
    expect((await signIn('olga', password)).location).to.contain('code=')
    await site.forgot('olga')
    const next = await site.linkTo('olga@new.example.com')
    await change('Olga@New.example.com')
    expect(wordsOf(await browser.submit(await browser.follow(next), next, chosen))).to.contain('Your password is set')
  })

  it('L20 no link is made for a mailbox that is no longer the one of the person', async () => {
    const { users, mailLinks } = site.apps[0]!.store
    await addPerson(site, 'ruth')
    const user = (await users.findByLogin('ruth'))!
    await users.edit(user.id, { email: 'ruth@new.example.com' }, [])
    const links = createLinkMails({ mailLinks, canChangePassword: () => true })
    expect(await links.sendReset(user, { onceKey: 'reset-of-ruth', audit: [] })).to.have.property('kind', 'refused')
    expect(await site.newest('ruth@example.com')).to.equal(undefined)
  })

  it('L20 a link ends after its time', async () => {
    await addPerson(site, 'rosa')
    const link = await linkFor('rosa')
    const browser = new Browser(site)
    const page = await browser.follow(link)
    await site.apps[0]!.store.database.query(expireLinks)
    expect((await browser.submit(page, link, chosen)).status).to.equal(400)
    expect((await signIn('rosa', password)).location).to.contain('code=')
  })

  it('L20 a link changes the account that it was sent to and no other, whatever the form says', async () => {
    const [, other] = [await addPerson(site, 'anna'), await addPerson(site, 'berta')]
    const link = await linkFor('anna')
    const browser = new Browser(site)
    const named = { username: 'berta', user: other, userId: other, login: 'berta' }
    await browser.submit(await browser.follow(link), link, { ...chosen, ...named })
    expect((await signIn('berta', password)).location).to.contain('code=')
    expect((await signIn('anna', newPassword)).location).to.contain('code=')
  })

  it('L20 a link of one kind is none of another, and a disabled person has none', async () => {
    const userId = await addPerson(site, 'nora')
    const token = (await linkFor('nora')).split('/').at(-1)!
    for (const path of ['/verify-email', '/invitation', '/register'])
      expect((await new Browser(site).follow(`${path}/${token}`)).status, path).to.be.oneOf([400, 404])
    await site.apps[0]!.store.users.setDisabled(userId, true, [])
    expect((await new Browser(site).follow(`/reset/${token}`)).status).to.equal(400)
  })

  it('L4 the page answers alike, whoever is asked for, and writes as much', async () => {
    const [disabled, foreign] = [await addPerson(site, 'dora'), await addPerson(site, 'fern')]
    await addPerson(site, 'cleo')
    const { store } = site.apps[0]!
    await store.users.setDisabled(disabled, true, [])
    await store.database.query(makeForeign, [foreign])
    await store.users.insert({ username: 'without-mail' })
    const before = site.box.mails.length
    const answers = []
    for (const login of ['cleo', 'cleo@example.com', 'nobody', 'nobody@example.com', 'dora', 'fern', 'without-mail']) {
      const { commits, roundTrips } = store.database.counters()
      const answer = await site.forgot(login)
      const after = store.database.counters()
      answers.push({
        status: answer.status,
        url: answer.url,
        words: wordsOf(answer),
        length: answer.body.length,
        cost: [after.roundTrips - roundTrips >= 1, after.commits - commits >= 1],
      })
      await site.settled()
    }
    for (const answer of answers) expect(answer).to.deep.equal(answers[0])
    const sent = site.box.mails.slice(before).flatMap(({ to }) => to)
    expect(sent).to.deep.equal(['cleo@example.com', 'cleo@example.com'])
    await Promise.all(site.apps.map((app) => app.store.audit.flush()))
    const told = await store.audit.search({ event: 'password.reset_requested', limit: 20 })
    const reasons = told.flatMap(({ reason }) => reason ?? [])
    expect(reasons).to.include.members(['unknown-user', 'disabled'])
  })

  it('L4 the page takes as long for somebody who is not known here as for somebody who is', async () => {
    await addPerson(site, 'lena')
    const { database } = site.apps[0]!.store
    const ask = async (login: string) => {
      // an address may ask ten times; both kinds pay for it
      await database.query(forgetLimits)
      expect((await site.forgot(login)).status).to.equal(200)
    }
    const { differences } = await compareTimes(
      { unknown: (round) => ask(`nobody-${round}`), known: () => ask('lena') },
      { withinMs: 5, now: processorTime },
    )
    expect(Math.abs(differences['unknown - known']!)).to.be.below(5)
    await site.settled()
  }).timeout(180_000)

  it('L6 one person gets 3 mails an hour, and one address asks 10 times in 15 minutes', async () => {
    await addPerson(site, 'tess')
    const before = site.box.mails.length
    for (let count = 0; count < 10; count++) expect((await site.forgot('tess')).status).to.equal(200)
    const refused = await site.forgot('somebody-else')
    expect(refused.status).to.equal(429)
    expect(refused.headers['retry-after']).to.equal('900')
    await site.settled()
    expect(site.box.mails.slice(before)).to.have.length(3)
  })

  it('L1 a form of another site or without its token is refused', async () => {
    const { fields } = formOf((await new Browser(site).follow('/forgot')).body, '/forgot')
    const post = (form: Record<string, string>, headers: Record<string, string>) =>
      send(site, { path: '/forgot', form, headers })
    expect((await post({ ...fields, login: 'x' }, { origin: 'https://evil.test' })).status).to.equal(403)
    expect((await post({ login: 'x' }, { origin: site.issuer })).status).to.equal(403)
  })

  it('L1 a form of a page for everybody is of one browser: to forget a password, to register, to enter a code', async () => {
    for (const path of ['/forgot', '/register', '/device']) {
      const [own, other] = [new Browser(site), new Browser(site)]
      const page = await own.follow(path)
      const tokens = [page, await other.follow(path)].map(({ body }) => formOf(body, path).fields['form_token'])
      expect(tokens[0], path).to.not.equal(tokens[1])
      const form = { ...formOf(page.body, path).fields, login: 'x', email: 'x', 'user-code': 'x' }
      expect((await other.follow(path, { form })).status, path).to.equal(403)
      expect((await send(site, { path, form, headers: { origin: site.issuer } })).status, path).to.equal(403)
      expect((await own.follow(path, { form })).status, path).to.be.below(400)
      // a page that is open in another tab goes on
      await own.follow(path)
      expect((await own.follow(path, { form })).status, path).to.be.below(400)
    }
  })

  it('the page does not wait for the mail server', async () => {
    await addPerson(site, 'wilma')
    site.box.behave('hold')
    const before = site.box.mails.length
    const answer = await site.forgot('wilma')
    expect(answer.status).to.equal(200)
    await site.box.held()
    expect(site.box.mails).to.have.length(before + 1)
    site.box.release()
    await site.settled()
    expect(site.box.mails).to.have.length(before + 1)
  })

  it('leaves the token of a link nowhere but in the mail', async () => {
    await addPerson(site, 'uma')
    const link = await linkFor('uma')
    const token = link.split('/').at(-1)!
    const browser = new Browser(site)
    await browser.submit(await browser.follow(link), link, chosen)
    await site.settled()
    const { store } = site.apps[0]!
    await store.audit.flush()
    const rows = await store.database.query(allRows)
    expect(rows.length).to.be.greaterThan(3)
    for (const text of [...rows.map(({ row }) => row), ...site.lines]) expect(text).to.not.contain(token)
  })
})
