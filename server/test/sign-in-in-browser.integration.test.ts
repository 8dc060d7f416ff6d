import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { expect } from 'chai'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { findAxeViolations, startChromium, watchPage } from '@nauthera/harness/chromium'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { createPasswords } from '../src/users/passwords/passwords.ts'
import { configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const clientId = 'team-a.reports'

interface Person {
  readonly id: string
  readonly username: string
  readonly email: string
  readonly password: string
}

/** A client that shows what was sent to its callback. */
interface FixtureRelyingParty {
  readonly origin: string
  readonly callback: string
  /** What came to the callback last, by query or by form. */
  last(): URLSearchParams
  stop(): Promise<void>
}

async function startRelyingParty(): Promise<FixtureRelyingParty> {
  let last = new URLSearchParams()
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      if (url.pathname === '/callback') {
        last = request.method === 'POST' ? new URLSearchParams(Buffer.concat(parts).toString()) : url.searchParams
      }
      response.setHeader('content-type', 'text/html').end(`<title>At the client ${url.pathname}</title>`)
    })
  })
  const origin = `http://127.0.0.1:${await listenOnLoopback(server)}`
  return {
    origin,
    callback: `${origin}/callback`,
    last: () => last,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Where the client says that a person can begin; nobody goes there. */
const startPage = 'https://reports.example.test/'

describe('signing in with a browser', function () {
  let browser: Browser
  let server: ServerReplicas
  let party: FixtureRelyingParty
  let person: Person
  let context: BrowserContext
  let page: Page

  before(async function () {
    browser = await startChromium(this)
    party = await startRelyingParty()
    server = await startReplicas()
    const config = {
      ...configs.spa,
      clientName: 'Expense Reports',
      redirectUris: [party.callback],
      postLogoutRedirectUris: [`${party.origin}/goodbye`],
      responseModes: ['query', 'form_post'],
      clientUri: startPage,
      consent: ConsentMode.REMEMBER,
    }
    await server.serve([entry(clientId, config)])
    person = await addPerson()
  })
  after(async () => {
    await browser?.close()
    await server?.stop()
    await party?.stop()
  })
  beforeEach(async () => {
    context = await browser.newContext({ locale: 'en', javaScriptEnabled: false })
    page = await context.newPage()
  })
  afterEach(() => context?.close())

  const addPerson = async (about: { name?: string; passwordChangeRequired?: boolean } = {}): Promise<Person> => {
    const username = `person-${randomBytes(4).toString('hex')}`
    const email = `${username}@example.com`
    const password = 'four words in a row'
    const passwordHash = await createPasswords().hash(password)
    const store = server.apps[0]!.store
    const { id } = await store.users.insert({ username, email, name: 'Ada Lovelace', passwordHash, ...about })
    return { id, username, email, password }
  }

  const verifier = randomBytes(32).toString('base64url')
  const requestUrl = (more: Record<string, string> = {}): string => {
    const query = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: party.callback,
      scope: 'openid profile email',
      state: 'the-state',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    })
    return `${server.issuer}/authorize?${query}`
  }
  const signIn = async (username: string, password: string): Promise<void> => {
    await page.fill('#username', username)
    await page.fill('#password', password)
    await page.click('#sign-in')
  }
  const redeem = async (code: string): Promise<Record<string, unknown>> => {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      redirect_uri: party.callback,
      code_verifier: verifier,
    })
    const answer = await fetch(`${server.issuer}/token`, { method: 'POST', body })
    expect(answer.status, await answer.clone().text()).to.equal(200)
    return (await answer.json()) as Record<string, unknown>
  }

  it('works without JavaScript: password, consent, back at the client with a code that gives tokens', async () => {
    const seen = watchPage(page, server.issuer)
    await page.goto(requestUrl())
    expect(await page.title()).to.equal('Sign in · Nauthera')
    expect(await page.textContent('main')).to.contain('Expense Reports')
    await signIn(person.username, person.password)
    expect(await page.title()).to.equal('Allow access for Expense Reports? · Nauthera')
    expect(await page.textContent('main'))
      .to.contain('Ada Lovelace')
      .and.contain('See your e-mail address')
    await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    expect(seen.complaints).to.deep.equal([])
    expect(party.last().get('state')).to.equal('the-state')
    expect(party.last().get('iss')).to.equal(server.issuer)
    const tokens = await redeem(party.last().get('code') ?? '')
    expect(tokens).to.include.keys('id_token', 'access_token')

    // single sign-on: the same browser is not asked again
    await page.goto(requestUrl({ state: 'second' }))
    await page.waitForURL(`${party.callback}**`)
    expect(party.last().get('state')).to.equal('second')
  })

  it('shows the same message for a wrong password and an unknown user, and the right password works afterwards', async () => {
    await page.goto(requestUrl())
    const texts: string[] = []
    for (const username of [person.username, 'nobody']) {
      await signIn(username, 'not the password')
      expect(await page.title()).to.equal('Error: Sign in · Nauthera')
      texts.push((await page.textContent('[role=alert]')) ?? '')
      expect(await page.inputValue('#username')).to.equal(username)
      expect(await page.inputValue('#password')).to.equal('')
    }
    expect(new Set(texts).size).to.equal(1)
    await signIn(person.email.toUpperCase(), person.password)
    await page.waitForURL(/callback|interaction/)
    expect(await page.title()).not.to.contain('Error')
  })

  it('goes back to the client with access_denied when the person cancels or refuses consent', async () => {
    const other = await addPerson()
    await page.goto(requestUrl())
    await page.click('#cancel')
    await page.waitForURL(`${party.callback}**`)
    expect(party.last().get('error')).to.equal('access_denied')
    await page.goto(requestUrl())
    await signIn(other.username, other.password)
    await page.click('#consent-deny')
    await page.waitForURL(`${party.callback}**`)
    expect(party.last().get('error')).to.equal('access_denied')
    expect(party.last().get('iss')).to.equal(server.issuer)
  })

  it('switches to another account from the consent page', async () => {
    const [first, second] = [await addPerson({ name: 'First Person' }), await addPerson({ name: 'Second Person' })]
    await page.goto(requestUrl())
    await signIn(first.username, first.password)
    expect(await page.textContent('main')).to.contain('First Person')
    await page.click('#switch-account')
    await signIn(second.username, second.password)
    expect(await page.textContent('main')).to.contain('Second Person')
    await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    const { id_token: idToken } = await redeem(party.last().get('code') ?? '')
    const claims = JSON.parse(Buffer.from(String(idToken).split('.')[1] ?? '', 'base64url').toString()) as {
      sub: string
    }
    expect(claims.sub).to.equal(second.id)
  })

  it('lets the person continue with the current account or use another one', async () => {
    const [first, second] = [await addPerson({ name: 'First Person' }), await addPerson({ name: 'Second Person' })]
    await page.goto(requestUrl())
    await signIn(first.username, first.password)
    await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    await page.goto(requestUrl({ prompt: 'select_account', state: 'same' }))
    expect(await page.textContent('#account-continue')).to.contain('First Person')
    await page.click('#account-continue')
    await page.waitForURL(`${party.callback}**`)
    expect(party.last().get('state')).to.equal('same')
    expect(party.last().has('code')).to.equal(true)
    await page.goto(requestUrl({ prompt: 'select_account', state: 'other' }))
    await page.click('#account-other')
    await signIn(second.username, second.password)
    await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    expect(party.last().get('state')).to.equal('other')
    expect(party.last().has('code')).to.equal(true)
  })

  it('asks for a new password first when an administrator set the current one', async () => {
    const fresh = await addPerson({ passwordChangeRequired: true })
    await page.goto(requestUrl())
    await signIn(fresh.username, fresh.password)
    expect(await page.title()).to.equal('Choose a new password · Nauthera')
    await page.fill('#new-password', 'five other words in it')
    await page.fill('#repeat-password', 'five other words')
    await page.click('#change-password')
    expect(await page.title()).to.equal('Error: Choose a new password · Nauthera')
    await page.fill('#new-password', 'five other words in it')
    await page.fill('#repeat-password', 'five other words in it')
    await page.click('#change-password')
    await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    await redeem(party.last().get('code') ?? '')
  })

  it('shows a page with a link to the client when the person goes back after the sign-in', async () => {
    const other = await addPerson()
    await page.goto(requestUrl())
    const signInPage = page.url()
    await signIn(other.username, other.password)
    await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    const answer = await page.goto(signInPage)
    expect(answer?.status()).to.equal(400)
    expect(await page.textContent('h1')).to.equal('This sign-in is already complete')
    expect(await page.getAttribute('#start-again', 'href')).to.equal(startPage)
  })

  it('L1 shows another browser nothing of an interaction', async () => {
    await page.goto(requestUrl())
    const stranger = await browser.newContext({ javaScriptEnabled: false })
    const theirs = await stranger.newPage()
    const answer = await theirs.goto(page.url())
    expect(answer?.status()).to.equal(403)
    expect(await theirs.textContent('main')).not.to.contain('Expense Reports')
    await stranger.close()
    await signIn(person.username, person.password)
    expect(await page.title()).not.to.contain('Error')
  })

  it('signs out after asking, and the next request asks for a password', async () => {
    await page.goto(requestUrl())
    await signIn(person.username, person.password)
    if (page.url().startsWith(server.issuer)) await page.click('#consent-allow')
    await page.waitForURL(`${party.callback}**`)
    const { id_token: idToken } = await redeem(party.last().get('code') ?? '')
    const query = new URLSearchParams({
      id_token_hint: String(idToken),
      post_logout_redirect_uri: `${party.origin}/goodbye`,
      state: 'bye',
    })
    await page.goto(`${server.issuer}/logout?${query}`)
    expect(await page.title()).to.equal('Sign out? · Nauthera')
    await page.click('#logout-confirm')
    await page.waitForURL(`${party.origin}/goodbye?state=bye`)
    await page.goto(requestUrl())
    expect(await page.title()).to.equal('Sign in · Nauthera')
  })

  it('shows the pages in the language that the request asks for', async () => {
    await page.goto(requestUrl({ ui_locales: 'de-CH de' }))
    expect(await page.title()).to.equal('Anmelden · Nauthera')
    expect(await page.getAttribute('html', 'lang')).to.equal('de')
  })

  it('A1 A8 shows an error page, without HTML from the request, when the redirect URI is not registered', async () => {
    const wrong = `${party.origin}/elsewhere"><script>alert(1)</script>`
    const answer = await page.goto(requestUrl({ redirect_uri: wrong, state: '<script>alert(1)</script>' }))
    expect(answer?.status()).to.equal(400)
    expect(new URL(page.url()).origin).to.equal(server.issuer)
    expect(await page.textContent('#error-code')).to.equal('invalid_redirect_uri')
    expect(await answer?.text()).not.to.contain('<script')
    expect(await page.textContent('#correlation-id')).to.equal(answer?.headers()['x-correlation-id'])
  })

  for (const locale of ['en', 'de'])
    it(`passes the accessibility checks of axe on every page that it sends, in ${locale}`, async () => {
      const other = await addPerson()
      const scripted = await browser.newContext({ locale })
      page = await scripted.newPage()
      const checked: string[] = []
      const check = async () => {
        checked.push(await page.title())
        expect(await page.getAttribute('html', 'lang')).to.equal(locale)
        expect(await findAxeViolations(page), await page.title()).to.deep.equal([])
      }
      await page.goto(requestUrl())
      const signInPage = page.url()
      await check()
      await signIn(other.username, 'not the password')
      await check()
      await signIn(other.username, other.password)
      await check()
      await page.click('#consent-allow')
      await page.waitForURL(`${party.callback}**`)
      await page.goto(signInPage)
      await check()
      await page.goto(`${server.issuer}/logout`)
      await check()
      await page.click('#logout-confirm')
      await check()
      await page.goto(`${server.issuer}/no-such-page`)
      await check()
      expect(new Set(checked).size).to.equal(7)
      await scripted.close()
    })

  it('answers with form_post too, when the browser runs scripts', async () => {
    const scripted = await browser.newContext({ locale: 'en' })
    page = await scripted.newPage()
    const seen = watchPage(page, server.issuer)
    await page.goto(requestUrl({ response_mode: 'form_post', state: 'by-form' }))
    await signIn(person.username, person.password)
    await page.waitForURL(/callback|interaction/)
    if (page.url().startsWith(server.issuer)) await page.click('#consent-allow')
    await page.waitForURL(party.callback)
    expect(party.last().get('state')).to.equal('by-form')
    expect(party.last().has('code')).to.equal(true)
    expect(seen.complaints).to.deep.equal([])
    await scripted.close()
  })
})
