import { expect } from 'chai'
import type { Store } from '../../../src/store/store.ts'
import { createSecondFactors } from '../../../src/users/factors/second-factors.ts'
import { codeAt, mintSeed } from '../../../src/users/factors/totp.ts'
import { addPerson, freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'
import { manyGuesses } from '../../store/many-guesses.ts'

const step = 30_000
const limits = { perAccount: 3, windowMs: 60_000, lockMs: 60_000 }

describe(createSecondFactors.name, () => {
  let fresh: FreshStore
  let store: Store
  /** Epoch milliseconds. */
  let now = Date.UTC(2030, 0, 1)
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const factors = () => createSecondFactors({ store, now: () => now, limits })
  const seed = mintSeed()
  const event = { event: 'factor.enrolled', outcome: 'success' } as const

  async function enrolled() {
    const { id: userId } = await addPerson(store)
    const { standing } = (await store.accounts.load({ userId }))!
    const outcome = await factors().enrolApp({ userId, standing, seed, code: codeAt(seed, now), name: '', event })
    return { userId, standing, outcome }
  }

  it('enrols an app that shows the right code; that code does not work again', async () => {
    const { userId, outcome } = await enrolled()
    expect(outcome).to.have.property('kind', 'enrolled')
    expect(await factors().checkCode(userId, codeAt(seed, now))).to.deep.equal({ kind: 'wrong', reason: 'used-code' })
    now += step
    expect(await factors().checkCode(userId, codeAt(seed, now))).to.deep.equal({ kind: 'passed' })
    const wrong = { kind: 'wrong', reason: 'wrong-code' }
    expect(await factors().checkCode(userId, codeAt(seed, now + 10 * step))).to.deep.equal(wrong)
  })

  it('I1 stores nothing for a wrong code, or with an earlier standing', async () => {
    const { id: userId } = await addPerson(store)
    const { standing } = (await store.accounts.load({ userId }))!
    const app = { userId, standing, seed, code: codeAt(seed, now + 10 * step), name: '', event }
    expect(await factors().enrolApp(app)).to.deep.equal({ kind: 'wrong' })
    const held = { ...app, code: codeAt(seed, now), standing: 'another' }
    expect(await factors().enrolApp(held)).to.deep.equal({ kind: 'ended' })
    expect(await store.factors.of(userId)).to.deep.equal([])
  })

  it('L8 accepts the code of the step before, then no earlier one, in any order of clocks', async () => {
    const { userId } = await enrolled()
    now += 10 * step
    const codes = [-2, -1, 0, 1, 2].map((distance) => codeAt(seed, now + distance * step))
    const kinds: string[] = []
    for (const code of codes) {
      const outcome = await factors().checkCode(userId, code)
      kinds.push(outcome.kind)
    }
    expect(kinds).to.deep.equal(['wrong', 'passed', 'passed', 'passed', 'wrong'])
  })

  it('L8 locks after the limit, says for how long, and a person without an app is counted in the same way', async () => {
    for (const userId of [(await enrolled()).userId, (await addPerson(store)).id]) {
      const outcomes = []
      for (let n = 0; n < 4; n++) outcomes.push((await factors().checkCode(userId, 'no code')).kind)
      expect(outcomes).to.deep.equal(['wrong', 'wrong', 'locked', 'locked'])
      const locked = await factors().consumeRecoveryCode(userId, 'ABCD', {
        event: { ...event, event: 'factor.recovery_used' },
      })
      expect(locked).to.have.property('kind', 'locked')
      expect((locked as { seconds: number }).seconds).to.be.within(1, 60)
    }
  })

  it('L8 of guesses that are on their way together, each after the last one within the limit is told of the lock', async () => {
    const replicas = [store, fresh.replica(), fresh.replica()].map((each) =>
      createSecondFactors({ store: each, now: () => now, limits }),
    )
    for (let round = 0; round < 20; round++) {
      const { id } = await addPerson(store)
      const guesses = Array.from({ length: 12 }, (_, n) => replicas[n % 3]!.checkCode(id, 'no code'))
      const kinds = (await Promise.all(guesses)).map(({ kind }) => kind)
      expect(kinds.filter((kind) => kind === 'wrong')).to.have.length(limits.perAccount - 1)
    }
  })

  it('L8 of 10,000 guesses over 3 replicas no more than the limit are answered, and the right code comes too late', async () => {
    const { userId } = await enrolled()
    now += step
    const right = codeAt(seed, now)
    const replicas = [store, fresh.replica(), fresh.replica()].map((each) =>
      // however long the guesses take here, the lock holds longer
      createSecondFactors({
        store: each,
        now: () => now,
        limits: { ...limits, windowMs: 3_600_000, lockMs: 3_600_000 },
      }),
    )
    // two at each replica: what counts is that they are on their way together
    const atOnce = 6
    const codes = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(6, '0')).filter((code) => code !== right)
    const kinds = await manyGuesses({ count: codes.length, atOnce }, (n) =>
      replicas[n % 3]!.checkCode(userId, codes[n]!),
    )
    // the last one within the limit is told of the lock
    expect(kinds['wrong']).to.equal(limits.perAccount - 1)
    expect(kinds['locked']).to.equal(codes.length - limits.perAccount + 1)
    for (const each of replicas) expect(await each.checkCode(userId, right)).to.have.property('kind', 'locked')
    await store.attempts.unlock(userId, [])
    expect(await replicas[1]!.checkCode(userId, right)).to.deep.equal({ kind: 'passed' })
  })
})
