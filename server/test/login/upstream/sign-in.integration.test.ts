import { expect } from 'chai'
import { addPerson, password } from '@nauthera/harness/server'
import { claimsOfJwt, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { Traveller, startParties } from './parties.ts'
import type { Parties } from './parties.ts'

describe('signing in at another provider, a second Nauthera', () => {
  let parties: Parties
  before(async function () {
    this.timeout(60_000)
    parties = await startParties()
    await addPerson(parties.up, 'ada', ['staff', 'admins'])
  })
  after(() => parties.stop())

  it('shows a button, comes back with a code, and makes a record with what the provider said', async () => {
    const person = new Traveller(parties)
    const page = await person.begin()
    expect(page.body).to.include('id="upstream-corp"')
    const there = await person.submit(page, '/upstream/corp')
    expect(there.url).to.include(`${parties.up.issuer}/interaction/`)
    const back = await person.submit(there, '/sign-in', { username: 'ada', password })
    const code = new URL(back.location!).searchParams.get('code')!
    const tokens = tokensOf(await redeem(parties.down, { value: code, proof: person.proof }))
    const claims = claimsOfJwt(tokens.id)
    expect(claims).to.include({
      preferred_username: 'ada',
      email: 'ada@example.com',
      email_verified: true,
      name: 'ada Example',
    })
    expect(claims['groups']).to.deep.equal(['corp-staff'])
    expect(claims).not.to.have.any.keys('amr', 'acr')
    expect((await refresh(parties.down, tokens.refresh)).status).to.equal(200)
  })
})
