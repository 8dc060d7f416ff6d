import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createKeyRing } from '../../../src/store/driver/envelope.ts'
import { createOutbox } from '../../../src/store/outbox/outbox.ts'
import type { Claimed } from '../../../src/store/outbox/outbox.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Mail } from '../../../src/mails.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const leaseMs = 60_000
const makeDue = statement('test-make-due', 'UPDATE outbox SET next_at = now() WHERE done_at IS NULL')
const clearAll = statement('test-clear-outbox', 'DELETE FROM outbox')
const readAll = statement<{ row: string; payload: Buffer; done_at: Date | null }>(
  'test-read-outbox',
  'SELECT o::text AS row, payload, done_at FROM outbox o',
)

const notice = (onceKey: string = randomUUID()): Mail => ({
  onceKey,
  to: 'ada@example.com',
  template: 'locked',
  languages: ['en'],
  data: { person: 'ada', at: '2026-01-01T00:00:00Z', minutes: 15 },
})

describe(createOutbox.name, () => {
  let fresh: FreshStore
  let stores: Store[]
  before(async () => {
    fresh = await freshStore()
    stores = [1, 2, 3].map(() => fresh.replica({ sendsMail: true }))
  })
  after(() => fresh.stop())
  beforeEach(async () => {
    await stores[0]!.database.query(clearAll)
  })

  const claimOne = async (store = stores[0]!): Promise<Claimed> => (await store.outbox.claim(['mail'], 1, leaseMs))[0]!

  it('gives what was queued, once, and keeps a mark of it', async () => {
    const { outbox } = stores[0]!
    const mail = notice('once')
    expect(await outbox.enqueue(mail)).to.equal(true)
    const { onceKey: _, ...rest } = mail
    const claimed = await claimOne()
    expect(claimed.open()).to.deep.equal(rest)
    expect(claimed).to.include({ kind: 'mail', tries: 1 })
    expect(await outbox.claim(['mail'], 5, leaseMs)).to.deep.equal([])
    await outbox.finish(claimed)
    expect(await outbox.enqueue(mail), 'queued again').to.equal(false)
    expect(await outbox.waiting()).to.equal(0)
  })

  it('gives each row to one replica, whoever asks at once', async () => {
    for (let count = 0; count < 20; count++) await stores[0]!.outbox.enqueue(notice())
    const taken = (
      await Promise.all(Array.from({ length: 24 }, (_, at) => stores[at % 3]!.outbox.claim(['mail'], 2, leaseMs)))
    ).flat()
    expect(taken).to.have.length(20)
    expect(new Set(taken.map(({ id }) => id)).size).to.equal(20)
  })

  it('gives a row again when its lease is over, and then the first holder changes nothing', async () => {
    await stores[0]!.outbox.enqueue(notice())
    const first = await claimOne(stores[0])
    await stores[0]!.database.query(makeDue)
    const second = await claimOne(stores[1])
    expect(second).to.include({ id: first.id, tries: 2 })
    await stores[0]!.outbox.finish(first)
    expect(await stores[0]!.outbox.waiting()).to.equal(1)
    await stores[1]!.outbox.finish(second)
    expect(await stores[0]!.outbox.waiting()).to.equal(0)
  })

  it('gives a row that failed only after its delay', async () => {
    await stores[0]!.outbox.enqueue(notice())
    await stores[0]!.outbox.retry(await claimOne(), 60_000)
    expect(await stores[1]!.outbox.claim(['mail'], 5, leaseMs)).to.deep.equal([])
    await stores[0]!.outbox.retry({ ...(await due()), tries: 2 }, 0)
    expect(await stores[1]!.outbox.claim(['mail'], 5, leaseMs)).to.have.length(1)
  })

  async function due(): Promise<Claimed> {
    await stores[0]!.database.query(makeDue)
    return claimOne()
  }

  it('tells the audit log once what was given up', async () => {
    await stores[0]!.outbox.enqueue(notice())
    const claimed = await claimOne()
    const event = { event: 'outbox.given_up', outcome: 'failure', reason: 'refused' } as const
    await stores[0]!.outbox.abandon(claimed, [event])
    await stores[1]!.outbox.abandon(claimed, [event])
    expect(await stores[0]!.audit.search({ event: 'outbox.given_up', limit: 9 })).to.have.length(1)
    expect(await stores[0]!.outbox.waiting()).to.equal(0)
  })

  it('leaves nothing of a mail that can be read in the database, and nothing at all once it is sent', async () => {
    await stores[0]!.outbox.enqueue({ ...notice(), to: 'canary@example.com' })
    const read = () => stores[0]!.database.query(readAll)
    const [waiting] = await read()
    expect(waiting!.row).to.not.contain('canary')
    expect(waiting!.payload.toString('latin1')).to.not.contain('canary')
    await stores[0]!.outbox.finish(await claimOne())
    const [done] = await read()
    expect(done!.payload).to.have.length(0)
    expect(done!.done_at).to.be.instanceOf(Date)
  })

  it('opens with an older key of the ring, and says which key is missing', async () => {
    const [one, two] = [randomBytes(32), randomBytes(32)]
    const before = fresh.replica({ sendsMail: true, ring: createKeyRing(new Map([['one', one]]), 'one') })
    await before.outbox.enqueue(notice())
    const rotated = createKeyRing(new Map([['one', one], ['two', two]]), 'two') // prettier-ignore
    expect((await claimOne(fresh.replica({ ring: rotated }))).open()).to.have.property('to', 'ada@example.com')
    await stores[0]!.database.query(makeDue)
    const lacking = await claimOne(fresh.replica({ ring: createKeyRing(new Map([['two', two]]), 'two') }))
    expect(() => lacking.open()).to.throw(/one/)
  })

  it('queues nothing where no mail is sent', async () => {
    const silent = fresh.replica()
    expect(await silent.outbox.enqueue(notice())).to.equal(false)
    expect(await silent.outbox.waiting()).to.equal(0)
  })

  it('encrypts what waits again with the current key, so that the old one can go; what is done stays empty', async () => {
    const own = await freshStore()
    const keys = [randomBytes(32), randomBytes(32)] as const
    const only = (name: string, key: Buffer) => createKeyRing(new Map([[name, key]]), name)
    const both = new Map([
      ['one', keys[0]],
      ['two', keys[1]],
    ])
    const before = own.replica({ ring: only('one', keys[0]), sendsMail: true }).outbox
    await before.enqueue(notice('is-done'))
    await before.finish((await before.claim(['mail'], 1, leaseMs))[0]!)
    const mail = notice('waits')
    await before.enqueue(mail)
    const during = own.replica({ ring: createKeyRing(both, 'two'), sendsMail: true }).outbox
    expect(await during.reencrypt()).to.deep.equal({ done: 1, left: [] })
    expect(await during.reencrypt()).to.deep.equal({ done: 0, left: [] })
    const after = own.replica({ ring: only('two', keys[1]), sendsMail: true })
    const [claimed, ...more] = await after.outbox.claim(['mail'], 5, leaseMs)
    expect(claimed!.open()).to.include({ to: mail.to })
    expect(more).to.deep.equal([])
    const rows = await after.database.query<{ payload: Buffer; done_at: Date | null }>(readAll)
    expect(rows.filter(({ done_at: done }) => done !== null).map(({ payload }) => payload.length)).to.deep.equal([0])
    await own.stop()
  })
})
