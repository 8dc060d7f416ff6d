import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { outcomeOf } from './walk/walked.ts'

// How long a person stays signed in: eight hours without use and a day in all, or thirty days for who wants to be kept signed in.

const hour = 3600
const day = 24 * hour

describe('a session', () => {
  const clock = Date.now
  /** Epoch seconds: it stands still, so that an edge is exact. The servers take this clock when they start. */
  let now = Math.floor(clock() / 1000)
  let replicas: ServerReplicas
  before(async () => {
    // this file may have been read minutes ago, and no server starts whose clock differs so much from that of the database
    now = Math.floor(clock() / 1000)
    Date.now = () => now * 1000
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  beforeEach(() => (now = Math.floor(clock() / 1000)))
  after(async () => {
    Date.now = clock
    await replicas?.stop()
  })

  const url = (more: Record<string, string> = {}) => authorizationUrl(replicas.issuer, request(pkce(), more))
  async function signIn(options: { remember?: boolean } = {}) {
    const browser = new Browser(replicas)
    const back = await browser.authorize(url(), 'ada', options)
    expect(back.searchParams.has('code')).to.equal(true)
    return { browser, start: now }
  }
  /** What an application is told that asks without a page. An answer with a code is a use of the session. */
  async function askedAt(second: number, browser: Browser): Promise<string> {
    now = second
    return outcomeOf(await browser.follow(url({ prompt: 'none' })))
  }
  const sessionOf = (browser: Browser) =>
    [...browser.jar.values()].find(({ name }) => name.endsWith('nauthera_session'))

  for (const [second, outcome] of [
    [8 * hour - 1, 'code'],
    [8 * hour, 'login_required'],
    [8 * hour + 1, 'login_required'],
  ] as const)
    it(`that nobody used for ${second} s, with 8 h as the most, comes to ${outcome}`, async () => {
      const { browser, start } = await signIn()
      expect(await askedAt(start + second, browser)).to.equal(outcome)
    })

  it('lives on with each use, for 8 h from that use', async () => {
    const { browser, start } = await signIn()
    expect(await askedAt(start + 5 * hour, browser)).to.equal('code')
    expect(await askedAt(start + 13 * hour - 1, browser.copy())).to.equal('code')
    expect(await askedAt(start + 13 * hour, browser)).to.equal('login_required')
  })

  for (const [second, outcome] of [
    [day - 1, 'code'],
    [day, 'login_required'],
    [day + 1, 'login_required'],
  ] as const)
    it(`in use, ${second} s after the sign-in, with 24 h as the most, comes to ${outcome}`, async () => {
      const { browser, start } = await signIn()
      for (const used of [7, 14, 21]) expect(await askedAt(start + used * hour, browser)).to.equal('code')
      expect(await askedAt(start + second, browser)).to.equal(outcome)
    })

  for (const used of [false, true])
    for (const [second, outcome] of [
      [30 * day - 1, 'code'],
      [30 * day, 'login_required'],
      [30 * day + 1, 'login_required'],
    ] as const)
      it(`that is kept signed in, ${used ? 'used' : 'not used'}, ${second} s after the sign-in, with 30 d as the most, comes to ${outcome}`, async () => {
        const { browser, start } = await signIn({ remember: true })
        if (used) expect(await askedAt(start + 29 * day, browser)).to.equal('code')
        expect(await askedAt(start + second, browser)).to.equal(outcome)
      })

  it('begins anew with a new sign-in, for a day again', async () => {
    const { browser, start } = await signIn()
    now = start + 7 * hour
    const page = await browser.follow(url({ prompt: 'login' }))
    expect(outcomeOf(page)).to.equal('sign-in')
    await browser.authorize(url({ prompt: 'login' }), 'ada')
    for (const used of [14, 21, 28]) expect(await askedAt(start + used * hour, browser)).to.equal('code')
    expect(await askedAt(start + 31 * hour - 1, browser.copy())).to.equal('code')
    expect(await askedAt(start + 31 * hour, browser)).to.equal('login_required')
  })

  it('ends with the browser, unless it is kept signed in', async () => {
    expect(expiryOf(await linesOf(false))).to.equal(undefined)
    const expires = expiryOf(await linesOf(true))
    expect(Date.parse(expires!) / 1000 - now).to.equal(30 * day)
  })

  /** What the browser is told of its session's cookie, when it is used right after the sign-in. */
  async function linesOf(remember: boolean): Promise<readonly string[]> {
    const { browser } = await signIn({ remember })
    expect(sessionOf(browser)).to.not.equal(undefined)
    const answer = await browser.open(url({ prompt: 'none' }))
    return answer.headers['set-cookie'] ?? []
  }
  const expiryOf = (lines: readonly string[]) => {
    const line = lines.find((one) => /^[^=]*nauthera_session=/.test(one))
    expect(line, lines.join('\n')).to.be.a('string')
    return /expires=([^;]+)/i.exec(line!)?.[1]
  }
})
