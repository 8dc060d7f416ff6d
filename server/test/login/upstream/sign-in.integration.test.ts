import { expect } from 'chai'
import type { Code } from '@nauthera/harness/flows'
import { addPerson, password } from '@nauthera/harness/server'
import { claimsOfJwt, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { costOf } from '../../cost.ts'
import { forgetUsedCodes, seedIn } from '../second-factor-flows.ts'
import { Traveller, startParties } from './parties.ts'
import type { PageSeen, Parties } from './parties.ts'

describe('signing in at another provider, a second Nauthera', () => {
  let parties: Parties
  before(async () => {
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

  /** From the application to the page after the sign-in at the provider, or back to the application. */
  const arrive = async (username: string, more: Record<string, string> = {}) => {
    const person = new Traveller(parties)
    const there = await person.submit(await person.begin(more), '/upstream/corp')
    return { person, page: await person.submit(there, '/sign-in', { username, password }) }
  }
  const redeemed = ({ person, page }: { person: Traveller; page: PageSeen }) => {
    const value = new URL(page.location!).searchParams.get('code')!
    const code: Pick<Code, 'value' | 'proof'> = { value, proof: person.proof }
    return redeem(parties.down, code)
  }

  it('takes at most 6 round trips and 3 commits here; the first sign-in makes the record in one commit more', async () => {
    await addPerson(parties.up, 'bea', ['staff'])
    for (const [turn, mostCommits] of [
      ['first', 4],
      ['second', 3],
    ] as const) {
      const { result, roundTrips, commits } = await costOf(parties.down, async () => redeemed(await arrive('bea')))
      expect(result.status).to.equal(200)
      expect(roundTrips, turn).to.be.at.most(6)
      expect(commits, turn).to.be.at.most(mostCommits)
    }
  })

  it('takes at most 8 round trips and 4 commits here with a second factor of this place', async () => {
    await addPerson(parties.up, 'cleo')
    const { person, page } = await arrive('cleo', { acr_values: 'urn:nauthera:mfa' })
    const shown = await person.submit(page, '/set-up')
    const seed = seedIn(shown.body)
    await person.submit(shown, '/set-up-app', { code: codeAt(seed, Date.now()) })
    await forgetUsedCodes(parties.down)
    const { result, roundTrips, commits } = await costOf(parties.down, async () => {
      const asked = await arrive('cleo')
      const code = codeAt(seed, Date.now())
      return redeemed({ ...asked, page: await asked.person.submit(asked.page, '/second-factor', { code }) })
    })
    expect(result.status).to.equal(200)
    expect(roundTrips).to.be.at.most(8)
    expect(commits).to.be.at.most(4)
  })
})
