import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

// What works once leaves a mark, and marks are removed some time after the marked thing has expired. A replica whose clock is late takes the
// thing for longer than that. So the clock of the database alone judges whether a mark may be gone.

const minute = 60_000
/** Minutes by which the end of what is used lies ahead of the clock of the database. Each replica believes that it is ahead. */
const ahead = fc.integer({ min: -40, max: 20 })
const act = fc.oneof(
  { weight: 2, arbitrary: fc.nat({ max: 2 }) },
  { weight: 1, arbitrary: fc.constant('reap' as const) },
)

describe('what works once', function () {
  let fresh: FreshStore
  let stores: readonly Store[]
  before(async () => {
    fresh = await freshStore()
    stores = [fresh.replica(), fresh.replica(), fresh.replica()]
  })
  after(() => fresh.stop())

  /** @returns whether this use was the first */
  type Use = (store: Store, ends: Date, turn: number) => Promise<boolean>

  async function code(): Promise<Use> {
    const { id: userId } = await addPerson(stores[0]!)
    const whole = { userId, clientUid: 'uid-1', clientId: 'shop.web' }
    const grant = { ...whole, id: randomUUID(), sessionUid: undefined, offline: true, payload: {}, lifeMs: 60 * minute }
    await stores[0]!.grants.insert(grant)
    const terms = { clientUid: 'uid-1', sector: undefined, allowedGroups: [], strictGroups: [] }
    const about = { userId, grantId: grant.id, jti: randomUUID(), terms, family: undefined, auditOnReplay: [] }
    return async ({ redemptions, grants }, expiresAt, turn) =>
      turn % 2 === 0
        ? (await redemptions.redeem({ ...about, expiresAt })).spent
        : (await grants.consumeCode({ ...about, expiresAt })).kind === 'spent'
  }
  async function challenge(): Promise<Use> {
    const { id: userId } = await addPerson(stores[0]!)
    const id = randomUUID()
    const insert = statement(
      'test-insert-passkey',
      `INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced) VALUES ($1::uuid, $2, 'passkey', 'key', $1::uuid::text, '', 0, true)`,
    )
    await stores[0]!.database.query(insert, [id, userId])
    const asked = { id, signCount: 0, challenge: randomUUID() }
    return async ({ factors }, expiresAt) => (await factors.consumePasskey({ ...asked, expiresAt })) !== undefined
  }
  async function interaction(): Promise<Use> {
    const { id: userId } = await addPerson(stores[0]!)
    const device = { sessionUid: randomUUID(), userId, version: 1, authTime: new Date(), lifeMs: 60 * minute }
    const id = randomUUID()
    return async ({ signIns }, expiresAt) => (await signIns.finish({ device, mark: { id, expiresAt }, audit: [] })).done
  }
  async function answerOfProvider(): Promise<Use> {
    const who = { username: 'nobody', email: undefined, name: undefined, locale: undefined }
    const person = { ...who, emailVerified: false, profile: {}, groups: [] }
    const signIn = {
      issuer: 'https://issuer.example',
      subject: randomUUID(),
      upstream: 'corp',
      person,
      maxAgeMs: minute,
    }
    const id = randomUUID()
    return async ({ upstreamLinks }, expiresAt) =>
      (await upstreamLinks.signIn(signIn, { id, expiresAt })).kind !== 'spent'
  }
  async function token(): Promise<Use> {
    const id = randomUUID()
    return ({ oneTime }, expiresAt) => oneTime.mark('jti', id, expiresAt)
  }
  const kinds = { code, challenge, interaction, answerOfProvider, token }

  it('A6 A10 I5 works once at most, however late a replica is, and once where clocks differ by minutes', async () => {
    const cases = fc.record({
      kind: fc.constantFrom('code', 'challenge', 'interaction', 'answerOfProvider', 'token'),
      ahead,
      acts: fc.array(act, { minLength: 1, maxLength: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ kind, ahead: minutes, acts }) => {
        const use = await kinds[kind]()
        const ends = inMs(minutes * minute)
        let [firsts, uses] = [0, 0]
        for (const [turn, one] of acts.entries()) {
          if (one === 'reap') await stores[0]!.reaper.reap()
          else {
            uses++
            if (await use(stores[one]!, ends, turn)) firsts++
          }
        }
        expect(firsts).to.be.at.most(1)
        if (uses > 0 && minutes > -9) expect(firsts).to.equal(1)
      }),
      { numRuns: propertyRuns(150) },
    )
  })
})
