import { expect } from 'chai'
import { statement } from '../../../src/store/driver/database.ts'
import { hasWay } from '../../../src/store/people/ways.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const way = hasWay('$1::uuid', { passkeys: '$2::boolean', links: 'o.upstream = ANY($3::text[])' })
const ask = statement<{ has: boolean }>('test-has-way', `SELECT ${way} AS has`)
const source = statement(
  'test-source',
  `INSERT INTO user_sources (user_id, source, source_key) VALUES ($1, 'corp', 'key')`,
)
const link = statement(
  'test-link',
  `INSERT INTO upstream_links (issuer, subject, user_id, upstream, valid_until, is_strong)
   VALUES ('https://idp.example', 'subject', $1, 'idp', now(), true)`,
)

describe(hasWay.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const has = async (id: string, { passkeys = true, upstreams = ['idp'] } = {}) =>
    (await store.database.query(ask, [id, passkeys, upstreams]))[0]!.has

  it('counts a password, a directory, a passkey and a linked sign-in, each alone, and no other person', async () => {
    const [none, password] = [await addPerson(store), await addPerson(store, { passwordHash: 'hash' })]
    const [ofDirectory, linked, keyed] = [await addPerson(store), await addPerson(store), await addPerson(store)]
    await store.database.query(source, [ofDirectory.id])
    await store.database.query(link, [linked.id])
    await store.factors.enrolPasskey({
      userId: keyed.id,
      standing: (await store.accounts.load({ userId: keyed.id }))!.standing,
      passkey: {
        name: 'key',
        credentialId: 'way',
        publicKey: Buffer.alloc(1),
        signCount: 0,
        synced: true,
        transports: [],
      },
      challenge: { id: 'way', expiresAt: inMs(60_000) },
      recoveryCodes: [],
      audit: [],
    })
    expect(await has(none.id)).to.equal(false)
    for (const { id } of [password, ofDirectory, linked, keyed]) expect(await has(id)).to.equal(true)
    expect([await has(keyed.id, { passkeys: false }), await has(linked.id, { upstreams: [] })]).to.deep.equal([
      false,
      false,
    ])
  })
})
