import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createAuthorizations, mostDetails } from '../../../src/store/tokens/authorizations.ts'
import { mostGrants } from '../../../src/store/tokens/grants.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, beginFamily, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const bank = 'https://bank.example.com'
/** @param $3 the payloads, the newest first */
const manyGrants = statement(
  'test-many-grants',
  `INSERT INTO grants (id, user_id, client_uid, client_id, payload, created_at, expires_at)
   SELECT gen_random_uuid(), $1::uuid, $2, $2, p, now() - n * interval '1 second', now() + interval '1 hour'
   FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS e(p, n)`,
)

const allNow = statement(
  'test-grants-of-now',
  'UPDATE grants SET created_at = now() WHERE user_id = $1::uuid AND id <> $2',
)

describe(createAuthorizations.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const addGrants = (userId: string, clientUid: string, payloads: readonly object[]) =>
    store.database.query(manyGrants, [userId, clientUid, JSON.stringify(payloads)])
  const firstPart = { skip: 0, limit: 10 }
  const paying = (...details: readonly object[]) => ({
    openid: { scope: 'openid' },
    authorizationDetails: { [bank]: details },
  })

  it('E18 606 sign-ins with ten payments each keep a replica busy for a moment', async () => {
    const { id: userId } = await addPerson(store)
    const payment = (grant: number, at: number) => ({ type: 'payment', amount: `${grant}.${at}`, to: 'Merchant A' })
    const payloads = Array.from({ length: 606 }, (_, grant) =>
      paying(...Array.from({ length: 10 }, (_one, at) => payment(grant, at))),
    )
    await addGrants(userId, 'shop.web', payloads)
    const before = process.cpuUsage()
    const [shop] = await store.authorizations.listOfUser(userId, firstPart)
    const { user, system } = process.cpuUsage(before)
    expect(shop!.details[bank]).to.have.length(mostDetails)
    expect(shop!.details[bank]![0]).to.deep.equal(payment(0, 0))
    // it was 10 s of this thread; 5 ms are usual
    expect((user + system) / 1000).to.be.below(1000)
  })

  it('says what is granted again and again once, whatever the order of its fields', async () => {
    const value = fc.constantFrom<unknown>('1.50', 1, true, 'Merchant A')
    const detail = fc
      .uniqueArray(fc.tuple(fc.constantFrom('to', 'amount', 'x', '10', '9'), value), { selector: ([name]) => name })
      .map((fields) => Object.fromEntries([['type', 'payment'], ...fields]) as object)
    const payloads = fc.array(fc.array(detail, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(payloads, async (ofGrants) => {
        const { id: userId } = await addPerson(store)
        await addGrants(
          userId,
          'shop.web',
          ofGrants.map((details) => paying(...details)),
        )
        const [shop] = await store.authorizations.listOfUser(userId, firstPart)
        const canonical = (one: object) =>
          JSON.stringify(Object.entries(one).toSorted(([a], [b]) => a.localeCompare(b)))
        const once = new Set(ofGrants.flat().map(canonical))
        expect(shop!.details[bank]!.map(canonical)).to.have.members([...once])
      }),
      { numRuns: propertyRuns(40) },
    )
  })

  it('are told in parts, the newest first, and one of them by its client', async () => {
    const { id: userId } = await addPerson(store)
    for (let at = 0; at < 5; at++) await addGrants(userId, `app-${at}`, [paying({ type: `type-${at}` })])
    const parts = await Promise.all(
      [0, 2, 4].map((skip) => store.authorizations.listOfUser(userId, { skip, limit: 2 })),
    )
    expect(parts.map((part) => part.map(({ clientUid }) => clientUid))).to.deep.equal([
      ['app-4', 'app-3'],
      ['app-2', 'app-1'],
      ['app-0'],
    ])
    const found = await store.authorizations.find(userId, 'app-1')
    expect(found?.details).to.deep.equal({ [bank]: [{ type: 'type-1' }] })
    expect(await store.authorizations.find(userId, 'app-9')).to.equal(undefined)
    expect((await store.authorizations.clientsOfUser(userId)).map(({ clientUid }) => clientUid)).to.deep.equal([
      'app-4',
      'app-3',
      'app-2',
      'app-1',
      'app-0',
    ])
  })

  describe('E18 more sign-ins than one client may have at once', () => {
    const finish = (userId: string, id: string) =>
      store.signIns.finish({
        grant: {
          id,
          userId,
          clientUid: 'shop.web',
          clientId: 'shop.web',
          sessionUid: undefined,
          offline: true,
          payload: {},
          lifeMs: 60_000,
        },
        audit: [],
      })
    const living = async (userId: string) =>
      (
        await store.database.query<{ id: string }>(
          statement(
            'test-living',
            'SELECT id FROM grants WHERE user_id = $1::uuid AND revoked_at IS NULL ORDER BY created_at DESC',
          ),
          [userId],
        )
      ).map(({ id }) => id)

    it('end the oldest one, and the audit log says so', async () => {
      const { id: userId } = await addPerson(store)
      await addGrants(
        userId,
        'shop.web',
        Array.from({ length: 300 }, () => ({})),
      )
      await addGrants(userId, 'other.web', [{}])
      const before = await living(userId)
      await finish(userId, 'newest-of-many')
      const after = await living(userId)
      expect(after).to.have.members(['newest-of-many', ...before.filter((id) => after.includes(id))])
      expect(after).to.have.length(mostGrants + 1)
      const [told] = await store.audit.search({ userId, event: 'token.revoked', limit: 10 })
      expect(told).to.deep.include({ reason: 'too-many-sign-ins', clientId: 'shop.web', outcome: 'success' })
      await finish(userId, randomUUID())
      expect(await living(userId)).to.have.length(mostGrants + 1)
    })

    it('end none whose refresh token is in use while others have none, however new those are', async () => {
      const { id: userId } = await addPerson(store)
      const many = Array.from({ length: mostGrants }, () => ({}))
      await addGrants(userId, 'shop.web', many)
      const oldest = (await living(userId)).at(-1)!
      await beginFamily(store, oldest)
      await finish(userId, 'after-the-family')
      expect(await living(userId))
        .to.include(oldest)
        .and.to.include('after-the-family')
      expect(await living(userId)).to.have.length(mostGrants)
      // a page elsewhere sends the browser here 200 times in one minute
      await store.database.query(allNow, [userId, oldest])
      await finish(userId, 'of-the-page')
      expect(await living(userId))
        .to.include(oldest)
        .and.to.include('of-the-page')
    })
  })
})
