import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createKeyRing } from '../../../src/store/driver/envelope.ts'
import { createKeys } from '../../../src/store/tokens/keys.ts'
import type { NewKey } from '../../../src/store/tokens/keys.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { codeOf } from '../code-of.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
const oldRing = createKeyRing(new Map([['old', oldKey]]), 'old')
const bothKeys = createKeyRing(
  new Map([
    ['old', oldKey],
    ['new', newKey],
  ]),
  'new',
)
const newRing = createKeyRing(new Map([['new', newKey]]), 'new')

const canary = 'canary-of-a-private-key'
const newSigningKey = (about: Partial<NewKey> = {}): NewKey => ({
  id: randomUUID(),
  use: 'sig',
  alg: 'ES256',
  publicJwk: { kty: 'EC', crv: 'P-256' },
  secret: Buffer.from(canary),
  activeAt: new Date(),
  retireAt: undefined,
  removeAt: undefined,
  ...about,
})
describe(createKeys.name, () => {
  let fresh: FreshStore
  beforeEach(async () => {
    fresh = await freshStore()
  })
  afterEach(() => fresh.stop())

  it('gives every replica the same keys', async () => {
    const [one, other] = [fresh.replica({ ring: oldRing }), fresh.replica({ ring: bothKeys })]
    const key = newSigningKey()
    await one.keys.underLock((keys) => keys.insert(key))
    const [found] = (await other.keys.list()).opened
    expect({ ...found, secret: found!.secret.toString() }).to.deep.include({
      id: key.id,
      use: 'sig',
      alg: 'ES256',
      secret: canary,
    })
    expect(found!.publicJwk).to.deep.equal({ kty: 'EC', crv: 'P-256' })
  })

  it('K12 I6 stores no private key in plain', async () => {
    const store = fresh.replica()
    await store.keys.underLock((keys) => keys.insert(newSigningKey()))
    const rows = await store.database.query<{ row: string }>(
      statement('test-raw', 'SELECT keys::text AS row FROM keys'),
    )
    for (const form of [canary, Buffer.from(canary).toString('base64'), Buffer.from(canary).toString('hex')]) {
      expect(rows[0]!.row).to.not.include(form)
    }
  })

  it('a secret that was moved to another row does not open there, and keeps no other one from it', async () => {
    const store = fresh.replica()
    const [one, other] = [newSigningKey(), newSigningKey({ alg: 'RS256' })]
    await store.keys.underLock(async (keys) => {
      await keys.insert(one)
      await keys.insert(other)
    })
    await store.database.query(
      statement('test-move', 'UPDATE keys SET secret = (SELECT secret FROM keys WHERE id = $1) WHERE id = $2'),
      [one.id, other.id],
    )
    const { opened, unreadable } = await store.keys.list()
    expect(opened.map(({ id }) => id)).to.deep.equal([one.id])
    expect(unreadable.map(({ id, fault }) => [id, fault.code])).to.deep.equal([[other.id, 'SEALED_ROW_DAMAGED']])
  })

  it('F42 names the key-encryption key that the ring lacks', async () => {
    await fresh.replica({ ring: oldRing }).keys.underLock((keys) => keys.insert(newSigningKey()))
    const lacking = fresh.replica({ ring: newRing })
    const [unreadable] = (await lacking.keys.list()).unreadable
    expect(unreadable!.fault.code).to.equal('KEY_RING_LACKS_KEY')
    expect(unreadable!.fault.message).to.include('old')
    expect((await lacking.keys.summaries())[0])
      .to.include({ encryptedBy: 'old' })
      .and.not.have.property('secret')
  })

  it('F42 encrypts every row again, so that the old key can be removed', async () => {
    const old = fresh.replica({ ring: oldRing })
    await old.keys.underLock(async (keys) => {
      await keys.insert(newSigningKey())
      await keys.insert(newSigningKey({ use: 'cookie' }))
    })
    const both = fresh.replica({ ring: bothKeys })
    const event = { event: 'key.reencrypted', outcome: 'success' } as const
    expect(await both.keys.reencrypt([event])).to.deep.equal({ done: 2, left: [] })
    expect(await both.keys.reencrypt([])).to.deep.equal({ done: 0, left: [] })
    const { opened } = await fresh.replica({ ring: newRing }).keys.list()
    expect(opened.map(({ secret }) => secret.toString())).to.deep.equal([canary, canary])
    expect(await both.audit.search({ event: 'key.reencrypted', limit: 9 })).to.have.length(2)
  })

  it('lets one replica at a time decide: of 6 that want to create the first key, one does', async () => {
    const replicas = Array.from({ length: 6 }, () => fresh.replica())
    const made = replicas.map((store) =>
      store.keys.underLock(async (keys) => {
        if ((await keys.list()).opened.length > 0) return false
        await keys.insert(newSigningKey())
        return true
      }),
    )
    expect((await Promise.all(made)).filter(Boolean)).to.have.length(1)
    expect((await replicas[0]!.keys.list()).opened).to.have.length(1)
  })

  it('notifies the other replicas of a change, and keeps nothing when the work fails', async () => {
    const [one, other] = [fresh.replica(), fresh.replica()]
    let told = 0
    let heard: () => void = () => undefined
    const listening = await other.keys.onChange(() => {
      told++
      heard()
    })
    const failing = one.keys.underLock(async (keys) => {
      await keys.insert(newSigningKey())
      throw new RangeError('no')
    })
    expect(await codeOf(failing)).to.equal('RangeError: no')
    expect((await other.keys.list()).opened).to.have.length(0)
    const change = new Promise<void>((resolve) => (heard = resolve))
    await one.keys.underLock((keys) => keys.insert(newSigningKey()))
    await change
    expect([told, (await other.keys.list()).opened.length]).to.deep.equal([1, 1])
    await listening.stop()
  })

  it('changes the times of a key, and removes it', async () => {
    const store = fresh.replica()
    const key = newSigningKey()
    await store.keys.underLock((keys) => keys.insert(key))
    const times = { activeAt: new Date(1), retireAt: new Date(2), removeAt: new Date(3) }
    await store.keys.underLock((keys) => keys.setTimes(key.id, times))
    expect((await store.keys.list()).opened[0]).to.deep.include(times)
    await store.keys.underLock((keys) => keys.remove(key.id, [{ event: 'key.removed', outcome: 'success' }]))
    expect((await store.keys.list()).opened).to.deep.equal([])
  })
})
