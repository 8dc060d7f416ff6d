import { expect } from 'chai'
import type { Store } from '../../../src/store/store.ts'
import { createPasskeyFactors } from '../../../src/users/factors/passkey-factors.ts'
import type { PasskeyOffer } from '../../../src/users/factors/passkey-factors.ts'
import { addPerson, freshStore, inMs } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'
import { softwarePasskey } from './software-passkey.ts'
import type { Answered } from './software-passkey.ts'

const party = { rpId: 'login.example.com', origin: 'https://login.example.com', title: 'Example' }
const here = 'interaction-1'

describe(createPasskeyFactors.name, () => {
  let fresh: FreshStore
  let stores: readonly Store[]
  /** Epoch milliseconds. */
  let now = Date.UTC(2030, 0, 1)
  before(async () => {
    fresh = await freshStore()
    stores = [fresh.replica(), fresh.replica(), fresh.replica()]
  })
  after(() => fresh.stop())

  const on = (replica = 0) => createPasskeyFactors({ store: stores[replica]!, party, now: () => now })
  const challengeIn = ({ options }: PasskeyOffer) => (JSON.parse(options) as { challenge: string }).challenge

  let marks = 0
  async function enrolled() {
    const store = stores[0]!
    const { id: userId } = await addPerson(store)
    const passkey = softwarePasskey({ ...party, userId })
    const stored = await store.factors.enrolPasskey({
      userId,
      standing: (await store.accounts.load({ userId }))!.standing,
      passkey: {
        name: 'key',
        credentialId: passkey.id,
        publicKey: passkey.publicKey,
        signCount: 0,
        synced: true,
        transports: [],
      },
      challenge: { id: `mark-${++marks}`, expiresAt: inMs(60_000) },
      recoveryCodes: ['A'],
      audit: [],
    })
    expect(stored).to.deep.include({
      standing: (await store.accounts.load({ userId }))!.standing,
      codesStored: true,
    })
    return { userId, passkey }
  }

  /** An answer to a new challenge. @param about what is wrong with it */
  async function answered(
    passkey: ReturnType<typeof softwarePasskey>,
    about: Partial<Answered> = {},
    options: { boundTo?: string; ofUser?: string; laterMs?: number } = {},
  ) {
    const offer = (await on().offer(here))!
    const credential = passkey.answer({ challenge: challengeIn(offer), ...about })
    now += options.laterMs ?? 0
    return on().check({ credential, sealed: offer.sealed }, options.boundTo ?? here, options.ofUser)
  }

  it('a right answer says whose passkey it is, what was proved, and with which standing', async () => {
    const { userId, passkey } = await enrolled()
    const { standing } = (await stores[0]!.accounts.load({ userId }))!
    const passed = { kind: 'passed', userId, standing, methods: ['swk', 'user'] }
    expect(await answered(passkey)).to.deep.equal(passed)
    expect(await answered(passkey, {}, { ofUser: userId })).to.deep.equal(passed)
    expect(await answered(passkey, {}, { laterMs: 15 * 60_000 }), 'as late as it may be').to.deep.equal(passed)
    const [factor] = await stores[0]!.factors.of(userId)
    expect([factor!.kind, factor!.name, factor!.lastUsedAt === undefined]).to.deep.equal(['passkey', 'key', false])
  })

  for (const [sentence, about, options, reason] of [
    ['an old challenge: the page was open for too long', {}, { laterMs: 15 * 60_000 + 1 }, 'old-challenge'],
    ['a challenge of another sign-in', {}, { boundTo: 'interaction-2' }, 'old-challenge'],
    ['a challenge that is not the one of the page', { challenge: 'AAAA' }, {}, 'wrong-answer'],
    ['a foreign origin', { origin: 'https://login.example.com.evil.test' }, {}, 'wrong-answer'],
    ['a foreign RP id', { rpId: 'evil.test' }, {}, 'wrong-answer'],
    ['no user verification', { isVerified: false }, {}, 'wrong-answer'],
    ['a user handle of another person', { userId: 'somebody-else' }, {}, 'wrong-answer'],
    ['a passkey of another person, as the second factor', {}, { ofUser: 'somebody-else' }, 'unknown-passkey'],
  ] as const)
    it(`L21 refuses ${sentence}`, async () => {
      const { passkey } = await enrolled()
      expect(await answered(passkey, about, options)).to.deep.include({ kind: 'refused', reason })
      expect(await answered(passkey)).to.have.property('kind', 'passed')
    })

  it('L21 refuses a foreign credential: one that nobody here has, or the signature of another', async () => {
    const { userId, passkey } = await enrolled()
    const foreign = softwarePasskey({ ...party, userId })
    expect(await answered(foreign)).to.deep.equal({ kind: 'refused', reason: 'unknown-passkey' })
    const pretender = {
      ...foreign,
      answer: (about: Answered) => foreign.answer(about).replaceAll(foreign.id, passkey.id),
    }
    expect(await answered(pretender)).to.deep.include({ kind: 'refused', reason: 'wrong-answer' })
  })

  it('L21 one challenge, 20 answers on 3 replicas: one is taken', async () => {
    const { passkey } = await enrolled()
    const offer = (await on().offer(here))!
    const credential = passkey.answer({ challenge: challengeIn(offer) })
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) => on(n % 3).check({ credential, sealed: offer.sealed }, here)),
    )
    expect(all.filter(({ kind }) => kind === 'passed')).to.have.length(1)
    expect(new Set(all.map((one) => (one.kind === 'passed' ? 'passed' : one.reason)))).to.deep.equal(
      new Set(['passed', 'old-challenge']),
    )
  })

  it('L21 refuses a counter that goes back: the passkey was copied', async () => {
    const { passkey } = await enrolled()
    expect(await answered(passkey, { signCount: 5 })).to.have.property('kind', 'passed')
    expect(await answered(passkey, { signCount: 5 })).to.have.property('kind', 'refused')
    expect(await answered(passkey, { signCount: 6 })).to.have.property('kind', 'passed')
  })

  it('refuses what is no answer at all', async () => {
    const { sealed } = (await on().offer(here))!
    for (const credential of ['', '{', 'null', '{"id":1}', '{"id":"AAAA"}', JSON.stringify({ id: 'x'.repeat(5000) })])
      expect(await on().check({ credential, sealed }, here)).to.have.property('kind', 'refused')
    for (const wrong of ['', '~', 'test~AAAA', 'other~AAAA'])
      expect(await on().check({ credential: '{}', sealed: wrong }, here)).to.have.property('reason', 'old-challenge')
  })

  it('offers nothing where passkeys do not work', async () => {
    const none = createPasskeyFactors({ store: stores[0]!, party: undefined, now: () => now })
    expect(await none.offer(here)).to.equal(undefined)
    expect(await none.offerNew({ id: 'u', username: 'u', name: undefined }, here)).to.equal(undefined)
    expect(await none.check({ credential: '{}', sealed: '' }, here)).to.have.property('kind', 'refused')
  })

  it('asks for a passkey that needs no name and is unlocked, and not for one that the person has', async () => {
    const { userId, passkey } = await enrolled()
    const offer = (await on().offerNew({ id: userId, username: 'ada', name: undefined }, here))!
    const options = JSON.parse(offer.options) as Record<string, unknown>
    expect(options['authenticatorSelection']).to.deep.include({ residentKey: 'required', userVerification: 'required' })
    expect(JSON.stringify(options['excludeCredentials'])).to.contain(passkey.id)
    expect(options['pubKeyCredParams']).to.deep.equal([-8, -7, -257].map((alg) => ({ alg, type: 'public-key' })))
  })

  it('L21 enrols the right answer to the challenge of this page, and stores nothing of any other', async () => {
    const { id: userId } = await addPerson(stores[0]!)
    const { standing } = (await stores[0]!.accounts.load({ userId }))!
    const passkey = softwarePasskey({ ...party, userId })
    const offer = (await on().offerNew({ id: userId, username: 'ada', name: undefined }, here))!
    const answer = { credential: passkey.register(challengeIn(offer)), sealed: offer.sealed }
    const event = { event: 'factor.enrolled', outcome: 'success' } as const
    const request = { event, userId, standing, answer, boundTo: here, name: 'key' }
    const none = createPasskeyFactors({ store: stores[0]!, party: undefined, now: () => now })
    const stranger = passkey.register('AAAA')
    for (const wrong of [
      on().enrol({ ...request, boundTo: 'interaction-2' }),
      on().enrol({ ...request, answer: { ...answer, credential: stranger } }),
      on().enrol({ ...request, answer: { ...answer, credential: '{}' } }),
      none.enrol(request),
    ])
      expect(await wrong).to.deep.equal({ kind: 'wrong' })
    expect(await stores[0]!.factors.of(userId)).to.deep.equal([])
    expect(await on().enrol(request)).to.deep.include({ kind: 'enrolled', methods: ['hwk', 'user'] })
    expect(await on().enrol(request), 'a second time').to.deep.equal({ kind: 'ended' })
    expect(await stores[0]!.factors.of(userId)).to.have.length(1)
  })

  it('stores a passkey once, and not with an earlier standing or a used challenge', async () => {
    const { userId, passkey } = await enrolled()
    const store = stores[0]!
    const { standing } = (await store.accounts.load({ userId }))!
    const again = (about: { credentialId?: string; standing?: string; challenge?: string }) =>
      store.factors.enrolPasskey({
        userId,
        standing: about.standing ?? standing,
        passkey: {
          name: '',
          credentialId: about.credentialId ?? 'another',
          publicKey: passkey.publicKey,
          signCount: 0,
          synced: false,
          transports: [],
        },
        challenge: { id: about.challenge ?? `mark-${++marks}`, expiresAt: inMs(60_000) },
        recoveryCodes: [],
        audit: [],
      })
    expect(await again({ credentialId: passkey.id })).to.equal(undefined)
    expect(await again({ standing: 'another' })).to.equal(undefined)
    expect(await again({ challenge: 'mark-1' })).to.equal(undefined)
    expect(await again({})).to.have.property('codesStored', false)
    expect(await store.factors.of(userId)).to.have.length(2)
  })
})
