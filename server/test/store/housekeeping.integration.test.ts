import { quietLog } from '@nauthera/harness/kept-log'
import { randomUUID } from 'node:crypto'
import { mock } from 'node:test'
import { expect } from 'chai'
import { createEpoch } from '../../src/store/epoch.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { Connection } from '../../src/store/driver/database.ts'
import { createPushedRequests } from '../../src/store/tokens/pushed-requests.ts'
import { createReaper } from '../../src/store/reaper.ts'
import type { Store } from '../../src/store/store.ts'
import { keepLog } from '../http/harness.ts'
import { codeOf } from './code-of.ts'
import { addPerson, beginFamily, freshStore, inMs, testRing } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'

describe('housekeeping of the store', () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  describe(createPushedRequests.name, () => {
    it('keeps a request until it expires', async () => {
      const [id, expired] = [randomUUID(), randomUUID()]
      expect(
        await store.pushedRequests.insert({
          id,
          clientUid: 'a',
          payload: { scope: 'openid' },
          lifeMs: 60_000,
        }),
      ).to.equal(true)
      await store.pushedRequests.insert({ id: expired, clientUid: 'a', payload: {}, lifeMs: -1 })
      expect(await store.pushedRequests.find(id)).to.deep.equal({ scope: 'openid' })
      expect(await store.pushedRequests.find(expired)).to.equal(undefined)
    })

    it('A10 is opened by its own client until it is spent, and spent once, whoever asks at once', async () => {
      const id = randomUUID()
      await store.pushedRequests.insert({ id, clientUid: 'a', payload: { scope: 'openid' }, lifeMs: 60_000 })
      expect(await store.pushedRequests.open(id, 'b')).to.equal(undefined)
      for (const { pushedRequests } of [store, fresh.replica(), store])
        expect(await pushedRequests.open(id, 'a')).to.deep.equal({ scope: 'openid' })
      const both = [store, fresh.replica()].map(({ pushedRequests }) => pushedRequests.consume(id, 60_000))
      expect((await Promise.all(both)).filter((first) => first)).to.have.length(1)
      expect(await store.pushedRequests.open(id, 'a')).to.equal(undefined)
      // for the interaction that it has given a code
      expect(await store.pushedRequests.find(id)).to.deep.equal({ scope: 'openid' })
    })

    it('leaves neither its id nor its content in the database', async () => {
      const id = randomUUID()
      const payload = { request: 'a-state-and-a-nonce' }
      await store.pushedRequests.insert({ id, clientUid: 'a', payload, lifeMs: 60_000 })
      await store.pushedRequests.consume(id, 60_000)
      const all = statement<{ row: string }>(
        'test-all-of-it',
        'SELECT p::text AS row FROM pushed_requests p UNION ALL SELECT o::text FROM one_time o',
      )
      const rows = await store.database.query(all)
      expect(rows.length).to.be.greaterThan(1)
      for (const { row } of rows) expect(row).to.not.contain(id).and.not.contain('a-state-and-a-nonce')
    })

    it('E6 limits the open requests of each client', async () => {
      const capped = createPushedRequests({ ...store, ring: testRing, perClient: 3 })
      const put = (clientUid: string) => capped.insert({ id: randomUUID(), clientUid, payload: {}, lifeMs: 60_000 })
      const flood = [await put('flood'), await put('flood'), await put('flood'), await put('flood')]
      expect(flood).to.deep.equal([true, true, true, false])
      expect(await put('other')).to.equal(true)
    })

    it('never replaces a request under the same id', async () => {
      const request = { id: randomUUID(), clientUid: 'a', lifeMs: 60_000 }
      await store.pushedRequests.insert({ ...request, payload: { first: true } })
      expect(await store.pushedRequests.insert({ ...request, payload: { first: false } })).to.equal(false)
      expect(await store.pushedRequests.find(request.id)).to.deep.equal({ first: true })
    })
  })

  describe(createEpoch.name, () => {
    it('F27 rises with each restore, also above the value in a restored row', async () => {
      const first = await store.epoch.read()
      const second = await store.epoch.raise([{ event: 'admin.migrate.restored', outcome: 'success' }])
      expect(second).to.be.greaterThan(first)
      // the same backup is restored again: the row is as old as before
      await store.database.query(statement('test-restore', 'UPDATE epoch SET epoch = $1'), [first])
      expect(await store.epoch.raise([])).to.be.at.least(second)
      expect(await store.audit.search({ event: 'admin.migrate.restored', limit: 5 })).to.have.length(1)
    })
  })

  it('F27 what works once works no more after a restore: in the backup it looks unused; applications are told', async () => {
    const { id } = await addPerson(store)
    await store.database.query(
      statement(
        'test-unused',
        `WITH a AS (INSERT INTO grants (id, user_id, client_uid, client_id, payload, expires_at) VALUES ('g', $1, 'c', 'c', '{}', now() + interval '1 h')),
         b AS (INSERT INTO devices (session_uid, user_id, client_uid, client_id, sid, auth_time, expires_at)
           SELECT 's', $1, client, client, client, now(), now() + interval '1 h' FROM unnest(ARRAY['', 'c']) AS client),
         c AS (INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, 'x')),
         d AS (INSERT INTO mail_links (token_hash, kind, user_id, email, expires_at) VALUES ('x', 'reset', $1, 'x', now() + interval '1 h')),
         e AS (INSERT INTO outbox (id, kind, once_key, payload, encrypted_by, give_up_at) VALUES ($1, 'mail', 'x', 'x', 'x', now()))
         INSERT INTO desk_requests (id, user_id, act, about, asked_by, expires_at) VALUES ($1, $1, 'disable', '', $1, now())`,
      ),
      [id],
    )
    await store.epoch.raise([])
    const [left] = await store.database.query(
      statement<{ left: number; told: number }>(
        'test-unused-left',
        `SELECT ((SELECT count(*) FROM grants WHERE revoked_at IS NULL) + (SELECT count(*) FROM devices WHERE revoked_at IS NULL)
           + (SELECT count(*) FROM recovery_codes WHERE used_at IS NULL) + (SELECT count(*) FROM mail_links WHERE used_at IS NULL)
           + (SELECT count(*) FROM outbox WHERE done_at IS NULL AND kind = 'mail') + (SELECT count(*) FROM desk_requests))::integer AS left,
           (SELECT count(*) FROM outbox WHERE done_at IS NULL AND kind = 'backchannel-logout')::integer AS told`,
      ),
    )
    expect(left).to.deep.equal({ left: 0, told: 1 })
  })

  it('what a replica does by itself now and then is not counted among the round trips and commits of requests', async () => {
    const { database, keys, epoch, reaper, outbox } = fresh.replica()
    const { roundTrips, commits } = database.counters()
    await Promise.all([keys.list(), epoch.read(), reaper.reap([]), outbox.claim(['mail'], 1, 60_000)])
    expect(database.counters()).to.include({ roundTrips, commits })
  })

  const insertOldMark = statement(
    'test-insert-old-mark',
    "INSERT INTO one_time (kind, id, expires_at) VALUES ('code', $1, now() - interval '1 hour')",
  )
  const marks = statement('test-marks', 'SELECT id FROM one_time WHERE id = ANY($1)')

  describe(createReaper.name, () => {
    it('removes expired rows and nothing else', async () => {
      const { id: userId } = await addPerson(store)
      const grant = (lifeMs: number) => ({
        id: randomUUID(),
        userId,
        clientUid: 'uid',
        clientId: 'id',
        sessionUid: randomUUID(),
        offline: false,
        payload: {},
        lifeMs,
      })
      const [dead, live] = [grant(-3_600_000), grant(60_000)]
      await store.grants.insert(dead)
      await beginFamily(store, dead.id)
      await store.grants.insert(live)
      const [oldMark, newMark] = [randomUUID(), randomUUID()]
      await store.database.query(insertOldMark, [oldMark])
      await store.oneTime.mark('code', newMark, inMs(60_000))
      expect(await store.reaper.reap()).to.be.at.least(2)
      expect(await store.database.query(marks, [[oldMark, newMark]])).to.deep.equal([{ id: newMark }])
      expect(await store.grants.find(live.id)).to.not.equal(undefined)
      const left = await store.database.query(
        statement('test-left', 'SELECT 1 FROM refresh_families WHERE grant_id = $1'),
        [dead.id],
      )
      expect(left).to.deep.equal([])
    })

    it('keeps the last browser of a person, since without one nobody is told of a new one', async () => {
      const [one, two] = [(await addPerson(store)).id, (await addPerson(store)).id]
      const insert = statement(
        'test-insert-browsers',
        `INSERT INTO known_browsers (user_id, browser, last_seen)
         SELECT user_id, 'b' || days, now() - days * interval '1 day' FROM unnest($1::uuid[], $2::integer[]) AS known (user_id, days)`,
      )
      const left = statement<{ user_id: string; browser: string }>(
        'test-left-browsers',
        'SELECT user_id, browser FROM known_browsers WHERE user_id = ANY($1) ORDER BY browser',
      )
      await store.database.query(insert, [
        [one, one, one, two, two],
        [401, 402, 800, 399, 500],
      ])
      await store.reaper.reap()
      const browsers = await store.database.query(left, [[one, two]])
      expect(browsers).to.deep.equal([
        { user_id: two, browser: 'b399' },
        { user_id: one, browser: 'b401' },
      ])
      // nothing is looked at again and again
      expect(await store.reaper.reap()).to.equal(0)
      // what comes later is the last one
      await store.database.query(insert, [[one], [0]])
      await store.reaper.reap()
      expect((await store.database.query(left, [[one]])).map(({ browser }) => browser)).to.include('b0')
    })

    it('every table whose rows come and go is vacuumed early', async () => {
      const settings = statement<{ table: string; early: boolean }>(
        'test-vacuum',
        `SELECT c.relname AS table, coalesce(c.reloptions::text LIKE '%autovacuum_vacuum_scale_factor=0.0%', false) AS early
         FROM pg_class c WHERE c.relkind = 'r' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
         AND a.attname IN ('expires_at', 'until', 'done_at', 'at', 'last_seen'))`,
      )
      const tables = await store.database.query(settings)
      expect(tables.map(({ table }) => table)).to.include.members(['grants', 'one_time', 'audit'])
      expect(tables.filter(({ early }) => !early)).to.deep.equal([])
    })

    it('E19 clears the other tables when one cannot be cleared, and says so', async () => {
      const mark = randomUUID()
      await store.database.query(insertOldMark, [mark])
      const oldEvent = statement(
        'test-old-event',
        "INSERT INTO audit (at, event, outcome, replica) VALUES (now() - interval '1 year', 'key.created', 'success', 'pod-1')",
      )
      await store.database.query(oldEvent)
      const log = keepLog()
      const database: Connection = {
        query: (asked, values) =>
          asked.name === 'reap-attempts' ? Promise.reject(new Error('refused')) : store.database.query(asked, values),
      }
      await createReaper({ database, clock: store.clock, log, auditRetentionMs: 90 * 86_400_000 }).reap()
      expect(await store.database.query(marks, [[mark]])).to.deep.equal([])
      expect(await store.audit.search({ until: inMs(-300 * 86_400_000), limit: 5 })).to.deep.equal([])
      expect(log.lines.map(({ message }) => message)).to.deep.equal(['expired rows were not removed'])
    })

    it('removes audit rows at the age that the settings say, and keeps younger ones', async () => {
      const old = statement(
        'test-old-audit',
        "INSERT INTO audit (at, event, outcome, replica) SELECT now() - $1 * interval '1 day', $2, 'success', 'test' FROM generate_series(1, 1500)",
      )
      await store.database.query(old, [91, 'session.ended'])
      await store.database.query(old, [89, 'session.revoked_all'])
      await store.reaper.reap()
      const find = (event: string) => store.audit.search({ event, limit: 2000 })
      expect(await find('session.ended')).to.deep.equal([])
      expect(await find('session.revoked_all')).to.have.length(1500)
    })

    it('F68 removes nothing while its clock and that of the database are minutes apart: one of them may be days ahead', async () => {
      const row = randomUUID()
      const real = Date.now
      await store.database.query(statement('test-over-mark', "INSERT INTO one_time VALUES ('jti', $1, now() - interval '1 hour')"), [row]) // prettier-ignore
      const left = statement('test-left-mark', 'SELECT 1 FROM one_time WHERE id = $1')
      for (const minutes of [2, -2, 200 * 1440, -200 * 1440]) {
        Date.now = () => real() + minutes * 60_000
        const refused = await codeOf(store.reaper.reap())
        Date.now = real
        expect([refused, (await store.database.query(left, [row])).length], `${minutes}`).to.deep.equal(['CLOCKS_DIFFER', 1]) // prettier-ignore
      }
      await store.reaper.reap()
      expect(await store.database.query(left, [row])).to.deep.equal([])
    })

    it('removes the documents of sectors that no client of any replica has named for 30 days', async () => {
      const [named, left, foreign] = ['https://named.test/', 'https://left.test/', 'https://foreign.test/']
      for (const uri of [named, left, foreign]) await store.sectorMembers.set(uri, ['https://a.test/cb'])
      const age = statement('test-age-sectors', "UPDATE sector_documents SET named_at = now() - $1 * interval '1 day'")
      await store.database.query(age, [31])
      await store.reaper.reap()
      expect(await store.sectorMembers.find(left), 'by a replica that does not know all clients').to.have.length(1)
      await fresh.replica().reaper.reap([foreign, named])
      await store.reaper.reap([named])
      expect(await store.sectorMembers.find(named)).to.have.length(1)
      expect(await store.sectorMembers.find(foreign)).to.have.length(1)
      expect(await store.sectorMembers.find(left)).to.equal(undefined)
      await store.database.query(age, [29])
      await store.reaper.reap([])
      expect(await store.sectorMembers.find(foreign)).to.have.length(1)
    })

    it('goes its rounds once, however often it is started, and not after it was stopped', () => {
      let asked = 0
      const { database } = store
      const clock = { check: () => (asked++, new Promise<void>(() => undefined)) }
      mock.timers.enable({ apis: ['setTimeout'] })
      try {
        const reaper = createReaper({ database, clock, log: quietLog, auditRetentionMs: 1 })
        for (let turn = 0; turn < 5; turn++) reaper.start(() => undefined)
        mock.timers.tick(90_000)
        expect(asked).to.equal(1)
        const stopped = createReaper({ database, clock, log: quietLog, auditRetentionMs: 1 })
        stopped.start(() => undefined)
        stopped.stop()
        mock.timers.tick(90_000)
        expect(asked).to.equal(1)
      } finally {
        mock.timers.reset()
      }
    })

    it('removes more rows than one batch has, also when two replicas do it at once', async () => {
      await store.database.query(
        statement(
          'test-many',
          "INSERT INTO one_time SELECT 'jti', g::text, now() - interval '1 hour' FROM generate_series(1, 2500) g",
        ),
      )
      const reaped = await Promise.all([store.reaper.reap(), fresh.replica().reaper.reap()])
      expect(reaped[0] + reaped[1]).to.equal(2500)
    })
  })
})
