import { expect } from 'chai'
import type { DeskWork } from '../../src/store/desk.ts'
import { statement } from '../../src/store/driver/database.ts'
import { addPerson, freshStore } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'
import { waitFor } from './wait-for.ts'

const waitingForLocks = statement<{ waiting: number }>(
  'test-waiting-for-locks',
  `SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
)
const joins = statement(
  'test-joins',
  `INSERT INTO group_members (user_id, group_id) SELECT $1, id FROM groups WHERE name = $2`,
)
const said = statement(
  'test-said-groups',
  `INSERT INTO upstream_links (issuer, subject, user_id, upstream, groups, valid_until)
   VALUES ('https://hub.example.test', $1::text, $1::uuid, 'hub', $2, now() + $3::float8 * interval '1 hour')`,
)
const age = statement('test-age-request', `UPDATE desk_requests SET expires_at = now() - interval '1 minute'`)

describe('what the help desk does in one transaction', () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh?.stop())

  const told = { event: 'admin.desk.ask.disable', outcome: 'success' } as const

  it('L44 sees a group that somebody got in a transaction which ended while it waited', async () => {
    const [one, other] = [fresh.replica(), fresh.replica()]
    const { id } = await addPerson(one)
    await one.groups.create('admins', [])
    let seen: Promise<readonly string[]> | undefined
    await other.database.transaction(async (connection) => {
      await connection.query(joins, [id, 'admins'])
      seen = one.desk.withPeople([id], async (on) => on.people.get(id)!.user.groups)
      await waitFor(async () => {
        const [{ waiting } = { waiting: 0 }] = await other.database.query(waitingForLocks)
        return waiting > 0 ? undefined : 'nobody waits'
      })
    })
    expect(await seen).to.deep.equal(['admins'])
  })

  it('L44 lets nobody into a group until the act is done', async () => {
    const [one, other] = [fresh.replica(), fresh.replica()]
    const { id } = await addPerson(one, { groups: ['staff'] })
    const order: string[] = []
    const joined = await one.desk.withPeople([id], async (on) => {
      const joining = other.groups.addMember('night-shift', id, []).then(() => order.push('joined'))
      await waitFor(async () => {
        const [{ waiting } = { waiting: 0 }] = await other.database.query(waitingForLocks)
        return waiting > 0 ? undefined : 'nobody waits'
      })
      await on.users.setDisabled(id, true, [])
      order.push('acted')
      return { joining }
    })
    await joined.joining
    expect(order).to.deep.equal(['acted', 'joined'])
  })

  it('knows what providers said, also where it counts no more', async () => {
    const store = fresh.replica()
    const [now, before] = [await addPerson(store), await addPerson(store)]
    await store.database.query(said, [now.id, ['admins'], 1])
    await store.database.query(said, [before.id, ['admins'], -1])
    const people = await store.desk.withPeople([now.id, before.id], async (on) => on.people)
    const groupsOf = (id: string) => [people.get(id)!.user.groups, people.get(id)!.saidGroups]
    expect(groupsOf(now.id)).to.deep.equal([['admins'], ['admins']])
    expect(groupsOf(before.id)).to.deep.equal([[], ['admins']])
  })

  it('L45 counts acts of one member, on all replicas together', async () => {
    const replicas = [fresh.replica(), fresh.replica(), fresh.replica()]
    const [{ id }, other] = [await addPerson(replicas[0]!), await addPerson(replicas[0]!)]
    const most = 5
    const counts = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        replicas[n % 3]!.desk.withPeople([id], (on) => on.countAct(id, 'any', most)),
      ),
    )
    expect(counts.filter(Boolean)).to.have.length(most)
    expect(await replicas[0]!.desk.withPeople([], (on) => on.countAct(other.id, 'any', most))).to.equal(true)
    expect(await replicas[0]!.desk.withPeople([], (on) => on.countAct(id, 'severe', most))).to.equal(true)
  })

  it('L45 counts nothing of an act that was rolled back', async () => {
    const store = fresh.replica()
    const { id } = await addPerson(store)
    const failing = store.desk.withPeople([id], async (on) => {
      await on.countAct(id, 'severe', 1)
      throw new Error('the act failed')
    })
    expect(await failing.catch((error: Error) => error.message)).to.equal('the act failed')
    expect(await store.desk.withPeople([id], (on) => on.countAct(id, 'severe', 1))).to.equal(true)
  })

  describe('a request', () => {
    const requested = async () => {
      const store = fresh.replica()
      const [person, agent] = [await addPerson(store), await addPerson(store)]
      const ask = (on: DeskWork, askedBy = agent.id) =>
        on.request({ act: 'disable', about: '', userId: person.id, askedBy }, told)
      const isNew = await store.desk.withPeople([person.id], ask)
      const [request] = await store.desk.requests(person.id)
      return { store, person, agent, ask, isNew, request: request! }
    }

    it('L44 is confirmed once, by however many at the same time', async () => {
      const { store, person, request, isNew } = await requested()
      expect(isNew).to.equal(true)
      const replicas = [store, fresh.replica(), fresh.replica()]
      const used = await Promise.all(
        replicas.map((replica) => replica.desk.withPeople([person.id], (on) => on.consume(request.id))),
      )
      expect(used.filter(Boolean)).to.have.length(1)
      expect(await store.desk.requests(person.id)).to.deep.equal([])
    })

    it('is the same one when another member asks for the same', async () => {
      const { store, person, request, ask } = await requested()
      const other = await addPerson(store)
      expect(await store.desk.withPeople([person.id], (on) => ask(on, other.id))).to.equal(false)
      expect(await store.desk.requests(person.id)).to.deep.equal([request])
      expect((await store.desk.requests()).map(({ id }) => id)).to.include(request.id)
    })

    it('L44 is of no use after its time, and can then be asked for anew', async () => {
      const { store, person, request, ask } = await requested()
      await store.database.query(age)
      expect(await store.desk.withPeople([person.id], (on) => on.consume(request.id))).to.equal(false)
      expect(await store.desk.requests(person.id)).to.deep.equal([])
      expect(await store.desk.withPeople([person.id], ask)).to.equal(true)
      expect((await store.desk.requests(person.id))[0]!.id).not.to.equal(request.id)
    })

    it('goes with the person, and with the member who asked', async () => {
      const { store, person, agent, request } = await requested()
      const other = await requested()
      await store.users.remove(person.id, [])
      await store.users.remove(other.agent.id, [])
      const left = (await store.desk.requests()).map(({ id }) => id)
      expect(left).not.to.include.members([request.id, other.request.id])
      expect(agent.id).to.be.a('string')
    })
  })
})
