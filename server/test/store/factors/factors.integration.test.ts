import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createKeyRing } from '../../../src/store/driver/envelope.ts'
import { createFactors } from '../../../src/store/factors/factors.ts'
import type { Enrolment } from '../../../src/store/factors/apps.ts'
import { mostPasskeys } from '../../../src/store/factors/passkeys.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const limits = { perAccount: 3, windowMs: 60_000, lockMs: 60_000 }
const seed = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

describe(createFactors.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const standingOf = async (userId: string) => (await store.accounts.load({ userId }))!.standing
  const enrolmentOf = async (userId: string, about: Partial<Enrolment> = {}): Promise<Enrolment> => ({
    userId,
    standing: await standingOf(userId),
    app: { name: 'phone', seed, lastStep: 100 },
    recoveryCodes: ['A', 'B', 'C'],
    audit: [{ event: 'factor.enrolled', outcome: 'success', userId }],
    ...about,
  })
  async function enrolled() {
    const { id } = await addPerson(store)
    await store.factors.enrolApp(await enrolmentOf(id))
    const { app } = await store.factors.findApp(id, limits)
    return { userId: id, id: app!.id }
  }
  const count = async (query: string, userId: string) =>
    (
      await store.database.query<{ n: number }>(
        statement(`test-${query}`, `SELECT count(*)::integer AS n FROM ${query} WHERE user_id = $1`),
        [userId],
      )
    )[0]!.n

  it('stores an app with its codes and its audit row in one commit, and says the standing after it', async () => {
    const { id: userId } = await addPerson(store)
    const enrolment = await enrolmentOf(userId)
    const before = store.database.counters()
    const stored = await store.factors.enrolApp(enrolment)
    const after = store.database.counters()
    expect(after.commits - before.commits).to.equal(1)
    expect(stored).to.deep.include({ standing: await standingOf(userId), codesStored: true })
    expect(stored!.standing).not.to.equal(enrolment.standing)
    expect((await store.factors.of(userId)).map(({ kind, name }) => [kind, name])).to.deep.equal([['totp', 'phone']])
    expect((await store.accounts.load({ userId }))!.factors).to.deep.equal(['totp'])
    expect(await store.audit.search({ userId, event: 'factor.enrolled', limit: 5 })).to.have.length(1)
  })

  it('stores nothing when the standing has changed, or the person is disabled', async () => {
    const { id: userId } = await addPerson(store)
    const enrolment = await enrolmentOf(userId)
    await store.users.revokeSessions(userId, [])
    expect(await store.factors.enrolApp(enrolment)).to.equal(undefined)
    const disabled = await enrolmentOf(userId)
    await store.users.setDisabled(userId, true, [])
    expect(await store.factors.enrolApp({ ...disabled, standing: await standingOf(userId) })).to.equal(undefined)
    expect([await count('factors', userId), await count('recovery_codes', userId)]).to.deep.equal([0, 0])
  })

  it('of 20 parallel enrolments of one sign-in one is stored, with its codes', async () => {
    const { id: userId } = await addPerson(store)
    const enrolment = await enrolmentOf(userId)
    const others = [store, fresh.replica(), fresh.replica()]
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        others[n % 3]!.factors.enrolApp({ ...enrolment, recoveryCodes: [`A${n}`, `B${n}`] }),
      ),
    )
    expect(all.filter((stored) => stored !== undefined)).to.have.length(1)
    expect([await count('factors', userId), await count('recovery_codes', userId)]).to.deep.equal([1, 2])
  })

  it('a new app takes the place of the one before, and the recovery codes stay', async () => {
    const { userId, id } = await enrolled()
    const next = await store.factors.enrolApp(await enrolmentOf(userId, { recoveryCodes: ['X', 'Y'] }))
    expect(next).to.deep.include({ standing: await standingOf(userId), codesStored: false })
    const { app } = await store.factors.findApp(userId, limits)
    expect(app!.id).not.to.equal(id)
    expect(await count('recovery_codes', userId)).to.equal(3)
  })

  it('stores no more passkeys of one person than there may be, also of many at once', async () => {
    const { id: userId } = await addPerson(store)
    const passkey = () => ({
      credentialId: randomUUID(),
      publicKey: randomBytes(8),
      signCount: 0,
      synced: true,
      name: 'key',
      transports: [],
    })
    const add = async () =>
      store.factors.enrolPasskey({
        ...(await enrolmentOf(userId)),
        passkey: passkey(),
        challenge: { id: randomUUID(), expiresAt: new Date(Date.now() + 60_000) },
      })
    for (let n = 1; n < mostPasskeys; n++) expect(await add(), `passkey ${n}`).not.to.equal(undefined)
    const last = await Promise.all([add(), add(), add()])
    expect(last.filter((one) => one !== undefined)).to.have.length(1)
    expect(await add()).to.equal(undefined)
    expect(await count('factors', userId)).to.equal(mostPasskeys)
  })

  it('L9 a reset leaves no factor and no link that vouches for one, whatever is stored at the same moment', async () => {
    const replica = fresh.replica()
    const people = await Promise.all(Array.from({ length: 20 }, () => addPerson(store)))
    const left = people.map(async ({ id: userId }, n) => {
      const enrolment = await enrolmentOf(userId)
      const identity = { upstream: 'corp', issuer: 'https://corp.example.com', subject: userId, maxAgeMs: 60_000 }
      const account = { userId, proved: enrolment.standing, strongBy: 'link' } as const
      const storing = [
        n % 2 === 0 ? store.factors.enrolApp(enrolment) : store.upstreamLinks.link(identity, account, { audit: [] }),
        replica.factors.reset(userId, []),
      ]
      await Promise.all(storing)
      const strong = (await store.upstreamLinks.of(userId)).filter(({ isStrong }) => isStrong)
      return [...(await store.factors.of(userId)), ...strong]
    })
    expect((await Promise.all(left)).flat()).to.deep.equal([])
  })

  it('L9 changes nothing for a person with another standing than when they were let in', async () => {
    const { id: userId } = await addPerson(store)
    const early = { userId, standing: await standingOf(userId) }
    await store.factors.enrolApp(await enrolmentOf(userId))
    const [before] = await store.factors.of(userId)
    const ways = { upstreams: [], passkeys: false }
    expect(await store.factors.replaceRecoveryCodes(early, ['X'], { audit: [] })).to.equal(false)
    expect(await store.factors.remove(early, before!.id, ways, { audit: [] })).to.equal(false)
    expect(await store.factors.rename(early, before!.id, 'mine', [])).to.equal(false)
    expect(await store.factors.of(userId)).to.deep.equal([before])
    expect(await store.factors.recoveryCodesLeft(userId)).to.equal(3)
    const now = { userId, standing: await standingOf(userId) }
    expect(await store.factors.replaceRecoveryCodes(now, ['X'], { audit: [] })).to.equal(true)
    expect(await store.factors.remove(now, before!.id, ways, { audit: [] })).to.equal(false)
  })

  it('L8 of 20 parallel uses of one step on 3 replicas one is accepted, and no earlier step after it', async () => {
    const { userId, id } = await enrolled()
    const replicas = [store, fresh.replica(), fresh.replica()]
    const use = { userId, id, step: 200, limits }
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => replicas[n % 3]!.factors.consumeStep(use)))
    expect(all.filter(Boolean)).to.have.length(1)
    for (const step of [100, 199, 200]) expect(await store.factors.consumeStep({ ...use, step })).to.equal(false)
    expect(await store.factors.consumeStep({ ...use, step: 201 })).to.equal(true)
  })

  it('a step of one person is not used with the factor of another', async () => {
    const one = await enrolled()
    const other = await enrolled()
    expect(await store.factors.consumeStep({ userId: one.userId, id: other.id, step: 200, limits })).to.equal(false)
  })

  it('L9 of 20 parallel uses of one recovery code on 3 replicas one is accepted; the others still work', async () => {
    const { userId } = await enrolled()
    const replicas = [store, fresh.replica(), fresh.replica()]
    const audit = [{ event: 'factor.recovery_used', outcome: 'success', userId }] as const
    const use = (code: string, n = 0) => replicas[n % 3]!.factors.consumeRecoveryCode({ userId, code, limits, audit })
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => use('B', n)))
    expect(all.filter((used) => used !== undefined)).to.deep.equal([{ left: 2 }])
    expect(await use('A')).to.deep.equal({ left: 1 })
    expect(await use('D')).to.equal(undefined)
    expect(await store.audit.search({ userId, event: 'factor.recovery_used', limit: 50 })).to.have.length(2)
  })

  it('L8 the limit of wrong codes is one for all replicas: after it a right one is refused, until the lock ends', async () => {
    const { userId, id } = await enrolled()
    const replicas = [store, fresh.replica(), fresh.replica()]
    await Promise.all(Array.from({ length: 20 }, (_, n) => replicas[n % 3]!.factors.countWrongCode(userId, limits)))
    const { lockedSeconds } = await store.factors.findApp(userId, limits)
    expect(lockedSeconds).to.be.within(1, 60)
    const audit = [{ event: 'factor.recovery_used', outcome: 'success', userId }] as const
    expect(await store.factors.consumeStep({ userId, id, step: 300, limits })).to.equal(false)
    expect(await store.factors.consumeRecoveryCode({ userId, code: 'A', limits, audit })).to.equal(undefined)
    expect(await store.attempts.unlock(userId, [])).to.equal(true)
    expect(await store.factors.consumeStep({ userId, id, step: 300, limits })).to.equal(true)
  })

  it('a right code forgets the wrong ones, and a lock that has ended begins anew', async () => {
    const { userId, id } = await enrolled()
    for (let n = 0; n < 2; n++) expect(await store.factors.countWrongCode(userId, limits)).to.equal(0)
    expect(await store.factors.consumeStep({ userId, id, step: 300, limits })).to.equal(true)
    for (let n = 0; n < 2; n++) expect(await store.factors.countWrongCode(userId, limits)).to.equal(0)
    expect(await store.factors.countWrongCode(userId, { ...limits, lockMs: 0 })).to.equal(0)
    expect(await store.factors.consumeStep({ userId, id, step: 301, limits })).to.equal(true)
  })

  it('reset removes every factor and code, ends the sessions and says how many factors there were', async () => {
    const { userId } = await enrolled()
    const before = await standingOf(userId)
    expect(await store.factors.reset(userId, [{ event: 'factor.removed', outcome: 'success', userId }])).to.equal(1)
    expect(await store.factors.of(userId)).to.deep.equal([])
    expect([await count('factors', userId), await count('recovery_codes', userId)]).to.deep.equal([0, 0])
    expect(await standingOf(userId)).not.to.equal(before)
    expect(await store.factors.reset(randomUUID(), [])).to.equal(undefined)
  })

  it('a seed is encrypted, and bound to its row and its person', async () => {
    const { id } = await enrolled()
    const other = await enrolled()
    const rowOf = statement<{ secret: Buffer }>('test-secret', 'SELECT secret FROM factors WHERE id = $1')
    const [{ secret } = { secret: Buffer.alloc(0) }] = await store.database.query(rowOf, [id])
    expect(secret.toString('latin1')).not.to.contain(seed)
    await store.database.query(statement('test-swap', 'UPDATE factors SET secret = $2 WHERE id = $1'), [
      other.id,
      secret,
    ])
    let refused: unknown
    await store.factors.findApp(other.userId, limits).catch((error: unknown) => (refused = error))
    expect(refused).to.have.property('code', 'SEALED_ROW_DAMAGED')
    await store.factors.reset(other.userId, [])
  })

  it('encrypts earlier seeds with the current key of the ring, in batches', async () => {
    const own = await freshStore()
    const keys = [randomBytes(32), randomBytes(32)] as const
    const before = own.replica({ ring: createKeyRing(new Map([['one', keys[0]]]), 'one') })
    const { id: userId } = await addPerson(before)
    const standing = (await before.accounts.load({ userId }))!.standing
    await before.factors.enrolApp({
      userId,
      standing,
      app: { name: '', seed, lastStep: 1 },
      recoveryCodes: [],
      audit: [],
    })
    const ring = createKeyRing(
      new Map([
        ['one', keys[0]],
        ['two', keys[1]],
      ]),
      'two',
    )
    const after = own.replica({ ring })
    expect(await after.factors.keysInUse()).to.deep.equal([{ keyId: 'one', seeds: 1 }])
    expect(await after.factors.reencrypt()).to.deep.equal({ done: 1, left: [] })
    expect(await after.factors.reencrypt()).to.deep.equal({ done: 0, left: [] })
    expect(await after.factors.keysInUse()).to.deep.equal([{ keyId: 'two', seeds: 1 }])
    expect((await after.factors.findApp(userId, limits)).app?.seed).to.equal(seed)
    await own.stop()
  })
})
