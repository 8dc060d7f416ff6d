import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { addressBlock } from '../../../src/store/audit/address-block.ts'
import { createDeviceCodes } from '../../../src/store/tokens/device-codes.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'
import { manyGuesses } from '../many-guesses.ts'

const putMany = statement(
  'test-device-put-many',
  `INSERT INTO device_codes (id, user_code, client_uid, address, payload, expires_at)
     SELECT gen_random_uuid(), gen_random_uuid(), $1, address, '{}', now() + interval '10 minutes' FROM unnest($2::text[]) AS address`,
)
const hold = statement('test-device-hold', 'SELECT id FROM device_codes WHERE id = $1 FOR UPDATE')
const userCodeOf = statement<{ user_code: string }>(
  'test-device-user-code',
  'SELECT user_code FROM device_codes WHERE id = $1',
)
const rowOf = statement<{ poll_every: number }>(
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
const writes = statement<{ count: number }>(
  'test-device-writes',
  'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS count FROM test_device_writes',
)

describe(createDeviceCodes.name, () => {
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
    const code = { id, userCode, clientUid, address, payload: { id }, lifeMs: 600_000 }
    return stores[0]!.deviceCodes.insert(code).then((answer) => ({ id, answer }))
  }
  const poll = async (id: string, store = stores[0]!) => (await store.deviceCodes.poll(id, 'client'))!.isTooFast
  const read = async (id: string) => (await stores[0]!.database.query(rowOf, [id]))[0]!
  const written = async () => (await stores[0]!.database.query(writes))[0]!.count

  describe('insert', () => {
    it('E6 one /48 of IPv6 opens so many codes of a client, from however many blocks, and leaves the rest to others', async () => {
      const inBlock = (at: number) => `2001:db8:48:${at.toString(16)}::1`
      const blocks = Array.from({ length: 299 }, (_, at) => addressBlock(inBlock(at)))
      await stores[0]!.database.query(putMany, ['public', blocks])
      expect((await put('public', inBlock(299))).answer, 'the last one').to.equal('stored')
      expect((await put('public', inBlock(300))).answer, 'one more').to.equal('too-many')
      for (const [sentence, clientUid, address] of [
        ['the next /48', 'public', '2001:db8:49::1'],
        ['a /48 whose name begins alike', 'public', '2001:db8:480::1'],
        ['IPv4', 'public', '192.0.2.1'],
        ['an unknown address', 'public', undefined],
        ['another client', 'other', inBlock(400)],
      ] as const)
        expect((await put(clientUid, address)).answer, sentence).to.equal('stored')
    })
  })

  describe('guess', () => {
    it('L14 of 10,000 guesses from one address over 3 replicas 30 are looked up, and the right one is not among them', async () => {
      const { id } = await put('client')
      const [{ user_code: right }] = (await stores[0]!.database.query(userCodeOf, [id])) as [{ user_code: string }]
      const kinds = await manyGuesses({ count: 10_000, atOnce: 6 }, (n) =>
        stores[n % 3]!.deviceCodes.guess(n < 5000 ? `guess-${n}` : right, '192.0.2.14'),
      )
      expect(kinds).to.deep.equal({ unknown: 30, blocked: 9970 })
      expect(await stores[1]!.deviceCodes.guess(right, '192.0.2.15')).to.have.property('kind', 'found')
    })
  })

  describe('poll', () => {
    it('L14 of many polls at once of one code one is answered, and the others are too fast and write hardly anything', async () => {
      const { id } = await put('client')
      const before = await written()
      const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => poll(id, stores[at % 3])))
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
