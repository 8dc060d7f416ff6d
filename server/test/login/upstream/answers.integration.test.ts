import { expect } from 'chai'
import { createPeople } from '../../../src/store/people/people.ts'
import { hasPage, startParties, Traveller, alertOf, moveOnOf } from './parties.ts'
import type { PageSeen, Parties } from './parties.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'

// What the server makes of answers that a good provider never gives.

describe('answers of another provider', () => {
  let odd: OddProvider
  let other: OddProvider
  let parties: Parties
  before(async () => {
    odd = await startOddProvider()
    other = await startOddProvider()
    const more = [odd, other].map(({ issuer }, index) => ({
      id: ['odd', 'other'][index]!,
      name: ['Odd', 'Other'][index]!,
      issuer,
      clientId: 'down',
    }))
    parties = await startParties({ more, count: 2 })
  })
  after(async () => {
    await parties.stop()
    await Promise.all([odd.stop(), other.stop()])
  })
  let subject = 0
  beforeEach(() => {
    for (const provider of [odd, other]) {
      const sub = `subject-${++subject}`
      Object.assign(provider.says, {
        claims: { sub, preferred_username: sub },
        token: (text: string) => text,
        userinfo: {},
        status: 200,
        hangs: false,
      })
    }
  })

  /** Sends a person to a provider. @returns the address of the answer that it would give */
  async function sent(person = new Traveller(parties), provider = odd, id = 'odd') {
    const page = await person.begin()
    const leaving = await person.submit(page, `/upstream/${id}`, {}, () => true)
    const asked = new URL(moveOnOf(leaving)!)
    provider.nonce = asked.searchParams.get('nonce')!
    const answer = (more: Record<string, string> = {}, callback = id) =>
      `${parties.down.issuer}/federation/${callback}/callback?${new URLSearchParams({ code: 'a-code', state: asked.searchParams.get('state')!, iss: provider.issuer, ...more }).toString()}`
    return { person, asked, answer }
  }
  const wentIn = (seen: PageSeen) => seen.location?.includes('code=') === true
  const countPeople = async () =>
    (await createPeople(parties.down.apps[0]!.store).search({ text: '', limit: 1000 })).people.length

  it('T4 lets a person in with a right ID token, and with no wrong one', async function () {
    const seconds = Math.floor(Date.now() / 1000)
    const wrong: [string, Record<string, unknown>, ((text: string) => string)?][] = [
      ['another audience', { aud: 'somebody-else' }],
      ['audiences without azp', { aud: ['down', 'somebody-else'] }],
      ['azp of another', { aud: ['down', 'somebody-else'], azp: 'somebody-else' }],
      ['azp of another beside our audience alone', { azp: 'somebody-else' }],
      ['another issuer', { iss: other.issuer }],
      ['expired', { exp: seconds - 120 }],
      ['no end', { exp: undefined }],
      ['no iat', { iat: undefined }],
      ['not yet', { nbf: seconds + 120 }],
      ['another nonce', { nonce: 'another' }],
      ['no nonce', { nonce: undefined }],
      ['no subject', { sub: undefined }],
      ['another key', {}, (text) => `${text.slice(0, -10)}AAAAAAAAAA`],
      ['unsigned', {}, (text) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${text.split('.')[1]}.`],
      [
        'HS256',
        {},
        (text) => `${Buffer.from('{"alg":"HS256","kid":"k1"}').toString('base64url')}.${text.split('.')[1]}.AAAA`,
      ],
      ['cut', {}, (text) => text.slice(0, 40)],
      ['a userinfo of another person', {}],
    ]
    const before = await countPeople()
    for (const [what, claims, token] of wrong) {
      const { person, answer } = await sent()
      odd.says.claims = { sub: 'subject-wrong', ...claims }
      odd.says.token = token ?? ((text) => text)
      odd.says.userinfo = what.startsWith('a userinfo') ? { sub: 'another' } : {}
      const seen = await person.go(answer())
      expect(hasPage(seen, 'sign-in'), what).to.equal(true)
      expect(alertOf(seen), what).to.equal(
        'The answer from Odd could not be checked, so you are not signed in. If this happens again, tell the people who run this service.',
      )
    }
    expect(await countPeople()).to.equal(before)
    const { person, answer } = await sent()
    Object.assign(odd.says, {
      claims: { sub: 'subject-right', preferred_username: 'right' },
      token: (text: string) => text,
      userinfo: {},
    })
    expect(wentIn(await person.go(answer()))).to.equal(true)
  })

  it('L13 takes an answer once: not again in this browser, not in a copy of it, not on another replica', async () => {
    const { person, answer } = await sent()
    const thief = new Traveller(parties, { down: person.down.copy() })
    expect(wentIn(await person.go(answer()))).to.equal(true)
    const again = await person.go(answer())
    expect(hasPage(again, 'error')).to.equal(true)
    const copied = await thief.go(answer())
    expect(alertOf(copied)).to.equal(
      'The answer from Odd does not belong to this sign-in, or was used before. Start again.',
    )
    expect(parties.down.lines.filter((line) => line.includes('upstream-replayed'))).to.have.length(1)
  })

  it('L13 lets one of twenty answers at once on two replicas in', async () => {
    const { person, answer } = await sent()
    const landing = await person.go(answer(), { until: () => true })
    const path = new URL(moveOnOf(landing)!, parties.down.issuer).href
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => person.down.copy().open(path, { replica: index % 2 })),
    )
    // on a busy machine some get no answer in time, and nobody learns what they did
    const told = answers.filter(({ status }) => status !== 429 && status !== 503)
    const locations = told.map(({ headers }) => headers.location ?? '')
    const leading = (part: string) => locations.filter((to) => to.includes(part))
    expect(told.map(({ status }) => status)).to.deep.equal(told.map(() => 303))
    expect(leading('code=')).to.have.length.within(told.length === answers.length ? 1 : 0, 1)
    expect([...leading('code='), ...leading('/interaction/')]).to.have.members(locations)
  })

  it('L13 refuses an answer in another browser, and one with the state of another sign-in', async () => {
    const { answer } = await sent()
    const stranger = new Traveller(parties)
    const seen = await stranger.go(answer())
    expect(seen.status).to.equal(403)

    const mine = await sent()
    const theirs = await sent()
    const [uid] = mine.asked.searchParams.get('state')!.split('.')
    const [, foreign] = theirs.asked.searchParams.get('state')!.split('.')
    odd.nonce = mine.asked.searchParams.get('nonce')!
    const swapped = await mine.person.go(mine.answer({ state: `${uid}.${foreign}` }))
    expect(alertOf(swapped)).to.equal(
      'The answer from Odd does not belong to this sign-in, or was used before. Start again.',
    )
    // the right answer is still taken
    expect(wentIn(await mine.person.go(mine.answer()))).to.equal(true)
  })

  it('A5 refuses an answer that names another issuer, names none, or comes to the address of another provider', async () => {
    for (const [what, change, callback] of [
      ['another issuer', { iss: 'http://localhost:1' }, 'odd'],
      ['the other provider', {}, 'other'],
    ] as const) {
      const { person, answer } = await sent()
      const seen = await person.go(answer(change, callback))
      expect(wentIn(seen), what).to.equal(false)
      expect(alertOf(seen), what).not.to.equal('')
    }
    const { person, asked } = await sent()
    const query = new URLSearchParams({ code: 'a-code', state: asked.searchParams.get('state')! })
    const seen = await person.go(`${parties.down.issuer}/federation/odd/callback?${query.toString()}`)
    expect(wentIn(seen)).to.equal(false)
    expect(odd.asked.at(-1)).not.to.equal('/token')
  })

  it('F9 takes tokens of a new key that the provider publishes, after one more look', async () => {
    const { person, answer } = await sent()
    await odd.rotate(true)
    const before = odd.asked.filter((path) => path === '/jwks').length
    expect(wentIn(await person.go(answer()))).to.equal(true)
    expect(odd.asked.filter((path) => path === '/jwks').length - before).to.equal(1)
    // a key that nobody published is refused, and the keys are not asked for at each try
    await odd.rotate(false)
    for (let attempt = 0; attempt < 3; attempt++) {
      const next = await sent()
      expect(alertOf(await next.person.go(next.answer()))).to.match(/^The answer from Odd could not be checked/)
    }
    expect(odd.asked.filter((path) => path === '/jwks').length - before).to.be.at.most(2)
    odd.publish()
  })

  it('F9 offers the other ways while a provider does not answer, and says so', async () => {
    const begun = await sent(new Traveller(parties), other, 'other')
    other.says.status = 503
    const seen = await begun.person.go(begun.answer())
    expect(alertOf(seen)).to.equal('Other does not answer at the moment. Try again later, or sign in another way.')
    expect(seen.body).to.include('id="password"')
    // what it said before is enough to send people there, and nothing of this is a failed attempt of anybody
    const leaving = await begun.person.submit(seen, '/upstream/other', {}, () => true)
    expect(moveOnOf(leaving)).to.include(`${other.issuer}/authorize`)
    other.says.status = 200
    const again = await sent(new Traveller(parties), other, 'other')
    expect(wentIn(await again.person.go(again.answer()))).to.equal(true)
  })

  it('F9 takes a provider with too many requests for one that does not answer', async () => {
    const { person, answer } = await sent(new Traveller(parties), other, 'other')
    other.says.status = 429
    const seen = await person.go(answer())
    other.says.status = 200
    expect(alertOf(seen)).to.equal('Other does not answer at the moment. Try again later, or sign in another way.')
  })

  it('F9 waits for a slow provider no longer than its time-out', async () => {
    const { person, answer } = await sent(new Traveller(parties), other, 'other')
    other.says.hangs = true
    const seen = await person.go(answer())
    expect(alertOf(seen)).to.equal('Other does not answer at the moment. Try again later, or sign in another way.')
  })

  it('shows the ways to sign in again when the person cancelled there', async () => {
    const { person, asked } = await sent()
    const query = new URLSearchParams({
      error: 'access_denied',
      state: asked.searchParams.get('state')!,
      iss: odd.issuer,
    })
    const seen = await person.go(`${parties.down.issuer}/federation/odd/callback?${query.toString()}`)
    expect(alertOf(seen)).to.equal('You did not sign in at Odd. Try again, or sign in another way.')
    expect(seen.body).to.include('id="password"')
  })

  it('asks for a code with PKCE, state, nonce and an address that belongs to this provider alone', async () => {
    const { asked } = await sent()
    const { searchParams: query } = asked
    expect(Object.fromEntries(query)).to.include({
      response_type: 'code',
      client_id: 'down',
      code_challenge_method: 'S256',
      redirect_uri: `${parties.down.issuer}/federation/odd/callback`,
      scope: 'openid profile email',
    })
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(query.get(name), name).to.have.length.greaterThan(40)
  })
})
