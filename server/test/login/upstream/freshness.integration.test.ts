import { expect } from 'chai'
import { addPerson, password } from '@nauthera/harness/server'
import { claimsOfJwt, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { statement } from '../../../src/store/driver/database.ts'
import { Traveller, alertOf, hasPage, moveOnOf, startParties } from './parties.ts'
import type { PageSeen, Parties } from './parties.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'

describe('how recent a sign-in at another provider is, and how long it counts', () => {
  let odd: OddProvider
  let parties: Parties
  before(async () => {
    odd = await startOddProvider()
    parties = await startParties({
      more: [{ id: 'odd', name: 'Odd', issuer: odd.issuer, clientId: 'down', acrValues: ['urn:odd:high'] }],
      upstream: { domains: ['example.com'], proofs: [{ from: 'pwd', amr: ['pwd'] }] },
    })
    await addPerson(parties.up, 'ada', ['staff'])
  })
  after(async () => {
    await parties.stop()
    await odd.stop()
  })

  const tokens = async (person: Traveller, seen: PageSeen) => {
    const value = new URL(seen.location ?? 'http://no.code').searchParams.get('code')
    if (value === null) throw new Error(`not signed in: ${seen.url} ${alertOf(seen)}`)
    return tokensOf(await redeem(parties.down, { value, proof: person.proof }))
  }
  /** Through the second Nauthera, with its password when it asks. */
  async function throughCorp(person: Traveller, more: Record<string, string> = {}) {
    const there = await person.submit(await person.begin(more), '/upstream/corp')
    const asked = there.body.includes('id="password"')
    return { asked, seen: asked ? await person.submit(there, '/sign-in', { username: 'ada', password }) : there }
  }
  async function sent(person: Traveller, more: Record<string, string> = {}) {
    const leaving = await person.submit(await person.begin(more), '/upstream/odd', {}, () => true)
    const asked = new URL(moveOnOf(leaving)!)
    odd.nonce = asked.searchParams.get('nonce')!
    return asked
  }
  const comeBack = (person: Traveller, asked: URL, until?: (url: string) => boolean) => {
    const query = new URLSearchParams({ code: 'a-code', state: asked.searchParams.get('state')!, iss: odd.issuer })
    return person.go(`${parties.down.issuer}/federation/odd/callback?${query.toString()}`, until ? { until } : {})
  }
  const seconds = () => Math.floor(Date.now() / 1000)

  it('L9 says the time and the proofs of the sign-in there, as far as the settings believe them', async () => {
    const person = new Traveller(parties)
    const proofs = { claims: JSON.stringify({ id_token: { amr: null, acr: null, auth_time: null } }) }
    const { seen } = await throughCorp(person, proofs)
    const first = claimsOfJwt((await tokens(person, seen)).id)
    const later = new Traveller(parties, { up: person.up })
    const again = await throughCorp(later, proofs)
    expect(again.asked).to.equal(false)
    const second = claimsOfJwt((await tokens(later, again.seen)).id)
    expect(second).to.have.property('auth_time', first['auth_time'])
    expect(second['amr']).to.deep.equal(['pwd'])
    expect(second['acr']).to.equal('urn:nauthera:password')
    const unbelieved = new Traveller(parties)
    odd.says.claims = { sub: 'f-0', preferred_username: 'f-0', amr: ['pwd', 'mfa'], acr: 'urn:odd:high' }
    const asked = await sent(unbelieved, proofs)
    const claims = claimsOfJwt((await tokens(unbelieved, await comeBack(unbelieved, asked))).id)
    expect(claims).not.to.have.any.keys('amr', 'acr')
    expect(claims)
      .to.have.property('auth_time')
      .within(seconds() - 360, seconds() - 300)
  })

  it('prompt=login asks the person there too, although they are signed in', async () => {
    const person = new Traveller(parties)
    await throughCorp(person)
    const again = await throughCorp(person, { prompt: 'login' })
    expect(again.asked).to.equal(true)
    expect(again.seen.location).to.include('code=')
  })

  it('hands max_age, languages and known values of acr on, and nothing else', async () => {
    const asked = await sent(new Traveller(parties), {
      max_age: '300',
      ui_locales: 'de en',
      acr_values: 'urn:odd:high urn:unknown',
      login_hint: 'ada',
    })
    expect(Object.fromEntries(asked.searchParams)).to.include({
      max_age: '300',
      ui_locales: 'de en',
      acr_values: 'urn:odd:high',
      login_hint: 'ada',
    })
  })

  it('max_age asks there again when the sign-in is too old, and refuses what stays too old or is not said', async () => {
    const person = new Traveller(parties)
    const asked = await sent(person, { max_age: '300' })
    odd.says.claims = { sub: 'f-1', preferred_username: 'f-1', auth_time: seconds() - 4000 }
    const leaving = await comeBack(person, asked, (url) => url.startsWith(odd.issuer))
    const again = new URL(moveOnOf(leaving)!)
    expect(again.searchParams.get('prompt')).to.equal('login')
    odd.nonce = again.searchParams.get('nonce')!
    const refused = await comeBack(person, again)
    expect(alertOf(refused)).to.equal(
      'The application wants a new sign-in, and Odd does not confirm one. Sign in another way.',
    )

    const silent = await sent(new Traveller(parties), { max_age: '300' })
    expect(silent.searchParams.get('max_age')).to.equal('300')
    const other = new Traveller(parties)
    const once = await sent(other, { max_age: '300' })
    odd.says.claims = { sub: 'f-1', preferred_username: 'f-1' }
    expect(alertOf(await comeBack(other, once))).to.equal(
      'A new sign-in is needed, and Odd does not say when you signed in there. Sign in another way, or ask the people who run this service.',
    )

    const good = new Traveller(parties)
    const right = await sent(good, { max_age: '300' })
    const authTime = seconds() - 100
    odd.says.claims = { sub: 'f-1', preferred_username: 'f-1', auth_time: authTime }
    const claims = claimsOfJwt((await tokens(good, await comeBack(good, right))).id)
    expect(claims['auth_time']).to.equal(authTime)
  })

  it('L30 what protects the account is changed only after a sign-in there whose time the provider says', async () => {
    const person = new Traveller(parties)
    odd.says.claims = { sub: 'f-5', preferred_username: 'f-5' }
    // signed in for an application a moment ago: but nobody knows whether the person was asked for anything
    expect((await comeBack(person, await sent(person))).location).to.include('code=')
    const toChange = async () => {
      const page = await person.go(`${parties.down.issuer}/account/security/app`)
      const asked = new URL(moveOnOf(await person.submit(page, '/upstream/odd', {}, () => true))!)
      odd.nonce = asked.searchParams.get('nonce')!
      expect(Object.fromEntries(asked.searchParams)).to.include({ prompt: 'login', max_age: '300' })
      return comeBack(person, asked)
    }
    expect(alertOf(await toChange())).to.match(/^A new sign-in is needed, and Odd does not say when/)
    odd.says.claims = { ...odd.says.claims, auth_time: seconds() }
    const page = await toChange()
    expect(new URL(page.url).pathname).to.equal('/account/security/app')
    expect(page.body).to.include('class="qr-code"')
  })

  it('L30 a sign-in that may set up a second factor is a new one at the provider too', async () => {
    const person = new Traveller(parties)
    odd.says.claims = { sub: 'f-6', preferred_username: 'f-6', auth_time: seconds() }
    expect((await comeBack(person, await sent(person))).location).to.include('code=')
    const asked = await sent(person, { acr_values: 'urn:nauthera:mfa' })
    expect(asked.searchParams.get('prompt')).to.equal('login')
  })

  it('L30 a sign-in there of which nobody knows the time sets up no second factor, not even the first one', async () => {
    const person = new Traveller(parties)
    const mfa = { acr_values: 'urn:nauthera:mfa' }
    odd.says.claims = { sub: 'f-7', preferred_username: 'f-7' }
    const page = await comeBack(person, await sent(person, mfa))
    expect(page.body).to.include('id="set-up-form"')
    expect(page.body).to.include('please sign in once more').and.not.include('name="code"')
    const toSignIn = async (seen: PageSeen) => {
      const asked = new URL(moveOnOf(await person.submit(seen, '/upstream/odd', {}, () => true))!)
      odd.nonce = asked.searchParams.get('nonce')!
      expect(Object.fromEntries(asked.searchParams)).to.include({ prompt: 'login', max_age: '300' })
      return comeBack(person, asked)
    }
    const again = await toSignIn(await person.submit(page, '/set-up'))
    expect(alertOf(again)).to.match(/^A new sign-in is needed, and Odd does not say when/)
    odd.says.claims = { ...odd.says.claims, auth_time: seconds() }
    const fresh = await toSignIn(again)
    expect((await person.submit(fresh, '/set-up')).body).to.include('name="code"')
  })

  it('L30 after all sessions were ended, a sign-in there of which nobody knows the time waits until it can be no fresh one', async () => {
    const { database, users } = parties.down.apps[0]!.store
    const person = new Traveller(parties)
    odd.says.claims = { sub: 'f-8', preferred_username: 'f-8' }
    const { sub } = claimsOfJwt((await tokens(person, await comeBack(person, await sent(person)))).id)
    await users.revokeSessions(String(sub), [])
    const early = await comeBack(person, await sent(person))
    expect(alertOf(early)).to.match(/^All sessions of this account were ended a moment ago.*Try again in [56] minutes/)
    const age = `UPDATE users SET sessions_valid_after = now() - interval '302 seconds' WHERE id = $1`
    await database.query(statement('age-standing', age), [sub])
    expect((await comeBack(person, await sent(person))).location).to.include('code=')
  })

  it('T5 a sign-in there from before all sessions were ended is asked for anew', async () => {
    const person = new Traveller(parties)
    odd.says.claims = { sub: 'f-2', preferred_username: 'f-2', auth_time: seconds() - 60 }
    const first = await tokens(person, await comeBack(person, await sent(person)))
    const { sub } = claimsOfJwt(first.id)
    await parties.down.apps[0]!.store.users.revokeSessions(String(sub), [])
    expect((await refresh(parties.down, first.refresh)).status).to.equal(400)
    const again = new Traveller(parties)
    const leaving = await comeBack(again, await sent(again), (url) => url.startsWith(odd.issuer))
    const asked = new URL(moveOnOf(leaving)!)
    expect(asked.searchParams.get('prompt')).to.equal('login')
    odd.nonce = asked.searchParams.get('nonce')!
    odd.says.claims = { ...odd.says.claims, auth_time: seconds() + 1 }
    expect((await comeBack(again, asked)).location).to.include('code=')
  })

  it('ends sessions and refresh tokens when what the provider said has become too old', async () => {
    const person = new Traveller(parties)
    odd.says.claims = { sub: 'f-3', preferred_username: 'f-3' }
    const { refresh: token } = await tokens(person, await comeBack(person, await sent(person)))
    const first = await refresh(parties.down, token)
    expect(first.status).to.equal(200)
    await parties.down.apps[0]!.store.database.query(
      statement(
        'age-links',
        `UPDATE upstream_links SET valid_until = now() - interval '1 second' WHERE subject = 'f-3'`,
      ),
    )
    expect((await refresh(parties.down, tokensOf(first).refresh)).status).to.equal(400)
    const page = await person.begin()
    expect(hasPage(page, 'sign-in')).to.equal(true)
    expect(page.body).to.include('Your session has ended')
    const asked = new URL(moveOnOf(await person.submit(page, '/upstream/odd', {}, () => true))!)
    odd.nonce = asked.searchParams.get('nonce')!
    expect((await comeBack(person, asked)).location).to.include('code=')
  })

  it('leads an address of a domain of a provider there, and lets the person come back to all ways', async () => {
    const person = new Traveller(parties)
    const led = await person.begin({ login_hint: 'ada@example.com' })
    expect(led.url).to.include(`${parties.up.issuer}/interaction/`)
    expect(led.body).to.include('value="ada@example.com"')
    // the hint of a client is a hint: the person goes back, and can sign in in another way
    const other = new Traveller(parties)
    const leaving = await other.begin({ login_hint: 'ada@example.com' }, (url) => url.startsWith(parties.up.issuer))
    const back = await other.go(leaving.url)
    expect(hasPage(back, 'sign-in')).to.equal(true)

    const typing = new Traveller(parties)
    const there = await typing.submit(await typing.begin(), '/sign-in', { username: 'Ada@Example.COM', password: '' })
    expect(there.url).to.include(`${parties.up.issuer}/interaction/`)
    const hint = await typing.submit(await typing.begin(), '/sign-in', { username: 'ada@elsewhere.org', password: 'x' })
    expect(alertOf(hint)).to.match(/^The user name or password is wrong/)
  })

  it('says at sign-out that the person may stay signed in there, and leads to its own sign-out', async () => {
    const person = new Traveller(parties)
    await throughCorp(person)
    const page = await person.go(`${parties.down.issuer}/logout`)
    expect(page.body).to.include('you stay signed in there')
    const there = /id="upstream-sign-out" href="([^"]*)"/.exec(page.body)?.[1]
    expect(there).to.equal(`${parties.up.issuer}/logout?client_id=down`)
    const own = new Traveller(parties)
    await addPerson(parties.down, 'olga')
    await own.submit(await own.begin(), '/sign-in', { username: 'olga', password })
    expect((await own.go(`${parties.down.issuer}/logout`)).body).not.to.include('upstream-sign-out')
  })
})
