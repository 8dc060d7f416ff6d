import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createChanges } from '../../../src/store/cache/changes.ts'
import { inTransaction } from '../../../src/store/outbox/in-transaction.ts'
import { createDevices } from '../../../src/store/sessions/devices.ts'
import { createSignIns } from '../../../src/store/sessions/sign-ins.ts'
import type { Finish } from '../../../src/store/sessions/finish.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'
import { somebodyWaits } from '../wait-for.ts'

describe(createSignIns.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const finishOf = <About extends Partial<Finish>>(userId: string, about: About = {} as About) => {
    const sessionUid = randomUUID()
    const client = { clientUid: 'uid', clientId: 'shop.web' }
    return {
      mark: { id: randomUUID(), expiresAt: inMs(60_000) },
      device: { sessionUid, userId, version: 1, authTime: new Date(), lifeMs: 60_000, ...client, sid: 'sid' },
      consent: { userId, ...client, scopes: ['openid', 'email'], payload: { resources: {} } },
      grant: { id: randomUUID(), userId, ...client, sessionUid, offline: false, payload: {}, lifeMs: 60_000 },
      audit: [{ event: 'signin.success', outcome: 'success', userId }],
      ...about,
    } satisfies Finish
  }

  it('writes mark, session, consent, grant and audit in one round trip and one commit', async () => {
    const { id: userId } = await addPerson(store)
    const finish = finishOf(userId)
    const before = store.database.counters()
    const { done } = await store.signIns.finish(finish)
    const after = store.database.counters()
    expect([done, after.roundTrips - before.roundTrips, after.commits - before.commits]).to.deep.equal([true, 1, 1])
    const session = { uid: finish.device.sessionUid, version: 1, authTime: finish.device.authTime }
    const loaded = await store.accounts.load({ userId, session, clientUid: 'uid' })
    expect(loaded?.sessionLive).to.equal(true)
    expect(loaded?.consent?.scopes).to.deep.equal(['openid', 'email'])
    const granted = await store.accounts.loadGranted({ userId, session, grantId: finish.grant.id })
    expect([granted?.sessionLive, granted?.grant?.id]).to.deep.equal([true, finish.grant.id])
    expect((await store.devices.listOfSession(finish.device.sessionUid)).map(({ client }) => client?.id)).to.deep.equal(
      [undefined, 'shop.web'],
    )
    expect(await store.audit.search({ userId, event: 'signin.success', limit: 10 })).to.have.length(1)
  })

  it('I5 finishes an interaction once: of 20 parallel attempts one is written and the others write nothing', async () => {
    const { id: userId } = await addPerson(store)
    const mark = { id: randomUUID(), expiresAt: inMs(60_000) }
    const finishes = Array.from({ length: 20 }, () => finishOf(userId, { mark }))
    const outcomes = await Promise.all(finishes.map((finish) => store.signIns.finish(finish)))
    expect(outcomes.filter(({ done }) => done)).to.have.length(1)
    const grants = await Promise.all(finishes.map(({ grant }) => store.grants.find(grant!.id)))
    expect(grants.filter((grant) => grant !== undefined)).to.have.length(1)
    expect(await store.audit.search({ userId, event: 'signin.success', limit: 100 })).to.have.length(1)
  })

  it('needs no interaction and no grant when a session is used for another client', async () => {
    const { id: userId } = await addPerson(store)
    const { device } = finishOf(userId)
    expect(await store.signIns.finish({ device, audit: [] })).to.deep.equal({ done: true })
    expect(
      await store.signIns.finish({ device: { ...device, clientUid: 'uid-2', clientId: 'wiki.web' }, audit: [] }),
    ).to.deep.equal({ done: true })
    expect(await store.devices.listOfSession(device.sessionUid)).to.have.length(3)
  })

  it('writes nothing at all when one part cannot be written', async () => {
    const { id: userId } = await addPerson(store)
    const finish = finishOf(userId)
    const nobody = randomUUID()
    const failed = await store.signIns
      .finish({ ...finish, grant: { ...finish.grant, userId: nobody } })
      .catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
    expect(await store.oneTime.isMarked('interaction', finish.mark.id, finish.mark.expiresAt)).to.equal(false)
    expect(await store.signIns.finish(finish)).to.include({ done: true })
  })

  it('T5 writes nothing when the session ended beside which the person signed in', async () => {
    const { id: userId } = await addPerson(store)
    const { device } = finishOf(userId)
    await store.signIns.finish({ device, audit: [] })
    const person = { userId, standing: await standingOf(userId), beside: device.sessionUid }
    expect(await store.signIns.finish(finishOf(userId, { person }))).to.deep.equal({ done: true })
    await store.devices.signOut({ sessionUid: device.sessionUid, userId }, [])
    expect(await store.signIns.finish(finishOf(userId, { person }))).to.deep.equal({ done: false, ended: true })
  })

  it('T5 waits where that session is signed out at this moment, and then writes nothing', async () => {
    const other = fresh.replica()
    const { id: userId } = await addPerson(store)
    const { device } = finishOf(userId)
    await store.signIns.finish({ device, audit: [] })
    const person = { userId, standing: await standingOf(userId), beside: device.sessionUid }
    const finish = finishOf(userId, { person })
    let finished: Promise<unknown> = Promise.resolve()
    await inTransaction({ ...other, changes: createChanges(undefined) }, async (bound) => {
      await createDevices(bound).signOut({ sessionUid: device.sessionUid, userId }, [])
      finished = store.signIns.finish(finish)
      await somebodyWaits(store)
    })
    expect(await finished).to.deep.equal({ done: false, ended: true })
    expect(await store.grants.find(finish.grant.id)).to.equal(undefined)
  })

  it('ends the session of another person that the browser had, and only with the sign-in: in one commit', async () => {
    const [former, next] = [await addPerson(store), await addPerson(store)]
    const { device } = finishOf(former.id)
    await store.signIns.finish({ device, audit: [] })
    const event = { event: 'session.ended', outcome: 'success', userId: former.id } as const
    const leaves = { sessionUid: device.sessionUid, audit: [event] }
    const finish = (standing: string) =>
      store.signIns.finish(finishOf(next.id, { person: { userId: next.id, standing }, leaves }))
    expect(await finish('an earlier one')).to.deep.equal({ done: false, ended: true })
    expect(await store.devices.listOfSession(device.sessionUid)).to.have.length(2)
    const standing = await standingOf(next.id)
    const { commits } = store.database.counters()
    expect(await finish(standing)).to.deep.equal({ done: true })
    expect(store.database.counters().commits - commits).to.equal(1)
    expect(await store.devices.listOfSession(device.sessionUid)).to.deep.equal([])
    expect(await store.audit.search({ userId: former.id, event: 'session.ended', limit: 9 })).to.have.length(1)
  })

  it('clears the failures that came before', async () => {
    const { id: userId, username } = await addPerson(store)
    const limits = { perAccount: 3, perAddress: 100, windowMs: 60_000, lockMs: 60_000 }
    for (let round = 0; round < 2; round++) {
      const attempt = () => store.attempts.start({ login: username, address: '192.0.2.7', limits })
      for (let turn = 0; turn < 2; turn++) await store.attempts.fail((await attempt()).keys, limits)
      const { keys } = await attempt()
      expect(keys.accountPlace).not.to.equal(undefined)
      await store.signIns.finish(finishOf(userId, { clearAttempts: keys }))
    }
  })

  const standingOf = async (userId: string) => (await store.accounts.load({ userId }))!.standing
  const ends: [string, (userId: string) => Promise<unknown>][] = [
    ['the password was set', (userId) => store.credentials.set(userId, 'hash', { changeRequired: false, audit: [] })],
    ['the sessions were ended', (userId) => store.users.revokeSessions(userId, [])],
    ['the person was disabled', (userId) => store.users.setDisabled(userId, true, [])],
  ]
  for (const [what, end] of ends) {
    it(`T5 writes nothing when ${what} after the password was given, even within the same second`, async () => {
      const { id: userId } = await addPerson(store)
      const person = { userId, standing: await standingOf(userId) }
      await end(userId)
      const finish = finishOf(userId, { person })
      expect(await store.signIns.finish(finish)).to.deep.equal({ done: false, ended: true })
      expect(await store.grants.find(finish.grant.id)).to.equal(undefined)
      expect(await store.devices.listOfUser(userId)).to.deep.equal([])
      expect(await store.oneTime.isMarked('interaction', finish.mark.id, finish.mark.expiresAt)).to.equal(false)
      expect(await store.audit.search({ userId, event: 'signin.success', limit: 1 })).to.deep.equal([])
    })

    it(`T5 is ended too when ${what} while it is written`, async () => {
      const other = fresh.replica()
      const { id: userId } = await addPerson(store)
      const person = { userId, standing: await standingOf(userId) }
      const finish = finishOf(userId, { person })
      let ended: Promise<unknown> = Promise.resolve()
      // the sign-in has the person's row locked: the statement that ends the sessions waits, and then ends this one
      await inTransaction({ ...other, changes: createChanges(undefined) }, async (bound) => {
        const { done } = await createSignIns({ ...other, ...bound }).finish(finish)
        expect(done).to.equal(true)
        ended = end(userId)
        await somebodyWaits(store)
      })
      await ended
      expect(await store.grants.find(finish.grant.id)).to.equal(undefined)
      expect(await store.devices.listOfUser(userId)).to.deep.equal([])
    })
  }

  it('T5 waits for a statement that is just ending the sessions, and then writes nothing', async () => {
    const { id: userId } = await addPerson(store)
    const finish = finishOf(userId, { person: { userId, standing: await standingOf(userId) } })
    let finished: ReturnType<typeof store.signIns.finish> | undefined
    await fresh.replica().database.transaction(async (connection) => {
      await connection.query(disable, [userId])
      finished = store.signIns.finish(finish)
      await somebodyWaits(store)
    })
    expect(await finished).to.deep.equal({ done: false, ended: true })
    expect(await store.grants.find(finish.grant.id)).to.equal(undefined)
  })

  const disable = statement('test-disable', 'UPDATE users SET disabled_at = now() WHERE id = $1')
  it('T5 a sign-in after all sessions were ended is alive, also at a replica whose clock is late', async () => {
    const { id: userId } = await addPerson(store)
    await store.users.revokeSessions(userId, [])
    const person = { userId, standing: await standingOf(userId) }
    const finish = finishOf(userId, { person })
    const authTime = new Date(Math.floor(Date.now() / 1000) * 1000 - 5_000)
    const { done } = await store.signIns.finish({ ...finish, device: { ...finish.device, authTime } })
    const session = { uid: finish.device.sessionUid, version: 1, authTime }
    const loaded = await store.accounts.load({ userId, session })
    expect([done, loaded?.sessionLive]).to.deep.equal([true, true])
    await store.users.revokeSessions(userId, [])
    expect((await store.accounts.load({ userId, session }))?.sessionLive).to.equal(false)
  })

  it('raises the version of a session, never lowers it, and never gives the session to another person', async () => {
    const [one, other] = [await addPerson(store), await addPerson(store)]
    const { device } = finishOf(one.id)
    const authTime = device.authTime
    const live = async (version: number, userId = one.id) =>
      (await store.accounts.load({ userId, session: { uid: device.sessionUid, version, authTime } }))?.sessionLive
    await store.signIns.finish({ device: { ...device, version: 2 }, audit: [] })
    expect([await live(2), await live(1)]).to.deep.equal([true, false])
    await store.signIns.finish({ device: { ...device, version: 1 }, audit: [] })
    expect(await live(1)).to.equal(false)
    await store.signIns.finish({ device: { ...device, userId: other.id, version: 9 }, audit: [] })
    expect([await live(2), await live(9, other.id)]).to.deep.equal([true, false])
  })
})
