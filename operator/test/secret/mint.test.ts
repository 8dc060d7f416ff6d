import { expect } from 'chai'
import { createMint, clearPending } from '../../src/secret/mint.ts'
import { Spacing } from '../../src/secret/spacing.ts'
import { createOneClient, lookOf, planOf, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

describe('createMint', () => {
  let one: OneClient
  let spacing: Spacing
  const mint = (...[plan, more]: [Parameters<typeof lookOf>[1], Parameters<typeof lookOf>[2]?]) =>
    createMint({ spacing })(lookOf(one, plan, more))

  beforeEach(() => {
    one = createOneClient()
    spacing = new Spacing({ clock: one.clock, again: () => {} })
  })

  it('keeps 256 random bits in memory, and which triggers they were minted for', async () => {
    const outcome = await mint(planOf({ kind: 'mint', obeys: { trigger: 't' }, at: 7 }))
    expect(outcome.kind).to.equal('changed')
    const { secret, plain } = one.memory.pending!
    expect(plain.reveal()).to.match(/^[A-Za-z0-9_-]{43}$/)
    expect(secret).to.deep.include({ mintedAt: 7, obeys: { trigger: 't' } })
    expect(JSON.stringify([one.memory, one.log.lines])).not.to.include(plain.reveal())
  })

  it('takes a turn when only the schedule asks for it, also after a trigger that is long done', async () => {
    one = createOneClient({ policy: { rotation: { minSpacing: '1s' } } })
    const { spacings } = one.work().judgement
    const next = () => spacing.waitMs({ key: 'other/app', tenant: 'other', spacings, dueAt: 0 })
    await mint(planOf({ kind: 'mint', obeys: {}, at: 7 }))
    expect(next(), 'a first secret, or one that people asked for').to.equal(undefined)
    await mint(planOf({ kind: 'mint', obeys: { trigger: 'of last year' }, at: 7, dueAt: 5 }))
    expect(next()).to.equal(1_000)
  })

  for (const [why, more] of [
    ['the Secret could not be read', { failure: unreachable }],
    ["the client's own secret is missing", { missing: 'create it' }],
  ] as const) {
    it(`mints nothing when ${why}`, async () => {
      expect(await mint(planOf({ kind: 'mint', obeys: {}, at: 7 }), more)).to.deep.equal({ kind: 'passed' })
      expect(one.memory.pending).to.equal(undefined)
    })
  }

  it('does nothing when the plan asks for no new secret', async () => {
    expect(await mint(planOf({ kind: 'rest' }))).to.deep.equal({ kind: 'passed' })
  })
})

describe('clearPending', () => {
  for (const keepsPending of [true, false]) {
    it(`${keepsPending ? 'keeps' : 'forgets'} the pending secret when the plan ${keepsPending ? 'wants it' : 'does not'}`, async () => {
      const one = createOneClient()
      await createMint({ spacing: new Spacing({ clock: one.clock, again: () => {} }) })(
        lookOf(one, planOf({ kind: 'mint', obeys: {}, at: 7 })),
      )
      expect(await clearPending(lookOf(one, planOf({ kind: 'rest' }, { keepsPending })))).to.deep.equal({
        kind: 'passed',
      })
      expect(one.memory.pending !== undefined).to.equal(keepsPending)
    })
  }
})
