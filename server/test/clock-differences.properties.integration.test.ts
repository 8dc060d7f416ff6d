import { expect } from 'chai'
import fc from 'fast-check'
import { Browser, authorizationUrl, formOf, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../src/store/driver/database.ts'
import { mintLinkToken } from '../src/store/people/link-token.ts'
import { mintRecoveryCodes, parseRecoveryCode } from '../src/users/factors/recovery-codes.ts'
import { giveApp, givePasskey, passkeyChallengeIn } from './login/second-factor-flows.ts'

// Clocks of replicas differ by seconds. What one has just made is young for each other one.

const insertReset = statement(
  'test-insert-reset-of-clocks',
  `INSERT INTO mail_links (token_hash, kind, user_id, email, standing, expires_at)
   SELECT $2, 'reset', u.id, u.canonical_email, (u.sessions_valid_after AT TIME ZONE 'UTC')::text, now() + interval '1 hour' FROM users u WHERE u.id = $1`,
)

describe('replicas whose clocks differ by up to ten seconds', () => {
  let replicas: ServerReplicas
  let people = 0
  const clocks = [0, 0, 0]
  before(async () => {
    replicas = await startReplicas({ count: 3, clock: (replica) => () => Date.now() + clocks[replica]! })
    await replicas.serve([entry('app.web', configs.web)])
  })
  after(() => replicas?.stop())

  async function someone() {
    const userId = await addPerson(replicas, `clock-${people++}`)
    const passkey = await givePasskey(replicas, userId)
    return { userId, passkey, browser: new Browser(replicas) }
  }

  /** A passkey, offered by one replica and checked by another. */
  async function signIn([offers, checks]: readonly number[]): Promise<boolean> {
    const { browser, passkey } = await someone()
    const { pathname, search } = new URL(authorizationUrl(replicas.issuer, request(pkce())))
    const begun = await browser.open(pathname + search, { replica: offers! })
    const page = await browser.open(begun.headers.location!, { replica: offers! })
    const { action, fields } = formOf(page.body, '/passkey')
    const credential = passkey.answer({ challenge: passkeyChallengeIn(page.body) })
    const answer = await browser.open(action, { form: { ...fields, credential }, replica: checks! })
    return /code=/.test(answer.headers.location ?? '')
  }

  /** A recovery code behind the link of a mail: one replica checks it, and another takes the new password. */
  async function reset([checks, takes]: readonly number[]): Promise<boolean> {
    const { store } = replicas.apps[0]!
    const { userId, browser } = await someone()
    await giveApp(replicas, userId)
    const [code = ''] = mintRecoveryCodes()
    const { standing } = (await store.accounts.load({ userId }))!
    await store.factors.replaceRecoveryCodes({ userId, standing }, [parseRecoveryCode(code)!], { audit: [] })
    const link = mintLinkToken()
    await store.database.query(insertReset, [userId, link.hash])
    const asked = formOf((await browser.open(`/reset/${link.plain}`)).body, '/recovery-code')
    const form = { ...asked.fields, 'recovery-code': code }
    const proved = await browser.open(asked.action, { form, replica: checks! })
    const next = 'another horse battery staple'
    const { action, fields } = formOf(proved.body, `/reset/${link.plain}`)
    const chosen = { ...fields, 'new-password': next, 'repeat-password': next }
    const answer = await browser.open(action, { form: chosen, replica: takes! })
    return answer.status < 400 && !answer.body.includes('id="second-factor"')
  }

  it('take a passkey and a recovery code that another one has just offered or checked', async () => {
    const cases = fc.record({
      walk: fc.constantFrom('signIn', 'reset'),
      offsets: fc.array(fc.integer({ min: -4_500, max: 4_500 }), { minLength: 3, maxLength: 3 }),
      places: fc.array(fc.nat({ max: 2 }), { minLength: 2, maxLength: 2 }),
    })
    const walks = { signIn, reset }
    await fc.assert(
      fc.asyncProperty(cases, async ({ walk, offsets, places }) => {
        clocks.splice(0, 3, ...offsets)
        expect(await walks[walk](places)).to.equal(true)
      }),
      { numRuns: propertyRuns(25) },
    )
  })
})
