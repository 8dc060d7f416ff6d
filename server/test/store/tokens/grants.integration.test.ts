import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { createGrants } from '../../../src/store/tokens/grants.ts'
import type { NewGrant } from '../../../src/store/tokens/grants.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, beginFamily, familyOf, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(createGrants.name, () => {
  let fresh: FreshStore
  let store: Store
  let userId: string
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
    userId = (await addPerson(store)).id
  })
  after(() => fresh.stop())

  const newGrant = (about: Partial<NewGrant> = {}): NewGrant => ({
    id: randomUUID(),
    userId,
    clientUid: 'uid-1',
    clientId: 'shop.web',
    sessionUid: 'session-1',
    offline: false,
    payload: { scopes: ['openid'] },
    lifeMs: 60_000,
    ...about,
  })
  const family = { idleTtlMs: 60_000, absoluteTtlMs: 600_000 }
  const replay = [{ event: 'code.replay', outcome: 'failure' }] as const

  it('finds a grant until it is revoked, with its family', async () => {
    const grant = newGrant()
    await store.grants.insert(grant)
    await beginFamily(store, grant.id, family)
    expect(await store.grants.find(grant.id)).to.deep.include({ id: grant.id, payload: grant.payload, userId })
    expect(await store.grants.revoke(grant.id)).to.equal(true)
    expect(await store.grants.revoke(grant.id)).to.equal(false)
    expect(await store.grants.find(grant.id)).to.equal(undefined)
    expect(await familyOf(store, grant.id)).to.equal(undefined)
  })

  it('does not find an expired grant, and begins no family for it', async () => {
    const grant = newGrant({ lifeMs: -1 })
    await store.grants.insert(grant)
    expect(await store.grants.find(grant.id)).to.equal(undefined)
    const code = { jti: randomUUID(), expiresAt: inMs(60_000), grantId: grant.id, family, auditOnReplay: replay }
    expect(await store.grants.consumeCode(code)).to.deep.equal({ kind: 'spent' })
  })

  it('names table and row of a payload that is no object, and nothing of what it is', async () => {
    const grant = newGrant()
    await store.grants.insert(grant)
    const damage = statement('test-damage', `UPDATE grants SET payload = '"geheim"' WHERE id = $1`)
    await store.database.query(damage, [grant.id])
    const failed = await store.accounts.loadGranted({ userId, grantId: grant.id }).catch(String)
    expect(failed)
      .to.contain('STORED_VALUE_INVALID')
      .and.to.contain(`grants, row ${grant.id}`)
      .and.to.not.contain('geheim')
  })

  it('T50 a grant that came of another one is alive while all before it are, and has its person, session and end', async () => {
    const root = newGrant({ lifeMs: 30_000, offline: true })
    await store.grants.insert(root)
    const child = (parentId: string) => ({
      parentId,
      id: randomUUID(),
      clientUid: 'uid-2',
      clientId: 'shop.orders',
      payload: {},
      lifeMs: 60_000,
    })
    const second = child(root.id)
    const third = child(second.id)
    for (const each of [second, third]) expect(await store.grants.insertChild(each)).to.equal('stored')
    const { userId: person, sessionUid, offline, lifeMs } = root
    const { expiresAt } = (await store.grants.find(root.id))!
    const { grantFrom } = (await store.accounts.loadGranted({ userId: person, grantId: third.id }))!
    expect(grantFrom.map(({ clientUid }) => clientUid)).to.deep.equal(['uid-1', 'uid-2'])
    expect(await store.grants.find(third.id)).to.deep.include({ userId: person, sessionUid, offline, expiresAt })
    const use = { userId, sessionUid: sessionUid!, version: 1, authTime: new Date(), lifeMs }
    await store.signIns.finish({
      device: { ...use, clientUid: 'uid-2', clientId: 'shop.orders', sid: 'sid' },
      audit: [],
    })
    const keepsAccess = async () => (await store.devices.whoUsed(sessionUid!))?.clients.map((one) => one.keepsAccess)
    expect(await keepsAccess()).to.deep.equal([true])
    await store.grants.revoke(second.id)
    expect(await keepsAccess(), 'what came of an ended grant').to.deep.equal([false])
    expect(await store.grants.find(third.id)).to.equal(undefined)
    expect(await store.grants.insertChild(child(third.id))).to.equal('ended')
    expect((await store.grants.find(root.id))?.id).to.equal(root.id)
    expect((await store.accounts.loadGranted({ userId: person, grantId: third.id }))?.grant).to.equal(undefined)
  })

  it('T50 of 208 exchanges over two replicas, the last 18 at once, exactly 200 pass; one that has expired does not count', async () => {
    const root = newGrant()
    await store.grants.insert(root)
    const child = (lifeMs: number) => ({
      parentId: root.id,
      id: randomUUID(),
      clientUid: 'uid-x',
      clientId: 'shop.orders',
      payload: {},
      lifeMs,
    })
    const replicas = [store, fresh.replica()]
    const [soon, later] = [1, 60_000]
    const fill = Array.from({ length: 190 }, (_, turn) => replicas[turn % 2]!.grants.insertChild(child(later)))
    expect(new Set(await Promise.all(fill))).to.deep.equal(new Set(['stored']))
    // none is written before many have looked
    const [isHeld, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const holding = fresh.replica().database.transaction(async (connection) => {
      await connection.query(statement('test-hold-users', 'SELECT id FROM users FOR UPDATE'), [])
      isHeld.resolve()
      await end.promise
    })
    await isHeld.promise
    const turns = Array.from({ length: 18 }, (_, turn) => replicas[turn % 2]!.grants.insertChild(child(later)))
    const waiting = statement<{ n: number }>(
      'test-waiting',
      "SELECT count(*)::integer AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    const watcher = fresh.replica()
    while ((await watcher.database.query(waiting, []))[0]!.n < 18) await nextTurn()
    end.resolve()
    await holding
    const outcomes = await Promise.all(turns)
    expect(outcomes.filter((one) => one === 'stored')).to.have.length(10)
    expect(outcomes.filter((one) => one === 'too-many')).to.have.length(8)
    const other = newGrant()
    await store.grants.insert(other)
    const brief = { ...child(soon), parentId: other.id }
    await store.grants.insertChild(brief)
    for (let turn = 0; turn < 200; turn++)
      expect(await store.grants.insertChild({ ...child(later), parentId: other.id })).to.equal('stored')
    expect(await store.grants.insertChild({ ...child(later), parentId: other.id })).to.equal('too-many')
  })

  it('A6 accepts a code once in 50 parallel requests over 3 replicas, and revokes the grant with its family', async () => {
    const replicas = [store, fresh.replica(), fresh.replica()]
    const grant = newGrant()
    await store.grants.insert(grant)
    const code = { jti: randomUUID(), expiresAt: inMs(60_000), grantId: grant.id, family, auditOnReplay: replay }
    const turns = Array.from({ length: 50 }, (_, turn) => replicas[turn % 3]!.grants.consumeCode(code))
    const spent = (await Promise.all(turns)).filter(({ kind }) => kind === 'spent')
    expect(spent).to.have.length(1)
    expect(spent[0]).to.have.nested.property('family.seq', 1)
    expect(await store.grants.find(grant.id)).to.equal(undefined)
    expect(await familyOf(store, grant.id)).to.equal(undefined)
    const rotated = await store.renewals.rotate({
      userId,
      grantId: grant.id,
      seq: 1,
      graceMs: 0,
      idleTtlMs: 1000,
      auditOnReuse: [],
    })
    expect(rotated.kind).to.equal('gone')
  })

  it('A6 writes one audit row and one line for each replay, and none for the first use', async () => {
    const grant = newGrant()
    await store.grants.insert(grant)
    const event = { event: 'code.replay', outcome: 'failure', reason: randomUUID() } as const
    const code = { jti: randomUUID(), expiresAt: inMs(60_000), grantId: grant.id, auditOnReplay: [event] }
    const rowsOf = async () =>
      (await store.audit.search({ limit: 1000 })).filter(({ reason }) => reason === event.reason)
    expect((await store.grants.consumeCode(code)).kind).to.equal('spent')
    expect(await rowsOf()).to.have.length(0)
    expect((await store.grants.consumeCode(code)).kind).to.equal('replayed')
    expect(await rowsOf()).to.have.length(1)
    expect(fresh.lines.filter((line) => line.includes(event.reason))).to.have.length(1)
  })

  it('creates the refresh family with the code, or returns the one that exists', async () => {
    const grant = newGrant()
    await store.grants.insert(grant)
    await beginFamily(store, grant.id, family)
    const known = await familyOf(store, grant.id)
    const spent = await store.grants.consumeCode({
      jti: randomUUID(),
      expiresAt: inMs(60_000),
      grantId: grant.id,
      family,
      auditOnReplay: [],
    })
    expect(spent).to.deep.equal({ kind: 'spent', family: { seq: 1, rotatedAt: known!.rotatedAt } })
  })

  it('ends with a session its grants and their refresh families, not those with offline_access', async () => {
    const sessionUid = randomUUID()
    const online = newGrant({ sessionUid })
    const offline = newGrant({ sessionUid, offline: true, clientUid: 'uid-2' })
    const elsewhere = newGrant()
    for (const grant of [online, offline, elsewhere]) await store.grants.insert(grant)
    for (const { id } of [online, offline]) await beginFamily(store, id, family)
    await store.devices.endSession(sessionUid)
    expect(await store.grants.find(online.id)).to.equal(undefined)
    expect(await familyOf(store, online.id)).to.equal(undefined)
    expect(await store.grants.find(offline.id)).to.not.equal(undefined)
    expect(await familyOf(store, offline.id)).to.not.equal(undefined)
    expect(await store.grants.find(elsewhere.id)).to.not.equal(undefined)
  })

  it("ends all of a person's grants with their sessions, and nobody else's", async () => {
    const [mine, other] = [await addPerson(store), await addPerson(store)]
    const grants = [newGrant({ userId: mine.id }), newGrant({ userId: mine.id }), newGrant({ userId: other.id })]
    for (const grant of grants) await store.grants.insert(grant)
    await store.users.revokeSessions(mine.id, [])
    const found = await Promise.all(grants.map(({ id }) => store.grants.find(id)))
    expect(found.map((grant) => grant !== undefined)).to.deep.equal([false, false, true])
  })

  describe('T50 with 5,000 tokens that came of one sign-in, a person is signed out and disabled as fast as ever', () => {
    const fill = statement(
      'test-fill-children',
      `WITH children AS (INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, payload, expires_at)
         SELECT p.id || '-' || n, p.user_id, 'uid-2', 'shop.orders', p.session_uid, '{}', p.expires_at
         FROM grants p, generate_series(1, 5000) n WHERE p.id = $1 RETURNING id)
       INSERT INTO grant_parents (grant_id, parent_id) SELECT id, $1 FROM children`,
    )
    const touched = statement('test-touched', 'SELECT id FROM grants WHERE user_id = $1 AND revoked_at IS NOT NULL')
    const device = statement(
      'test-device',
      `INSERT INTO devices (session_uid, user_id, client_uid, client_id, version, auth_time, expires_at)
       VALUES ($1, $2, '', '', 1, now(), now() + interval '1 hour')`,
    )
    const again = statement('test-again', 'UPDATE grants SET revoked_at = NULL WHERE id = $1')
    const root = { ...newGrant(), sessionUid: randomUUID() }

    before(async () => {
      root.userId = (await addPerson(store)).id
      root.lifeMs = 3_600_000
      await store.grants.insert(root)
      await store.database.query(fill, [root.id])
    })

    const ends: readonly [sentence: string, end: () => Promise<unknown>][] = [
      ['its session ends', () => store.devices.endSession(root.sessionUid)],
      [
        'the device is signed out',
        async () => {
          await store.database.query(device, [root.sessionUid, root.userId])
          expect(await store.devices.signOut(root as { sessionUid: string; userId: string }, [])).to.equal(true)
        },
      ],
      ['they are signed out everywhere', () => store.users.revokeSessions(root.userId, [])],
      ['they are disabled', () => store.users.setDisabled(root.userId, true, [])],
    ]
    for (const [sentence, end] of ends)
      it(`only the grant of the sign-in is touched when ${sentence}, and they all end`, async () => {
        await store.database.query(again, [root.id])
        expect(await store.grants.find(`${root.id}-5000`)).not.to.equal(undefined)
        await end()
        expect(await store.database.query(touched, [root.userId])).to.deep.equal([{ id: root.id }])
        expect(await store.grants.find(`${root.id}-5000`)).to.equal(undefined)
      })
  })
})
