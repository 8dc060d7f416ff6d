import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, formOf, pkce } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { configs, entry, password, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { createPasswords } from '../../src/users/passwords/passwords.ts'
import { seedIn } from './second-factor-flows.ts'

// Somebody keeps a page of a sign-in open. Meanwhile the password, the sessions, the account or the client changes. The password that
// was given before must not count any more.

const passwords = createPasswords()
const own = 'four words that ada chose'
const evil = 'four words of the thief'
/** A mode in which the browser itself asks for the way back to the client, so that something can happen before it does. */
const byBrowser = { response_mode: 'fragment' }

describe('a sign-in whose page is kept open', function () {
  let server: ServerReplicas
  let people = 0
  const asks = { ...configs.web, consent: ConsentMode.REMEMBER }
  const present = [entry('app.web', configs.web), entry('app.asks', asks)]
  before(async () => {
    server = await startReplicas({ count: 2 })
    await server.serve(present)
  })
  after(async () => {
    await server?.stop()
  })

  const store = () => server.apps[1]!.store
  const addPerson = async (about: { passwordChangeRequired?: boolean } = {}) =>
    store().users.insert({ username: `held-${people++}`, passwordHash: await passwords.hash(password), ...about })
  const setPassword = async (userId: string, next: string, changeRequired = false) =>
    store().credentials.set(userId, await passwords.hash(next), { changeRequired, audit: [] })
  const isPassword = async (userId: string, word: string) =>
    (await passwords.verify(await store().credentials.find(userId), word)).matches
  const url = (more: Record<string, string> = {}, proof = pkce()) =>
    authorizationUrl(server.issuer, request(proof, more))

  /** Signs in with the password, and stops at the page that follows. */
  async function hold(username: string, more: Record<string, string> = {}, browser = new Browser(server)) {
    const proof = pkce()
    const page = await browser.follow(url(more, proof))
    return { browser, proof, page: await browser.submit(page, '/sign-in', { username, password }) }
  }
  type Held = Awaited<ReturnType<typeof hold>>
  const choose = ({ browser, page }: Held, word: string, replica = 0): Promise<Answer> => {
    const { action, fields } = formOf(page.body, '/password')
    return browser.open(action, { replica, form: { ...fields, 'new-password': word, 'repeat-password': word } })
  }

  describe('with a password that must be changed', () => {
    const meanwhile: [string, (userId: string, username: string) => Promise<unknown>, string][] = [
      ['the person chose their own password', async (_, username) => choose(await hold(username), own), own],
      ['an administrator set another password', (userId) => setPassword(userId, own, true), own],
      ['the sessions were ended', (userId) => store().users.revokeSessions(userId, []), password],
      ['the account was disabled', (userId) => store().users.setDisabled(userId, true, []), password],
      [
        'the account was disabled and enabled',
        async (userId) => {
          await store().users.setDisabled(userId, true, [])
          await store().users.setDisabled(userId, false, [])
        },
        password,
      ],
    ]
    for (const [what, happen, present] of meanwhile) {
      it(`L9 takes no new password from the open page after ${what}`, async () => {
        const { id, username } = await addPerson({ passwordChangeRequired: true })
        const thief = await hold(username)
        await happen(id, username)
        const answer = await choose(thief, evil, 1)
        expect(answer.status).to.equal(400)
        expect(answer.body).to.contain('SIGN_IN_ENDED')
        expect([await isPassword(id, evil), await isPassword(id, present)]).to.deep.equal([false, true])
        expect((await thief.browser.open(thief.page.url)).body).to.contain('id="password"')
      })
    }

    it('L4 does not tell whether a guess is the password that the person chose', async () => {
      const { username } = await addPerson({ passwordChangeRequired: true })
      const thief = await hold(username)
      const copy = { ...thief, browser: thief.browser.copy() }
      await choose(await hold(username), own)
      const answers = [await choose(thief, own), await choose(copy, evil)]
      expect(answers.map(({ status }) => status)).to.deep.equal([400, 400])
    })

    it('takes exactly one of several new passwords that are sent at the same time', async () => {
      const { id, username } = await addPerson({ passwordChangeRequired: true })
      const words = Array.from({ length: 6 }, (_, n) => `${own}, the number ${n}`)
      const held: Held[] = []
      for (const _ of words) held.push(await hold(username))
      const answers = await Promise.all(words.map((word, n) => choose(held[n]!, word, n % 2)))
      expect(answers.map(({ status }) => status)).to.have.members([303, 400, 400, 400, 400, 400])
      expect(await isPassword(id, words[answers.findIndex(({ status }) => status === 303)]!)).to.equal(true)
    })

    it('lets the person who chooses the new password go on: their tokens and their session work', async () => {
      const { username } = await addPerson({ passwordChangeRequired: true })
      const held = await hold(username)
      const back = await choose(held, own)
      const code = { value: new URL(back.headers.location!).searchParams.get('code')!, proof: held.proof }
      const tokens = tokensOf(await redeem(server, code, { replica: 1 }))
      expect((await refresh(server, tokens.refresh)).status).to.equal(200)
      expect((await held.browser.follow(url({ prompt: 'none' }))).location).to.contain('code=nr_')
    })
  })

  const ends: [string, (userId: string) => Promise<unknown>][] = [
    ['a new password was set', (userId) => setPassword(userId, own)],
    ['the sessions were ended', (userId) => store().users.revokeSessions(userId, [])],
    ['the account was disabled', (userId) => store().users.setDisabled(userId, true, [])],
  ]
  const agree = ({ browser, page }: Held): Promise<Answer> => {
    const { action, fields } = formOf(page.body, '/consent')
    return browser.open(action, { form: { ...fields, decision: 'allow', remember: 'on' }, replica: 1 })
  }
  const rowsOf = async (userId: string) => {
    const rows = statement<Record<string, number>>(
      'test-rows-of',
      `SELECT (SELECT count(*) FROM grants WHERE user_id = $1 AND revoked_at IS NULL) AS grants,
         (SELECT count(*) FROM devices WHERE user_id = $1 AND revoked_at IS NULL) AS devices,
         (SELECT count(*) FROM consents WHERE user_id = $1) AS consents`,
    )
    return (await store().database.query(rows, [userId]))[0]
  }

  for (const [what, happen] of ends) {
    for (const place of ['the consent page', 'the way back to the client'] as const) {
      it(`T5 on ${place}: gives nothing once ${what}; the person signs in again and is told why`, async () => {
        const { id, username } = await addPerson()
        const held = await hold(username, {
          client_id: 'app.asks',
          scope: 'openid offline_access',
          prompt: 'consent',
          ...byBrowser,
        })
        let agreed = place === 'the consent page' ? undefined : await agree(held)
        await happen(id)
        agreed ??= await agree(held)
        const page = await held.browser.follow(agreed.headers.location!)
        expect([page.status, page.location]).to.deep.equal([200, undefined])
        expect(page.body).to.contain('id="password"').and.contain('Your session has ended')
        expect(await rowsOf(id)).to.deep.equal({ grants: 0, devices: 0, consents: 0 })
        const silent = await held.browser.follow(url({ prompt: 'none' }))
        expect(silent.location).to.contain('error=login_required')
      })
    }
  }

  it('T5 gives nothing once a new password was set, when no page comes between password and client', async () => {
    const { id, username } = await addPerson()
    const browser = new Browser(server)
    const { action, fields } = formOf((await browser.follow(url(byBrowser))).body, '/sign-in')
    const proved = await browser.open(action, { form: { ...fields, username, password } })
    await setPassword(id, own)
    const page = await browser.follow(proved.headers.location!)
    expect([page.status, page.location]).to.deep.equal([200, undefined])
    expect(await rowsOf(id)).to.include({ grants: 0, devices: 0 })
    const again = await browser.submit(page, '/sign-in', { username, password: own })
    expect(again.location).to.contain('code=nr_')
  })

  it('asks for consent again when the sign-in in which it was given was stopped', async () => {
    const { id, username } = await addPerson()
    const held = await hold(username, { client_id: 'app.asks', ...byBrowser })
    const agreed = await agree(held)
    await setPassword(id, own)
    const page = await held.browser.follow(agreed.headers.location!)
    const next = await held.browser.submit(page, '/sign-in', { username, password: own })
    expect(next.body).to.contain('id="consent-allow"')
    expect(await rowsOf(id)).to.include({ consents: 0 })
  })

  it('T5 gives nothing to a session that was open before, once all sessions were ended', async () => {
    const { id, username } = await addPerson()
    const browser = new Browser(server)
    await browser.authorize(url(), username)
    const asked = { client_id: 'app.asks', scope: 'openid offline_access', prompt: 'consent', ...byBrowser }
    const page = await browser.follow(url(asked))
    const agreed = await agree({ browser, page, proof: pkce() })
    await store().users.revokeSessions(id, [])
    const back = await browser.follow(agreed.headers.location!)
    expect([back.status, back.location]).to.deep.equal([200, undefined])
    expect(await rowsOf(id)).to.deep.equal({ grants: 0, devices: 0, consents: 0 })
  })

  it('L9 sets up no second factor once the session ended beside which the password was given', async () => {
    const { id, username } = await addPerson()
    const browser = new Browser(server)
    await browser.authorize(url(), username)
    const [session] = await store().devices.listOfUser(id)
    const held = await hold(username, { prompt: 'login', acr_values: 'urn:nauthera:mfa' }, browser)
    const app = await browser.submit(held.page, '/set-up')
    await store().devices.signOut({ sessionUid: session!.sessionUid, userId: id }, [])
    const code = codeAt(seedIn(app.body), Date.now())
    const after = await browser.submit(app, '/set-up-app', { code })
    expect(after.body).to.contain('id="password"').and.contain('Your session has ended')
    expect(await store().factors.of(id)).to.deep.equal([])
    // with the password it goes on
    const again = await browser.submit(after, '/sign-in', { username, password })
    const shown = await browser.submit(again, '/set-up')
    const done = await browser.submit(shown, '/set-up-app', { code: codeAt(seedIn(shown.body), Date.now()) })
    expect((await browser.submit(done, '/codes-saved')).location).to.contain('code=nr_')
  })

  it('ends the session of another person in the browser when it succeeds, and not when it is stopped', async () => {
    const [former, next] = [await addPerson(), await addPerson()]
    const browser = new Browser(server)
    await browser.authorize(url(), former.username)
    const asked = { client_id: 'app.asks', prompt: 'login' }
    const stopped = await hold(next.username, asked, browser)
    await store().users.revokeSessions(next.id, [])
    const page = await browser.follow((await agree(stopped)).headers.location!)
    expect(page.body).to.contain('id="password"')
    expect(await rowsOf(former.id)).to.include({ devices: 2 })
    expect(await rowsOf(next.id)).to.include({ devices: 0 })
    // the browser has nobody's session now, and another one of the former person shows the rest
    const other = new Browser(server)
    await other.authorize(url(), former.username)
    const held = await hold(next.username, asked, other)
    const { location } = await other.follow((await agree(held)).headers.location!)
    expect(location).to.contain('code=nr_')
    expect(await rowsOf(former.id)).to.include({ devices: 2 })
    await store().audit.flush()
    const ended = await store().audit.search({ userId: former.id, event: 'session.ended', limit: 9 })
    expect(ended.map(({ reason }) => reason)).to.deep.equal(['another account'])
  })

  describe('for a client that changes meanwhile', () => {
    const there = 'https://app.example.com/there'
    const native = { ...configs.spa, type: 'Native', consent: ConsentMode.REMEMBER, corsOrigins: [] }
    const changes: [string, Record<string, string>, ReturnType<typeof entry>, ReturnType<typeof entry>?][] = [
      [
        'A1 a client whose redirect URI is not registered any more',
        {},
        entry('app.held', { ...asks, redirectUris: [redirectUri, there] }),
        entry('app.held', { ...asks, redirectUris: [there] }),
      ],
      [
        'A1 a client whose loopback address is not registered any more',
        { redirect_uri: 'http://127.0.0.1:51004/callback' },
        entry('app.held', { ...native, redirectUris: ['http://127.0.0.1/callback', 'com.example.app:/callback'] }),
        entry('app.held', { ...native, redirectUris: ['com.example.app:/callback'] }),
      ],
      [
        'L10 a client whose id belongs to another one now',
        {},
        entry('app.held', asks),
        entry('app.held', asks, { uid: 'uid-of-the-successor' }),
      ],
      ['a client that is suspended', {}, entry('app.held', asks), entry('app.held', { ...asks, suspended: true })],
      ['a client that is deleted', {}, entry('app.held', asks)],
    ]
    for (const [what, parameters, before, after] of changes) {
      for (const place of ['on the consent page', 'on the way back'] as const) {
        it(`${what}, ${place}: ends the sign-in and remembers nothing`, async () => {
          await server.serve([...present, before])
          const { id, username } = await addPerson()
          const held = await hold(username, { client_id: 'app.held', ...parameters, ...byBrowser })
          const agreed = place === 'on the way back' ? await agree(held) : undefined
          await server.serve([...present, ...(after ? [after] : [])])
          const answer = agreed ? await held.browser.open(agreed.headers.location!) : await agree(held)
          expect(answer.headers.location).to.equal(undefined)
          expect(answer.body).to.contain('INTERACTION_EXPIRED')
          expect(await rowsOf(id)).to.deep.equal({ grants: 0, devices: 0, consents: 0 })
        })
      }
    }

    it('goes on when the change does not concern this sign-in', async () => {
      await server.serve([...present, entry('app.held', asks)])
      const held = await hold((await addPerson()).username, { client_id: 'app.held' })
      await server.serve([...present, entry('app.held', { ...asks, redirectUris: [there, redirectUri] })])
      expect((await agree(held)).headers.location).to.contain('code=nr_')
    })

    it('goes on at any port of the loopback address', async () => {
      await server.serve([...present, entry('app.held', { ...native, redirectUris: ['http://127.0.0.1/callback'] })])
      const redirect_uri = 'http://127.0.0.1:51004/callback'
      const held = await hold((await addPerson()).username, { client_id: 'app.held', redirect_uri })
      expect((await agree(held)).headers.location).to.contain(`${redirect_uri}?code=nr_`)
    })
  })
})
