import { expect } from 'chai'
import { Browser, formOf } from '@nauthera/harness/browser'
import { claimsOfJwt, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../../src/store/driver/database.ts'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { afterPassword, codeOf, giveApp, inSession, setUpApp, submit, textOf } from '../second-factor-flows.ts'

const mfa = 'urn:nauthera:mfa'
const step = 30_000

describe('a second factor', () => {
  let replicas: ServerReplicas
  let people = 0
  before(async () => {
    replicas = await startReplicas({ settings: { secondFactor: { requiredGroups: ['admins'] } } })
    await replicas.serve([entry('app.web', configs.web)])
  })
  after(() => replicas.stop())

  const wanted = { acr_values: mfa }

  /** A person of the test with an authenticator app. */
  async function enrolled() {
    const username = `person-${++people}`
    const id = await addPerson(replicas, username)
    const begun = await afterPassword(replicas, { username, parameters: wanted })
    const { seed, recoveryCodes } = await setUpApp(replicas, begun)
    return { username, id, seed, recoveryCodes }
  }
  const rows = <Row = unknown>(query: string, values: unknown[] = []) =>
    replicas.apps[0]!.store.database.query<Row>(statement(`test ${query.slice(0, 50)}`, query), values)
  const idTokenOf = async (at: Parameters<typeof codeOf>[0]) =>
    claimsOfJwt(tokensOf(await redeem(replicas, codeOf(at))).id)

  it('is set up in a sign-in when a group must have one; the ID token says so, and a refresh too', async () => {
    await addPerson(replicas, 'root', ['admins'])
    const begun = await afterPassword(replicas, { username: 'root' })
    expect(textOf(begun.page.body)).to.contain('Set up a second step')
    const { recoveryCodes, end } = await setUpApp(replicas, begun)
    expect(recoveryCodes).to.have.length(10)
    for (const code of recoveryCodes) expect(code).to.match(/^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$/)
    const tokens = tokensOf(await redeem(replicas, codeOf(end)))
    const claims = claimsOfJwt(tokens.id)
    expect([claims['acr'], claims['amr']]).to.deep.equal([mfa, ['pwd', 'otp', 'mfa']])
    expect(claimsOfJwt(tokensOf(await refresh(replicas, tokens.refresh)).id)['acr']).to.equal(mfa)
  })

  it('is asked for after the password from then on, and not shown before the password is right', async () => {
    const { username, seed } = await enrolled()
    const begun = await afterPassword(replicas, { username })
    expect(begun.page.body).to.contain('id="second-factor"')
    const end = await submit(begun, '/second-factor', { code: codeAt(seed, Date.now()) })
    expect((await idTokenOf(end))['acr']).to.equal(mfa)

    const first = await inSession(replicas, new Browser(replicas))
    const wrong = await submit(first, '/sign-in', { username, password: 'not the password' })
    const unknown = await submit(await inSession(replicas, new Browser(replicas)), '/sign-in', {
      username: 'nobody-here',
      password: 'not the password',
    })
    const plain = (at: typeof wrong, name: string) => textOf(at.page.body).replaceAll(name, '')
    expect(plain(wrong, username)).to.equal(plain(unknown, 'nobody-here'))
    expect(wrong.page.status).to.equal(unknown.page.status)
  })

  it('whoever has none and needs none signs in with the password alone', async () => {
    await addPerson(replicas, 'plain')
    const claims = await idTokenOf(await afterPassword(replicas, { username: 'plain' }))
    expect([claims['acr'], claims['amr']]).to.deep.equal(['urn:nauthera:password', ['pwd']])
  })

  it('L8 a code works once, and no earlier one after it; the next one works', async () => {
    const { username, id, seed } = await enrolled()
    const now = Date.now()
    const code = codeAt(seed, now)
    await submit(await afterPassword(replicas, { username }), '/second-factor', { code })
    const again = await submit(await afterPassword(replicas, { username }), '/second-factor', { code })
    expect(textOf(again.page.body)).to.contain('was used before')
    const earlier = await submit(again, '/second-factor', { code: codeAt(seed, now - step) })
    expect(earlier.page.location).to.equal(undefined)
    const next = await submit(earlier, '/second-factor', { code: codeAt(seed, now + step) })
    expect((await idTokenOf(next))['acr']).to.equal(mfa)
    await replicas.apps[0]!.store.audit.flush()
    const failures = await replicas.apps[0]!.store.audit.search({ userId: id, event: 'factor.failure', limit: 10 })
    expect(failures).to.have.length(2)
  })

  it('L8 after five wrong codes the sign-in starts over, and a new sign-in does not forget them: ten lock the codes', async () => {
    const { username, seed } = await enrolled()
    const guess = async () => {
      let at = await afterPassword(replicas, { username })
      for (let n = 0; n < 5; n++) at = await submit(at, '/second-factor', { code: '000 000' })
      return at
    }
    const first = await guess()
    expect(textOf(first.page.body)).to.contain('wrong 5 times')
    expect(first.page.body).to.contain('id="password"')
    await guess()
    const right = { code: codeAt(seed, Date.now()) }
    const locked = await submit(await afterPassword(replicas, { username }), '/second-factor', right)
    expect(textOf(locked.page.body)).to.contain('too many wrong codes')
    await replicas.apps[0]!.store.attempts.unlock((await findId(username))!, [])
    const open = await submit(await afterPassword(replicas, { username }), '/second-factor', right)
    expect((await idTokenOf(open))['acr']).to.equal(mfa)
  })

  const findId = async (username: string) => (await replicas.apps[0]!.store.users.findByLogin(username))?.id

  it('L9 a recovery code works once, in any spelling, and the ID token says that there were two factors', async () => {
    const { username, id, recoveryCodes } = await enrolled()
    const typed = recoveryCodes[3]!.toLowerCase().replaceAll('-', ' ')
    const begun = await afterPassword(replicas, { username })
    const end = await submit(begun, '/recovery-code', { 'recovery-code': typed })
    const claims = await idTokenOf(end)
    expect([claims['acr'], claims['amr']]).to.deep.equal([mfa, ['pwd', 'otp', 'mfa']])
    const again = await submit(await afterPassword(replicas, { username }), '/recovery-code', {
      'recovery-code': typed,
    })
    expect(textOf(again.page.body)).to.contain('The code is wrong')
    const used = await replicas.apps[0]!.store.audit.search({ userId: id, event: 'factor.recovery_used', limit: 10 })
    expect(used).to.have.length(1)
  })

  it('L9 no form goes round it: consent and a new password wait for it, and prompt=none gets an error', async () => {
    const { username, id } = await enrolled()
    await rows('UPDATE users SET password_change_required = true WHERE id = $1', [id])
    const begun = await afterPassword(replicas, { username })
    const action = /action="([^"]*)\/second-factor"/.exec(begun.page.body)![1]!
    const token = /name="form_token" value="([^"]*)"/.exec(begun.page.body)![1]!
    const next = 'a new password of mine'
    for (const [form, fields] of [
      ['password', { 'new-password': next, 'repeat-password': next }],
      ['consent', { decision: 'allow' }],
      ['set-up', {}],
      ['set-up-app', { code: '123456' }],
      ['codes-saved', {}],
    ] as const) {
      const answer = await begun.browser.follow(`${action}/${form}`, { form: { form_token: token, ...fields } })
      expect(answer.body, form).to.contain('id="second-factor"')
    }
    expect(await rows('SELECT password_change_required AS still FROM users WHERE id = $1', [id])).to.deep.equal([
      { still: true },
    ])
    const silent = await inSession(replicas, begun.browser, { prompt: 'none' })
    expect(new URL(silent.page.location!).searchParams.get('error')).to.equal('login_required')
  })

  it('L9 a sign-in that began before the person had a second factor does not end without it', async () => {
    const username = `person-${++people}`
    await addPerson(replicas, username)
    await replicas.serve([entry('app.web', configs.web), entry('app.asks', { ...configs.web, consent: 2 })])
    const held = await afterPassword(replicas, { username, parameters: { client_id: 'app.asks' } })
    expect(held.page.body).to.contain('id="consent-allow"')
    await setUpApp(replicas, await afterPassword(replicas, { username, parameters: wanted }))
    const end = await submit(held, '/consent', { decision: 'allow' })
    expect(end.page.location ?? '').not.to.contain('code=')
  })

  it('L2 a session that proved the password alone is asked for the second factor alone (RFC 9470), and an earlier cookie is refused', async () => {
    const username = `person-${++people}`
    const userId = await addPerson(replicas, username)
    const browser = new Browser(replicas)
    const before = await idTokenOf(await afterPassword(replicas, { username, browser }))
    expect(before['acr']).to.equal('urn:nauthera:password')
    const seed = await giveApp(replicas, userId)
    const old = browser.copy()
    const asked = await inSession(replicas, browser, wanted)
    expect(asked.page.body).to.contain('id="second-factor"').and.not.contain('id="password"')
    const claims = await idTokenOf(await submit(asked, '/second-factor', { code: codeAt(seed, Date.now()) }))
    expect([claims['acr'], claims['amr']]).to.deep.equal([mfa, ['pwd', 'otp', 'mfa']])
    expect(claims['auth_time']).to.equal(before['auth_time'])
    // from now on the session has both
    expect((await idTokenOf(await inSession(replicas, browser, { ...wanted, prompt: 'none' })))['acr']).to.equal(mfa)
    const thief = await inSession(replicas, old, { prompt: 'none' })
    expect(new URL(thief.page.location!).searchParams.get('error')).to.equal('login_required')
  })

  it('is taken where the person first chooses the account of the session', async () => {
    const username = `person-${++people}`
    const userId = await addPerson(replicas, username)
    const browser = new Browser(replicas)
    await afterPassword(replicas, { username, browser })
    const seed = await giveApp(replicas, userId)
    const asked = await inSession(replicas, browser, { ...wanted, prompt: 'select_account' })
    const chosen = await submit(asked, '/account', { choice: 'continue' })
    expect(chosen.page.body).to.contain('id="second-factor"').and.not.contain('id="password"')
    const end = await submit(chosen, '/second-factor', { code: codeAt(seed, Date.now()) })
    expect((await idTokenOf(end))['acr']).to.equal(mfa)
  })

  it('whoever has a session and no second factor signs in again before setting one up', async () => {
    const username = `person-${++people}`
    await addPerson(replicas, username)
    const browser = new Browser(replicas)
    await idTokenOf(await afterPassword(replicas, { username, browser }))
    const asked = await inSession(replicas, browser, wanted)
    expect(asked.page.body).to.contain('id="password"')
    const again = await submit(asked, '/sign-in', { username, password })
    expect((await idTokenOf((await setUpApp(replicas, again)).end))['acr']).to.equal(mfa)
  })

  it('a request that makes the password essential gets that word, also after a second factor', async () => {
    const { username, seed } = await enrolled()
    const acr = { essential: true, value: 'urn:nauthera:password' }
    const parameters = { claims: JSON.stringify({ id_token: { acr } }) }
    const begun = await afterPassword(replicas, { username, parameters })
    const end = await submit(begun, '/second-factor', { code: codeAt(seed, Date.now()) })
    expect((await idTokenOf(end))['acr']).to.equal('urn:nauthera:password')
  })

  it('the secret and the codes of a person are in no row, and no log line', async () => {
    const { id, seed, recoveryCodes } = await enrolled()
    const stored = await rows<{ secret: Buffer }>('SELECT * FROM factors WHERE user_id = $1', [id])
    const codes = await rows<{ code_hash: Buffer }>('SELECT * FROM recovery_codes WHERE user_id = $1', [id])
    expect([stored.length, codes.length]).to.deep.equal([1, 10])
    const bytes = [...stored.map(({ secret }) => secret), ...codes.map(({ code_hash: hash }) => hash)]
    const all = JSON.stringify([stored, codes, bytes.map((one) => one.toString('latin1')), replicas.lines])
    for (const secret of [seed, ...recoveryCodes, ...recoveryCodes.map((code) => code.replaceAll('-', ''))])
      expect(all).not.to.contain(secret)
  })
})

describe('a second factor on three replicas', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ count: 3 })
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  it('L8 of 20 parallel uses of one code one succeeds; of 20 uses of one recovery code, too', async () => {
    const begun = await afterPassword(replicas, { parameters: { acr_values: mfa } })
    const { seed, recoveryCodes } = await setUpApp(replicas, begun)
    for (const [form, fields] of [
      ['second-factor', { code: codeAt(seed, Date.now()) }],
      ['recovery-code', { 'recovery-code': recoveryCodes[0]! }],
    ] as const) {
      // each sign-in from five copies of its browser; an account has places for ten unfinished sign-ins
      const begunAll = [1, 2, 3, 4].map(() => afterPassword(replicas))
      const all = (await Promise.all(begunAll)).flatMap((one) => Array.from({ length: 5 }, () => one))
      const ends = await Promise.all(
        all.map(async ({ browser, page }, n) => {
          const { action, fields: hidden } = formOf(page.body, `/${form}`)
          const answer = await browser.copy().open(action, { form: { ...hidden, ...fields }, replica: n % 3 })
          return String(answer.headers.location)
        }),
      )
      expect(ends).to.have.length(20)
      expect(ends.filter((location) => location.includes('code='))).to.have.length(1)
      await replicas.apps[0]!.store.attempts.unlock((await replicas.apps[0]!.store.users.findByLogin('ada'))!.id, [])
    }
  })
})
