import { expect } from 'chai'
import fc from 'fast-check'
import { claimsOfJwt, redeem } from '@nauthera/harness/flows'
import type { Code } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, password } from '@nauthera/harness/server'
import { mintLinkToken } from '../../src/store/people/link-token.ts'
import { codeAt } from '../../src/users/factors/totp.ts'
import { forgetUsedCodes, seedIn, textOf } from '../login/second-factor-flows.ts'
import { Traveller, startParties } from '../login/upstream/parties.ts'
import type { PageSeen, Parties } from '../login/upstream/parties.ts'

// Corp says of everybody that they proved two factors. A thief has the password of somebody here, and an account of their own at Corp.

const security = '/account/security'

let parties: Parties
const start = async (enrolment: 'link' | 'password') => {
  const proofs = ['pwd', 'urn:nauthera:password'].map((from) => ({ from, amr: ['otp', 'mfa'] }))
  parties = await startParties({
    upstream: { newPeople: false, proofs },
    settings: { secondFactor: { requiredGroups: ['careful'], enrolment } },
  })
}

const wanted = { acr_values: 'urn:nauthera:mfa' }
let count = 0
async function begin() {
  const name = `linked${++count}`
  const there = `thief${count}`
  const userId = await addPerson(parties.down, name)
  await addPerson(parties.up, there)
  return someone(name, there, userId)
}
const someone = (name: string, there: string, userId: string) => ({
  name,
  there,
  userId,
  traveller: new Traveller(parties),
  codes: [] as Pick<Code, 'value' | 'proof'>[],
  /** Of the app that they set up. */
  seed: '',
})
type Someone = ReturnType<typeof someone>
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
async function submitCode(
  who: Someone,
  page: PageSeen,
  form: string,
  seed: string,
  fields: Record<string, string> = {},
) {
  who.seed = seed
  await forgetUsedCodes(parties.down)
  return who.traveller.submit(page, form, { ...fields, code: codeAt(seed, Date.now()) })
}
async function setUpApp(who: Someone, fields: Record<string, string> = {}): Promise<void> {
  const page = await goOn(who, await who.traveller.go(at(`${security}/app`)))
  if (page.body.includes('id="secret"')) await submitCode(who, page, '/app', seedIn(page.body), fields)
}
/** Fills in whatever a sign-in asks, as somebody who knows the password, and has the app that they set up themselves. */
async function goOn(who: Someone, first: PageSeen): Promise<PageSeen> {
  let page = first
  for (let hop = 0; hop < 6; hop++) {
    const { traveller, name } = who
    const code = new URL(page.location ?? 'about:blank').searchParams.get('code')
    if (code !== null) who.codes.push({ value: code, proof: traveller.proof })
    if (page.location !== undefined) return page
    if (has(page, '/link')) page = await traveller.submit(page, '/link', { decision: 'link' })
    else if (page.body.includes('id="link-skip"')) page = await traveller.submit(page, '/link', { decision: 'skip' })
    else if (has(page, '/set-up-app')) page = await submitCode(who, page, '/set-up-app', seedIn(page.body))
    else if (has(page, '/second-factor') && who.seed !== '')
      page = await submitCode(who, page, '/second-factor', who.seed)
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
  'sets up an app in the account': (who) => setUpApp(who),
  'removes the app in the account': async (who) => {
    const page = await goOn(who, await who.traveller.go(at(`${security}/remove-app`)))
    if (has(page, '/remove-app')) await who.traveller.submit(page, '/remove-app')
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

describe('secondFactor.enrolment: link, and a provider that vouches for two factors', () => {
  before(() => start('link'))
  after(() => parties?.stop())

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

describe('secondFactor.enrolment: password, and a provider that vouches for two factors', () => {
  before(() => start('password'))
  after(() => parties?.stop())

  it('L9 what a thief has linked is no second factor once the owner has set one up, whatever they set up, linked and removed before', async () => {
    const order = fc.array(fc.constantFrom(...names), { minLength: 3, maxLength: 7 })
    const [setUp, link, remove] = [
      'sets up an app in the account',
      'links Corp in the account',
      'removes the app in the account',
    ]
    await fc.assert(
      fc.asyncProperty(order, fc.boolean(), async (walk, keepsLinks) => {
        const thief = await begin()
        for (const name of walk) await acts[name]!(thief)
        const { store } = parties.down.apps[0]!
        // a lost second factor: the help desk removes it
        if ((await factorsOf(thief.userId)).length > 0) await store.factors.reset(thief.userId, [])
        const linked = await linksOf(thief.userId)
        const owner = someone(thief.name, `${thief.there}-not`, thief.userId)
        await acts['signs in by the password']!(owner)
        await setUpApp(owner, keepsLinks ? { 'keep-links': 'yes' } : {})
        expect(await factorsOf(owner.userId)).to.deep.equal(['totp'])
        expect(await linksOf(owner.userId)).to.deep.equal(keepsLinks ? linked : [])
        const next = someone(thief.name, thief.there, thief.userId)
        await acts['wants two factors, by Corp']!(next)
        await acts['wants two factors, by the password']!(next)
        expect(await provedBy(next)).to.deep.equal([])
      }),
      {
        numRuns: propertyRuns(2),
        examples: [
          [[setUp, link, remove], false],
          [[setUp, remove, link], true],
          [[setUp, link], true],
        ],
      },
    )
  })

  it('who comes by a link that counts as a password, and sets up the first factor on the way, keeps that link', async () => {
    const who = await begin()
    await acts['links Corp in the account']!(who)
    await startAgain(who)
    await acts['wants two factors, by Corp']!(who)
    expect([await factorsOf(who.userId), await linksOf(who.userId)]).to.deep.equal([['totp'], ['corp']])
    expect(await provedBy(who)).to.deep.equal(['urn:nauthera:mfa'])
    who.seed = ''
    who.codes = []
    await startAgain(who)
    await acts['wants two factors, by Corp']!(who)
    expect(await provedBy(who)).to.deep.equal([])
  })
})
