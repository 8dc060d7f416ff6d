import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { AuditFollower, searchAudit } from '../../../src/store/audit/audit-search.ts'
import type { AuditFilter, AuditRecord } from '../../../src/store/audit/audit-search.ts'
import type { AuditEvent } from '../../../src/store/audit/audit-event.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { explained, rowsRead } from '../explain.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(searchAudit.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
    // ten rows of each moment: a page ends between rows of the same time
    await store.database.query(
      statement(
        'test-many-events',
        `INSERT INTO audit (at, event, outcome, user_id, client_id, address, replica)
         SELECT now() - (n / 10) * interval '1 second', (ARRAY['signin.success', 'signin.failure', 'token.issued', 'signinx.y'])[n % 4 + 1],
           'success', 'user-' || n % 200, 'client-' || n % 300, '192.0.2.' || n % 250, 'test' FROM generate_series(1, 30000) n`,
      ),
    )
    await store.database.query(statement('test-analyze-audit', 'ANALYZE audit'))
  })
  after(() => fresh.stop())

  it('goes through all that matches, page by page, each row once', async () => {
    for (const filter of [{ event: 'signin', userId: 'user-1' }, { clientId: 'client-7' }, { userId: 'user-8' }]) {
      const all = await store.audit.search({ ...filter, limit: 1000 })
      const paged: AuditRecord[] = []
      let before: AuditFilter['before']
      for (;;) {
        const page = await store.audit.search({ ...filter, before, limit: 7 })
        paged.push(...page)
        if (page.length < 7) break
        before = page.at(-1)
      }
      expect(all.length).to.be.greaterThan(20)
      expect(paged.map(({ id }) => id)).to.deep.equal(all.map(({ id }) => id))
    }
  })

  it('says who did it and to whom, by the names of today', async () => {
    const [ada, agent] = [await addPerson(store), await addPerson(store)]
    const gone = randomUUID()
    const about = { outcome: 'success' } as const
    const rows: [AuditEvent, [string | undefined, string | undefined]][] = [
      [{ ...about, event: 'session.ended', userId: ada.id }, [ada.username, undefined]],
      [
        { ...about, event: 'account.disabled', userId: ada.id, detail: { by: agent.id } },
        [agent.username, ada.username],
      ],
      [{ ...about, event: 'account.enabled', userId: ada.id, detail: { by: gone } }, [gone, ada.username]],
      [
        { ...about, event: 'admin.desk.show', userId: agent.id, detail: { person: ada.id, username: 'x' } },
        [agent.username, ada.username],
      ],
      [
        { ...about, event: 'admin.desk.invite', userId: agent.id, detail: { email: 'new@example.net' } },
        [agent.username, 'new@example.net'],
      ],
      [{ event: 'signin.failure', outcome: 'failure', userId: ada.id }, [undefined, ada.username]],
      [{ ...about, event: 'token.issued', clientId: 'machine' }, [undefined, undefined]],
    ]
    for (const [event, parties] of rows) {
      const address = randomUUID()
      store.audit.record({ ...event, address })
      await store.audit.flush()
      const [row] = await store.audit.search({ address, limit: 1 })
      expect([row?.actor, row?.target], event.event).to.deep.equal(parties)
    }
  })

  it('names nobody who ran a command', async () => {
    const { id, username } = await addPerson(store)
    await store.database.query(
      statement(
        'test-event-of-a-command',
        `INSERT INTO audit (at, event, outcome, user_id, replica) VALUES (now(), 'account.disabled', 'success', $1, 'cli')`,
      ),
      [id],
    )
    const [row] = await store.audit.search({ userId: id, limit: 1 })
    expect([row?.actor, row?.target]).to.deep.equal([undefined, username])
  })

  it('tells a family of events from names that begin alike', async () => {
    const events = new Set((await store.audit.search({ event: 'signin', limit: 1000 })).map(({ event }) => event))
    expect([...events]).to.have.members(['signin.success', 'signin.failure'])
  })

  const filters: Omit<AuditFilter, 'limit'>[] = [
    {},
    { userId: 'user-5' },
    { clientId: 'client-5' },
    { address: '192.0.2.5' },
    { event: 'signin.failure' },
    { since: new Date(Date.now() - 600_000) },
  ]
  for (const filter of filters)
    it(`reads no more rows than it shows: ${JSON.stringify(Object.keys(filter))}`, async () => {
      const seen = explained(store.database)
      const page = await searchAudit(seen, { ...filter, limit: 20 })
      const next = await searchAudit(seen, { ...filter, before: page.at(-1), limit: 20 })
      expect([page.length, next.length]).to.deep.equal([20, 20])
      // an index by time and id reads what has the time of the last row once more
      expect(rowsRead(seen.nodes, 'audit')).to.be.at.most(300)
    })
})

describe(AuditFollower.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('shows each row once, also one that is committed after rows of greater ids', async () => {
    const store = fresh.replica()
    const userId = randomUUID()
    const insert = statement(
      'test-audit-row',
      `INSERT INTO audit (at, event, outcome, reason, user_id, replica) VALUES (now(), 'session.ended', 'success', $2, $1, 'test')`,
    )
    await store.database.query(insert, [userId, 'before'])
    const follower = await AuditFollower.from(store.database, { userId })
    expect(await follower.next()).to.deep.equal([])
    const reasons = async () => (await follower.next()).map(({ reason }) => reason)
    await store.database.transaction(async (slow) => {
      await slow.query(insert, [userId, 'late'])
      await store.database.query(insert, [userId, 'early'])
      await store.database.query(insert, [randomUUID(), 'of another person'])
      expect(await reasons()).to.deep.equal(['early'])
    })
    expect(await reasons()).to.deep.equal(['late'])
    expect(await reasons()).to.deep.equal([])
  })
})
