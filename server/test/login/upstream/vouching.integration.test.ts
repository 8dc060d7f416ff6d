import { expect } from 'chai'
import { claimsOfJwt, redeem, tokensOf } from '@nauthera/harness/flows'
import { moveOnOf, startParties, Traveller } from './parties.ts'
import type { Parties } from './parties.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'

describe('what a provider may vouch for', () => {
  const providers: Record<string, OddProvider> = {}
  let parties: Parties
  before(async () => {
    const settings: Record<string, object> = {
      plain: {},
      trusted: { emailDomains: ['trusted.test'], trustEmail: true },
      any: { emailDomains: ['*'] },
    }
    for (const id of Object.keys(settings)) providers[id] = await startOddProvider()
    const more = Object.entries(settings).map(([id, over]) => ({
      id,
      name: id,
      issuer: providers[id]!.issuer,
      clientId: 'down',
      ...over,
    }))
    parties = await startParties({ more })
  })
  after(async () => {
    await parties?.stop()
    await Promise.all(Object.values(providers).map((provider) => provider.stop()))
  })

  let subject = 0
  /** @returns the claims of the ID token that the application gets */
  async function claimsBy(id: string, claims: Record<string, unknown>, userinfo: Record<string, unknown> = {}) {
    const provider = providers[id]!
    const person = new Traveller(parties)
    const leaving = await person.submit(await person.begin(), `/upstream/${id}`, {}, () => true)
    const asked = new URL(moveOnOf(leaving)!)
    provider.nonce = asked.searchParams.get('nonce')!
    const own = `subject-${++subject}`
    provider.says.claims = { sub: own, preferred_username: own, email_verified: true, ...claims }
    provider.says.userinfo = userinfo
    const answer = { code: 'a-code', state: asked.searchParams.get('state')!, iss: provider.issuer }
    const back = await person.go(
      `${parties.down.issuer}/federation/${id}/callback?${new URLSearchParams(answer).toString()}`,
    )
    const value = new URL(back.location!).searchParams.get('code')!
    return claimsOfJwt(tokensOf(await redeem(parties.down, { value, proof: person.proof })).id)
  }

  it('L34 a provider of which nothing is known says the address of somebody: it is not theirs, and the owner can come', async () => {
    const claims = await claimsBy('plain', { email: 'victim@example.com', preferred_username: 'victim@example.com' })
    expect(claims).not.to.have.any.keys('email', 'email_verified')
    expect(claims['preferred_username']).to.equal('victim')
    const { store } = parties.down.apps[0]!
    await store.users.insert({ username: 'victim@example.com', email: 'victim@example.com', emailVerified: true })
  })

  for (const [what, signed, userinfo, email] of [
    [
      'another address',
      { email: 'd@anywhere.test', email_verified: undefined },
      { email: 'e@anywhere.test', email_verified: true },
    ],
    ['no address', { email: 'f@anywhere.test', email_verified: undefined }, { email_verified: true }],
    ['the only address', { email_verified: true }, { email: 'g@anywhere.test' }],
    [
      'the same address',
      { email: 'h@anywhere.test', email_verified: undefined },
      { email: 'h@anywhere.test', email_verified: true },
      'h@anywhere.test',
    ],
  ] as const)
    it(`L34 an address is verified by the answer that has it: ID token and userinfo with ${what}`, async () => {
      expect((await claimsBy('any', signed, userinfo))['email']).to.equal(email)
    })

  const rows: [string, Record<string, unknown>, string | undefined][] = [
    ['trusted', { email: 'a@trusted.test', email_verified: undefined }, 'a@trusted.test'],
    ['trusted', { email: 'B@TRUSTED.test' }, 'B@trusted.test'],
    ['trusted', { email: 'f@trusted\u3002test' }, 'f@trusted.test'],
    ['trusted', { email: 'a@other.test' }, undefined],
    ['trusted', { email: 'a@sub.trusted.test' }, undefined],
    ['any', { email: 'a@anywhere.test' }, 'a@anywhere.test'],
    ['any', { email: 'b@anywhere.test', email_verified: false }, undefined],
    // of the providers `trusted` and `corp`
    ['any', { email: 'c@trusted.test' }, undefined],
    ['any', { email: 'c@example.com' }, undefined],
    ['any', { email: 'c@EXAMPLE.com' }, undefined],
    ['any', { email: 'c@example.com.' }, undefined],
    ['any', { email: 'c@\uff45xample.com' }, undefined],
    ['plain', { email: 'c@anywhere.test' }, undefined],
  ]
  for (const [id, claims, taken] of rows)
    it(`L34 ${id} says ${JSON.stringify(claims)}: ${taken ? 'it is' : 'nobody has it'}`, async () => {
      const said = await claimsBy(id, claims)
      expect(said['email']).to.equal(taken)
      expect(said['email_verified']).to.equal(taken === undefined ? undefined : true)
    })

  it('L34 an address that was taken over ends with the right to say it: the person signs in again, without it', async () => {
    const { store } = parties.down.apps[0]!
    const person = {
      username: 'zoe@gone.test',
      email: 'zoe@gone.test',
      emailVerified: true,
      name: undefined,
      locale: undefined,
    }
    const identity = { upstream: 'plain', issuer: providers['plain']!.issuer, subject: 'zoe', maxAgeMs: 3_600_000 }
    await store.upstreamLinks.create({ ...identity, person: { ...person, profile: {}, groups: [] } }, [])
    const said = await claimsBy('plain', { sub: 'zoe', email: 'zoe@gone.test', preferred_username: 'zoe@gone.test' })
    expect(said['email']).to.equal(undefined)
    expect(said['preferred_username']).to.match(/^zoe-plain-[0-9a-f]{8}$/)
    await store.users.insert({ username: 'zoe@gone.test', email: 'zoe@gone.test', emailVerified: true })
  })
})
