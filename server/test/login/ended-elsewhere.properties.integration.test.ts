import { expect } from 'chai'
import fc from 'fast-check'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, formOf, pkce } from '@nauthera/harness/browser'
import { deviceGrant, fetchDeviceCode, typeCode } from '@nauthera/harness/device'
import { request } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { forgetUsedCodes, giveApp } from './second-factor-flows.ts'
import type { Shown } from './second-factor-flows.ts'

// A person ends a session from elsewhere, while its browser stands in the middle of an interaction. Whatever that browser does then, it gets
// nothing without a password: ended stays ended, at each replica, whatever its clock says.

const mfa = 'urn:nauthera:mfa'
/** Milliseconds: how far the clock of a replica is from that of the database. */
const offsets = [0, 0, 5_000, -5_000, 4 * 60_000, -4 * 60_000]

interface Person {
  readonly username: string
  readonly userId: string
  readonly browser: Browser
  readonly seed: string
  readonly sessionUid: string
}

const device = {
  ...configs.spa,
  type: 'Native',
  corsOrigins: [],
  redirectUris: [],
  grantTypes: [deviceGrant, 'refresh_token'],
}

/** Where the browser of the session stands, and the form that is left to be sent. */
interface Place {
  stand(person: Person): Promise<Shown>
  readonly form: string
  fields(person: Person, offset: number): Record<string, string>
}

describe('a session that was ended from elsewhere', () => {
  let replicas: ServerReplicas
  let people = 0
  const clocks = [0, 0, 0]
  before(async () => {
    replicas = await startReplicas({ count: 3, clock: (replica) => () => Date.now() + clocks[replica]! })
    const asks = { consent: ConsentMode.EXPLICIT }
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.asks', { ...configs.web, ...asks }),
      entry('app.device', { ...device, ...asks }),
    ])
  })
  after(() => replicas?.stop())

  const store = () => replicas.apps[0]!.store
  const url = (more: Record<string, string>) => authorizationUrl(replicas.issuer, request(pkce(), more))
  const asks = { client_id: 'app.asks' }
  const byBrowser = { response_mode: 'fragment' }

  /** A person with an app, and a browser whose session has proved the password alone. */
  async function signedIn(): Promise<Person> {
    const username = `ended-${people++}`
    const userId = await addPerson(replicas, username)
    const browser = new Browser(replicas)
    await browser.authorize(url({}), username)
    const seed = await giveApp(replicas, userId)
    const [session] = await store().devices.listOfUser(userId)
    return { username, userId, browser, seed, sessionUid: session!.sessionUid }
  }

  const codeOf = ({ seed }: Person, offset: number) => ({ code: codeAt(seed, Date.now() + offset) })
  async function proveCode(person: Person, page: Shown): Promise<Shown> {
    await forgetUsedCodes(replicas)
    return person.browser.submit(page, '/second-factor', codeOf(person, clocks[0]!))
  }
  const typePassword = ({ browser, username }: Person, page: Shown): Promise<Shown> =>
    browser.submit(page, '/sign-in', { username, password })
  const agree = { form: '/consent', fields: () => ({ decision: 'allow' }) }
  const code = { form: '/second-factor', fields: codeOf }
  const follow = ({ browser }: Person, more: Record<string, string>) => browser.follow(url(more))

  const places: Readonly<Record<string, Place>> = {
    'asked for the second factor, in the session': {
      stand: (person) => follow(person, { acr_values: mfa }),
      ...code,
    },
    'asked for consent, after the second factor in the session': {
      stand: async (person) => proveCode(person, await follow(person, { ...asks, acr_values: mfa })),
      ...agree,
    },
    'the same, and the browser itself asks for the way back': {
      stand: async (person) => proveCode(person, await follow(person, { ...asks, ...byBrowser, acr_values: mfa })),
      ...agree,
    },
    'asked for consent, in the session': { stand: (person) => follow(person, asks), ...agree },
    'asked for the second factor, after the account of the session was chosen': {
      stand: async (person) => {
        const page = await follow(person, { acr_values: mfa, prompt: 'select_account' })
        return person.browser.submit(page, '/account', { choice: 'continue' })
      },
      ...code,
    },
    'asked for the second factor, after the password beside the session': {
      stand: async (person) => typePassword(person, await follow(person, { prompt: 'login' })),
      ...code,
    },
    'asked for consent, after password and second factor beside the session': {
      stand: async (person) =>
        proveCode(person, await typePassword(person, await follow(person, { ...asks, prompt: 'login' }))),
      ...agree,
    },
    'asked for the consent to a device, after the second factor in the session': {
      async stand(person) {
        const { user } = await fetchDeviceCode(replicas, { acr_values: mfa })
        const typed = await typeCode(person.browser, user)
        const asked = await person.browser.submit(typed, '/device', { decision: 'allow' })
        return proveCode(person, asked)
      },
      ...agree,
    },
  }

  const notAtAll = 'not at all'
  /** How the session ends, without a new password. */
  const ends: Readonly<Record<string, (person: Person) => Promise<unknown>>> = {
    [notAtAll]: async () => undefined,
    'from another device': ({ sessionUid, userId }) => store().devices.signOut({ sessionUid, userId }, []),
    'by a sign-out in another tab': ({ sessionUid }) => store().devices.endSession(sessionUid),
    'with all sessions': ({ userId }) => store().users.revokeSessions(userId, []),
  }
  const alive = statement<{ grants: number; sessions: number }>(
    'test-alive-of-person',
    `SELECT (SELECT count(*)::integer FROM grants WHERE user_id = $1 AND revoked_at IS NULL) AS grants,
       (SELECT count(*)::integer FROM devices WHERE user_id = $1 AND client_uid = '' AND revoked_at IS NULL) AS sessions`,
  )
  const aliveOf = async ({ userId }: Person) => (await store().database.query(alive, [userId]))[0]!

  const offset = fc.constantFrom(...offsets)
  const cases = fc.record({
    place: fc.constantFrom(...Object.keys(places)),
    end: fc.constantFrom(notAtAll, ...Object.keys(ends)),
    /** Whether the browser still shows the cookie of the session. */
    shows: fc.boolean(),
    /** Whether the form is sent before, and the browser asks for what comes of it afterwards. */
    sentBefore: fc.boolean(),
    replica: fc.nat({ max: 2 }),
    offsets: fc.tuple(offset, offset, offset),
  })
  type Case = typeof cases extends fc.Arbitrary<infer One> ? One : never

  /** @returns whether the person was let in */
  async function walk({ place, end, shows, sentBefore, replica, ...one }: Case): Promise<boolean> {
    clocks.fill(0)
    const person = await signedIn()
    clocks.splice(0, 3, ...one.offsets)
    const { browser } = person
    const { stand, form, fields } = places[place]!
    const page = await stand(person)
    await forgetUsedCodes(replicas)
    const send = () => {
      const { action, fields: hidden } = formOf(page.body, form)
      return browser.open(action, { form: { ...hidden, ...fields(person, clocks[replica]!) }, replica })
    }
    const early = sentBefore ? await send() : undefined
    const before = await aliveOf(person)
    await ends[end]!(person)
    if (!shows) for (const [key, { name }] of browser.jar) if (name.endsWith('session')) browser.jar.delete(key)
    const answer = early ?? (await send())
    const { location = page.url } = answer.headers
    const leads = location.startsWith('https://app.example.com/')
    const last = leads ? { location, body: '' } : await browser.follow(location)
    clocks.fill(0)
    const now = await aliveOf(person)
    const hasCode = /[?#&]code=/.test(last.location ?? '') || last.body.includes('Your device is signed in')
    if (end === notAtAll) {
      expect(now.sessions).to.be.greaterThan(0)
      return hasCode
    }
    // a code that went out before is dead with its grant
    if (!(leads && sentBefore)) expect([hasCode, before.grants]).to.deep.equal([false, 1])
    expect(now).to.deep.equal({ grants: 0, sessions: 0 })
    expect((await browser.follow(url({ prompt: 'none' }))).location).to.contain('error=login_required')
    return hasCode
  }

  it('T5 goes on nowhere: without a password its browser gets no code, no grant and no other session', async () => {
    const count = { letIn: 0, went: 0 }
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const isLetIn = await walk(one)
        if (one.end !== notAtAll || !one.shows) return
        count.went++
        if (isLetIn) count.letIn++
      }),
      { numRuns: propertyRuns(60) },
    )
    // whose session goes on is let in: what refuses everybody would pass the rest
    expect(count.letIn).to.equal(count.went).and.be.greaterThan(0)
  })
})
