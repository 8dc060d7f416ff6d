import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createRedemptions } from '../../../src/store/sessions/redemptions.ts'
import type { Redemption } from '../../../src/store/sessions/redemptions.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, familyOf, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(createRedemptions.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const family = { idleTtlMs: 60_000, absoluteTtlMs: 600_000 }
  const anyVersion = 2_147_483_647

  /** Somebody who has just signed in. */
  async function signedIn(offline = false, groups: string[] = []): Promise<Redemption> {
    const { id: userId } = await addPerson(store, { groups })
    const session = { uid: randomUUID(), version: 1, authTime: new Date() }
    const whole = { userId, clientUid: 'uid-1', clientId: 'shop.web' }
    const grant = { ...whole, id: randomUUID(), sessionUid: session.uid, offline, payload: {}, lifeMs: 60_000 }
    const device = { ...whole, sid: 'sid', sessionUid: session.uid, version: 1, authTime: session.authTime }
    await store.signIns.finish({ device: { ...device, lifeMs: 60_000 }, grant, audit: [] })
    const asked = { userId, grantId: grant.id, session: { ...session, version: anyVersion } }
    const terms = { clientUid: 'uid-1', sector: undefined, allowedGroups: [], strictGroups: [] }
    return { ...asked, jti: randomUUID(), expiresAt: inMs(60_000), terms, family }
  }

  it('uses a code up and reads what its tokens are made of, in one round trip and one commit', async () => {
    const code = await signedIn()
    const before = store.database.counters()
    const { account, spent, family: begun } = await store.redemptions.redeem(code)
    const after = store.database.counters()
    expect([spent, after.roundTrips - before.roundTrips, after.commits - before.commits]).to.deep.equal([true, 1, 1])
    const loaded = await store.accounts.loadGranted(code)
    expect(loaded).to.deep.equal({ ...account, refreshSeq: 1 })
    expect(await familyOf(store, code.grantId)).to.deep.include(begun)
  })

  it('begins no family for a client without refresh tokens', async () => {
    const code = { ...(await signedIn()), family: undefined }
    expect(await store.redemptions.redeem(code)).to.deep.include({ spent: true, family: undefined })
    expect(await familyOf(store, code.grantId)).to.equal(undefined)
  })

  it('A6 of 20 parallel uses over 3 replicas one uses the code up; the others change nothing', async () => {
    const code = await signedIn()
    const replicas = [store, fresh.replica(), fresh.replica()]
    const all = await Promise.all(Array.from({ length: 20 }, (_, turn) => replicas[turn % 3]!.redemptions.redeem(code)))
    expect(all.filter(({ spent }) => spent)).to.have.length(1)
    expect(await store.grants.find(code.grantId)).to.have.property('id', code.grantId)
    const outcome = await store.grants.consumeCode({ ...code, auditOnReplay: [] })
    expect(outcome.kind).to.equal('replayed')
    expect(await store.grants.find(code.grantId)).to.equal(undefined)
  })

  it('A6 knows a code that the library has used up', async () => {
    const code = await signedIn()
    expect((await store.grants.consumeCode({ ...code, auditOnReplay: [] })).kind).to.equal('spent')
    expect((await store.redemptions.redeem(code)).spent).to.equal(false)
  })

  const ends: readonly [string, (code: Redemption) => Promise<unknown>][] = [
    ['the grant was revoked', ({ grantId }) => store.grants.revoke(grantId)],
    ['the session has ended', ({ session }) => store.devices.endSession(session!.uid, [])],
    ['all sessions were ended', ({ userId }) => store.users.revokeSessions(userId, [])],
    ['the person was disabled', ({ userId }) => store.users.setDisabled(userId, true, [])],
    ['the person was removed', ({ userId }) => store.users.remove(userId, [])],
  ]
  for (const [what, end] of ends)
    it(`does not use a code up when ${what}`, async () => {
      const code = await signedIn()
      await end(code)
      expect((await store.redemptions.redeem(code)).spent).to.equal(false)
      expect(await store.oneTime.isMarked('code', code.jti, code.expiresAt)).to.equal(false)
    })

  const changes: readonly [string, Partial<Redemption['terms']>][] = [
    ['another one under its name', { clientUid: 'uid-2' }],
    ['in another sector', { sector: 'shop.example.com' }],
    ['for groups that the person is not in', { allowedGroups: ['staff'] }],
  ]
  for (const [what, change] of changes)
    it(`does not use a code up whose client is now ${what}`, async () => {
      const code = await signedIn()
      const shown = { ...code, terms: { ...code.terms, ...change } }
      expect(await store.redemptions.redeem(shown)).to.deep.include({ spent: false, family: undefined })
      expect((await store.redemptions.redeem(code)).spent).to.equal(true)
    })

  it('uses a code up whose client is for a group of the person', async () => {
    const code = await signedIn(false, ['staff'])
    const shown = { ...code, terms: { ...code.terms, allowedGroups: ['others', 'staff'] } }
    expect((await store.redemptions.redeem(shown)).spent).to.equal(true)
  })

  it('uses a code up whose session has ended, with offline_access', async () => {
    const code = await signedIn(true)
    await store.devices.endSession(code.session!.uid, [])
    expect((await store.redemptions.redeem(code)).spent).to.equal(true)
  })

  it('leaves a code of somebody of another source to who asks that source first', async () => {
    const code = await signedIn()
    const named = { username: randomUUID(), email: undefined, emailVerified: false, name: undefined, locale: undefined }
    const person = { ...named, profile: {}, disabled: false, groups: [] }
    const { user } = await store.users.adopt({ source: 'corp', key: randomUUID(), person }, [])
    const grant = { clientUid: 'uid-1', clientId: 'shop.web', sessionUid: undefined, offline: true, payload: {} }
    await store.grants.insert({ ...grant, id: code.jti, userId: user.id, lifeMs: 60_000 })
    const ofOther = { ...code, userId: user.id, grantId: code.jti, session: undefined }
    const { account, spent } = await store.redemptions.redeem(ofOther)
    expect([account?.grant?.id, spent]).to.deep.equal([code.jti, false])
  })
})
