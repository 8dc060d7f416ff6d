import { expect } from 'chai'
import fc from 'fast-check'
import { claimsOfJwt, redeem } from '@nauthera/harness/flows'
import type { Code } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, password } from '@nauthera/harness/server'
import { mintLinkToken } from '../../src/store/link-token.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { seedIn, textOf } from '../login/second-factor-flows.ts'
import { Traveller, startParties } from '../login/upstream/parties.ts'
import type { PageSeen, Parties } from '../login/upstream/parties.ts'

// Corp says of everybody that they proved two factors. A thief has the password of somebody here, and an account of their own at Corp.

const security = '/account/security'

describe('secondFactor.enrolment: link, and a provider that vouches for two factors', function () {
  this.timeout(120_000)
  let parties: Parties
  before(async () => {
    const proofs = ['pwd', 'urn:nauthera:password'].map((from) => ({ from, amr: ['otp', 'mfa'] }))
    parties = await startParties({
      upstream: { newPeople: false, proofs },
      settings: { secondFactor: { requiredGroups: ['careful'], enrolment: 'link' } },
    })
  })
  after(() => parties?.stop())

  const wanted = { acr_values: 'urn:nauthera:mfa' }
  let count = 0
  async function begin() {
    const name = `linked${++count}`
    const there = `thief${count}`
    const userId = await addPerson(parties.down, name)
    await addPerson(parties.up, there)
    return { name, there, userId, traveller: new Traveller(parties), codes: [] as Pick<Code, 'value' | 'proof'>[] }
  }
  type Someone = Awaited<ReturnType<typeof begin>>
  const at = (path: string) => `${parties.down.issuer}${path}`

  /** Goes on with a page as whoever they are at Corp, until Corp has nothing more to ask. */
  async function throughCorp({ traveller, there }: Someone, page: PageSeen): Promise<PageSeen> {
    if (page.body.includes('id="account-continue"')) return traveller.submit(page, '/account', { choice: 'continue' })
    if (!page.url.startsWith(parties.up.issuer)) return page
    return traveller.submit(page, '/sign-in', { username: there, password })
  }
  async function startAgain(who: Someone): Promise<void> {
    who.traveller = new Traveller(parties, { up: who.traveller.up })
  }
  const has = (page: PageSeen, form: string) => new RegExp(`action="[^"]*${form}"`).test(page.body)
  /** Fills in whatever a sign-in asks, as somebody with the password alone. */
  async function goOn(who: Someone, first: PageSeen): Promise<PageSeen> {
    let page = first
    for (let hop = 0; hop < 6; hop++) {
      const { traveller, name } = who
      const code = new URL(page.location ?? 'about:blank').searchParams.get('code')
      if (code !== null) who.codes.push({ value: code, proof: traveller.proof })
      if (page.location !== undefined) return page
      if (has(page, '/link')) page = await traveller.submit(page, '/link', { decision: 'link' })
      else if (page.body.includes('id="link-skip"')) page = await traveller.submit(page, '/link', { decision: 'skip' })
      else if (has(page, '/set-up-app'))
        page = await traveller.submit(page, '/set-up-app', { code: codeAt(seedIn(page.body), Date.now()) })
      else if (has(page, '/codes-saved')) page = await traveller.submit(page, '/codes-saved')
      else if (page.body.includes('id="set-up"')) page = await traveller.submit(page, '/set-up')
      else if (page.url.includes('/interaction/') && page.body.includes('id="password"'))
        page = await traveller.submit(page, '/sign-in', { username: name, password })
      else return page
    }
    return page
  }
  const byCorp = async (who: Someone, page: PageSeen) =>
    page.body.includes('/upstream/corp')
      ? goOn(who, await throughCorp(who, await who.traveller.submit(page, '/upstream/corp')))
      : goOn(who, page)

  const acts: Record<string, (who: Someone) => Promise<unknown>> = {
    'starts in another browser': startAgain,
    'signs in by the password': async (who) => goOn(who, await who.traveller.go(at('/account'))),
    'signs in by Corp': async (who) => byCorp(who, await who.traveller.go(at('/account'))),
    'wants two factors, by the password': async (who) => goOn(who, await who.traveller.begin(wanted)),
    'wants two factors, by Corp': async (who) => byCorp(who, await who.traveller.begin(wanted)),
    'links Corp in the account': async (who) => {
      const page = await goOn(who, await who.traveller.go(at(`${security}/upstream/corp`)))
      if (!has(page, '/upstream/corp')) return
      const back = await throughCorp(who, await who.traveller.submit(page, `${security}/upstream/corp`))
      if (has(back, '/back')) await who.traveller.submit(back, `${security}/upstream/corp/back`)
    },
    'sets up an app in the account': async (who) => {
      const page = await goOn(who, await who.traveller.go(at(`${security}/app`)))
      if (page.body.includes('id="secret"'))
        await who.traveller.submit(page, '/app', { code: codeAt(seedIn(page.body), Date.now()) })
    },
  }
  const names = Object.keys(acts)

  const factorsOf = async (userId: string) =>
    (await parties.down.apps[0]!.store.factors.of(userId)).map(({ kind }) => kind)
  const linksOf = async (userId: string) =>
    (await parties.down.apps[0]!.store.upstreamLinks.of(userId)).map(({ upstream }) => upstream)
  async function provedBy(who: Someone): Promise<unknown[]> {
    const proved = []
    for (const code of who.codes) {
      const answer = await redeem(parties.down, code)
      if (answer.status === 200) proved.push(claimsOfJwt(String(answer.json()['id_token']))['acr'])
    }
    return proved
  }

  it('L9 the password links nothing, sets up nothing and proves one factor, by whichever pages in whichever order', async () => {
    const order = fc.array(fc.constantFrom(...names), { minLength: 4, maxLength: 9 })
    const known = ['signs in by the password', 'links Corp in the account', 'starts in another browser']
    await fc.assert(
      fc.asyncProperty(order, async (walk) => {
        const thief = await begin()
        for (const name of walk) {
          await acts[name]!(thief)
          expect([await factorsOf(thief.userId), await linksOf(thief.userId)], name).to.deep.equal([[], []])
        }
        expect(await provedBy(thief)).not.to.include('urn:nauthera:mfa')
      }),
      {
        numRuns: propertyRuns(3),
        examples: [
          [[...known, 'wants two factors, by Corp', 'signs in by Corp', 'sets up an app in the account']],
          [['signs in by Corp', 'starts in another browser', 'wants two factors, by Corp']],
        ],
      },
    )
  })

  it('who signed in with a link may do both, and Corp vouches for them from then on', async () => {
    const who = await begin()
    const token = mintLinkToken()
    const { loginLinks } = parties.down.apps[0]!.store
    await loginLinks.create(who.userId, { token, lifeMs: 60_000, audit: [] })
    await who.traveller.submit(await who.traveller.go(at(`/login-link/${token.plain}`)), '/login-link', { use: 'yes' })
    await acts['links Corp in the account']!(who)
    expect(await linksOf(who.userId)).to.deep.equal(['corp'])
    await startAgain(who)
    await acts['wants two factors, by Corp']!(who)
    expect(await provedBy(who)).to.deep.equal(['urn:nauthera:mfa'])
    await acts['sets up an app in the account']!(who)
    expect(await factorsOf(who.userId)).to.deep.equal(['totp'])
  })

  it('the page says what a person needs first', async () => {
    const who = await begin()
    await acts['signs in by the password']!(who)
    const page = await who.traveller.go(at(`${security}/upstream/corp`))
    expect(textOf(page.body)).to.contain('To link an account, you need a second step')
  })
})
