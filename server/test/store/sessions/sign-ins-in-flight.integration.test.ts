import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createChanges } from '../../../src/store/cache/changes.ts'
import { createFactors } from '../../../src/store/factors/factors.ts'
import { inTransaction } from '../../../src/store/outbox/in-transaction.ts'
import type { EndedUse } from '../../../src/store/outbox/logouts.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { createConsents } from '../../../src/store/people/consents.ts'
import { createUsers } from '../../../src/store/people/users.ts'
import { createDevices } from '../../../src/store/sessions/devices.ts'
import { createSignIns } from '../../../src/store/sessions/sign-ins.ts'
import type { Finish } from '../../../src/store/sessions/finish.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore, testRing } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'
import { somebodyWaits } from '../wait-for.ts'

// A thief of a session, or an application that the person removes, asks for codes without pause: one of these requests is always on its way.

/** A request for a code that has loaded the person, and is about to be written. */
type InFlight = Finish & {
  readonly person: { readonly userId: string }
  readonly device: { readonly sessionUid: string }
  readonly grant: { readonly id: string; readonly clientUid: string }
}

type Tables = Pick<Store, 'devices' | 'consents' | 'users' | 'factors'>

const withDefault = (isolation: string) =>
  statement(
    `test-default-${isolation}`,
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''${isolation}''', current_database()); END $$`,
  )

for (const isolation of ['read committed', 'repeatable read'])
  describe(`${createSignIns.name} with a request that is on its way, where the default is ${isolation}`, () => {
    let fresh: FreshStore
    let store: Store
    let other: Store
    before(async () => {
      fresh = await freshStore()
      await fresh.replica().database.query(withDefault(isolation))
      store = fresh.replica()
      other = fresh.replica()
    })
    after(() => fresh.stop())

    /** Somebody is signed in, and has allowed `shop.web` for good. @returns its next request, with offline_access */
    async function inFlight(): Promise<InFlight> {
      const { id: userId } = await addPerson(store)
      const sessionUid = randomUUID()
      const session = { sessionUid, userId, version: 1, authTime: new Date(), lifeMs: 60_000 }
      const wiki = { clientUid: 'uid-wiki', clientId: 'wiki.web' }
      const shop = { clientUid: 'uid-shop', clientId: 'shop.web' }
      const consent = { userId, ...shop, scopes: ['openid'], payload: { resources: {} } }
      await store.signIns.finish({ device: { ...session, ...wiki, sid: 'wiki' }, consent, audit: [] })
      const { standing, consent: stored } = (await store.accounts.load({ userId, clientUid: shop.clientUid }))!
      return {
        person: { userId, standing, consentedTo: stored },
        device: { ...session, ...shop, sid: 'shop' },
        grant: { id: randomUUID(), userId, ...shop, sessionUid, offline: true, payload: {}, lifeMs: 60_000 },
        audit: [],
      }
    }

    interface End {
      readonly what: string
      readonly by: (request: InFlight, on: Tables) => Promise<unknown>
      /** The applications that are told; none where the session goes on. */
      readonly told: readonly string[]
    }
    const ends: readonly End[] = [
      {
        what: 'its session is signed out at another device',
        by: ({ person: { userId }, device: { sessionUid } }, on) => on.devices.signOut({ sessionUid, userId }, []),
        told: ['shop', 'wiki'],
      },
      {
        what: 'the person takes back what the application may do',
        by: ({ person: { userId }, grant: { clientUid } }, on) => on.consents.revoke(userId, clientUid, []),
        told: [],
      },
      {
        what: 'the person is removed',
        by: ({ person: { userId } }, on) => on.users.remove(userId, []),
        told: ['shop', 'wiki'],
      },
      {
        what: 'all sessions are ended',
        by: ({ person: { userId } }, on) => on.users.revokeSessions(userId, []),
        told: ['shop', 'wiki'],
      },
      {
        what: 'the second factors are reset',
        by: ({ person: { userId } }, on) => on.factors.reset(userId, []),
        told: ['shop', 'wiki'],
      },
    ]

    for (const { what, by, told } of ends) {
      it(`T5 writes nothing when ${what} before it is written`, async () => {
        const request = await inFlight()
        await by(request, store)
        expect(await store.signIns.finish(request)).to.deep.equal({ done: false, ended: true })
        expect(await store.grants.find(request.grant.id)).to.equal(undefined)
      })

      it(`T5 waits where ${what} at that moment, and then writes nothing`, async () => {
        const request = await inFlight()
        let finished: Promise<unknown> = Promise.resolve()
        await inTransaction(needs(), async (bound) => {
          const tables = { ...bound, outbox: other.outbox, ring: testRing }
          await by(request, {
            devices: createDevices(tables),
            consents: createConsents(tables),
            users: createUsers(tables),
            factors: createFactors(tables),
          })
          finished = store.signIns.finish(request)
          await somebodyWaits(store)
        })
        expect(await finished).to.deep.equal({ done: false, ended: true })
        expect(await store.grants.find(request.grant.id)).to.equal(undefined)
      })

      it(`T5 is ended too when ${what} while it is written`, async () => {
        const request = await inFlight()
        const { userId } = request.person
        let ended: Promise<unknown> = Promise.resolve()
        await inTransaction({ ...needs(), database: other.database }, async (bound) => {
          const { done } = await createSignIns({ ...needs(), ...bound }).finish(request)
          expect(done).to.equal(true)
          ended = by(request, store)
          await somebodyWaits(store)
        })
        await ended
        expect(await store.grants.find(request.grant.id)).to.equal(undefined)
        expect(await toldAbout(userId)).to.deep.equal(told)
      })
    }

    const needs = () => ({ ...other, changes: createChanges(undefined) })
    const logouts = statement<{ payload: Buffer }>(
      'test-logouts',
      `SELECT payload FROM outbox WHERE kind = 'backchannel-logout' AND convert_from(payload, 'UTF8')::jsonb->>'userId' = $1`,
    )
    async function toldAbout(userId: string): Promise<string[]> {
      const rows = await store.database.query(logouts, [userId])
      return rows.map(({ payload }) => (JSON.parse(payload.toString()) as EndedUse).sid).toSorted()
    }
  })
