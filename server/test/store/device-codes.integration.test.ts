import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createDeviceCodes } from '../../src/store/device-codes.ts'
import { statement } from '../../src/store/postgres.ts'
import type { Store } from '../../src/store/store.ts'
import { freshStore, inMs } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'

const hold = statement('test-device-hold', 'SELECT id FROM device_codes WHERE id = $1 FOR UPDATE')
const rowOf = statement(
  'test-device-row',
  'SELECT ctid::text AS place, xmin::text AS made, xmax::text AS held, poll_every FROM device_codes WHERE id = $1',
)
const passTime = statement(
  'test-device-time',
  "UPDATE device_codes SET polled_at = polled_at - $2 * interval '1 second' WHERE id = $1",
)
const countWrites = [
  'CREATE SEQUENCE test_device_writes',
  `CREATE FUNCTION test_device_write() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN PERFORM nextval('test_device_writes'); RETURN NULL; END $$`,
  'CREATE TRIGGER test_device_write AFTER UPDATE ON device_codes FOR EACH ROW EXECUTE FUNCTION test_device_write()',
]
const writes = statement(
  'test-device-writes',
  'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS count FROM test_device_writes',
)

describe(createDeviceCodes.name, function () {
  this.timeout(30_000)
  let fresh: FreshStore
  let stores: Store[]
  before(async () => {
    fresh = await freshStore()
    stores = [1, 2, 3].map(() => fresh.replica())
    for (const [at, text] of countWrites.entries())
      await stores[0]!.database.query(statement(`test-device-count-${at}`, text))
  })
  after(() => fresh.stop())

  const put = (clientUid: string, address?: string) => {
    const [id, userCode] = [randomUUID(), randomUUID()]
    const code = { id, userCode, clientUid, address, payload: { id }, expiresAt: inMs(600_000) }
    return stores[0]!.deviceCodes.put(code).then((answer) => ({ id, answer }))
  }
  const poll = async (id: string, store = stores[0]!) => (await store.deviceCodes.poll(id, 'client'))!.isTooFast
  const read = async (id: string) => (await stores[0]!.database.query<{ poll_every: number }>(rowOf, [id]))[0]!
  const written = async () => (await stores[0]!.database.query<{ count: number }>(writes))[0]!.count

  describe('poll', () => {
    it('L14 of many polls at once of one code one is answered, and the others are too fast and write hardly anything', async () => {
      const { id } = await put('client')
      const before = await written()
      const answers = await Promise.all(Array.from({ length: 300 }, (_, at) => poll(id, stores[at % 3])))
      expect(answers.filter((isTooFast) => !isTooFast)).to.have.length(1)
      expect((await written()) - before).to.be.within(1, 12)
    })

    it('L14 a poll does not wait for whoever holds the code: it is too fast', async () => {
      const { id } = await put('client')
      await stores[0]!.database.transaction(async (connection) => {
        await connection.query(hold, [id])
        expect(await poll(id, stores[1])).to.equal(true)
      })
      expect(await poll(id, stores[1]), 'it was not slowed down by that').to.equal(false)
    })

    it('L14 a poll that is too fast writes nothing once the wait is the longest, and the wait ends', async () => {
      const { id } = await put('client')
      while ((await read(id)).poll_every < 60) await poll(id)
      const before = await read(id)
      for (const store of stores) expect(await poll(id, store)).to.equal(true)
      expect(await read(id)).to.deep.equal(before)
      await stores[0]!.database.query(passTime, [id, 60])
      expect(await poll(id)).to.equal(false)
    })

    it('answers every poll of a code that is decided, at once too', async () => {
      const { id } = await put('client')
      await stores[0]!.deviceCodes.refuse(id, { error: 'access_denied' }, [])
      const answers = await Promise.all(stores.map(({ deviceCodes }) => deviceCodes.poll(id, 'client')))
      for (const answer of answers)
        expect(answer).to.deep.equal({ payload: { error: 'access_denied' }, isTooFast: false })
    })

    it('finds no code of another client, and none that is not there', async () => {
      const { id } = await put('client')
      expect(await stores[0]!.deviceCodes.poll(id, 'other')).to.equal(undefined)
      expect(await stores[0]!.deviceCodes.poll(randomUUID(), 'client')).to.equal(undefined)
    })
  })
})
