import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { remembered } from '../../../src/oidc/interaction/consent.ts'
import type { Consent } from '../../../src/store/people/consents.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

// A person has several tabs of one application open. Each has read what was allowed before, and adds what is agreed to in it, in any order; meanwhile the
// person may take all of it back.

const client = { clientUid: 'uid-1', clientId: 'shop.web' }
const apis = ['https://one.test', 'https://two.test']
const types = ['payment', 'account', 'contact']
const tab = fc.nat({ max: 2 })
const agreedOf = fc.record({
  scopes: fc.subarray(['openid', 'email', 'profile', 'groups']),
  resources: fc.record({ [apis[0]!]: fc.subarray(['read', 'write']), [apis[1]!]: fc.subarray(['a', 'b']) }),
  details: fc.uniqueArray(fc.record({ api: fc.constantFrom(...apis), type: fc.constantFrom(...types) }), {
    maxLength: 2,
    selector: ({ api, type }) => `${api} ${type}`,
  }),
})
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), tab }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('agree' as const), tab, agreed: agreedOf }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take back' as const) }) },
)

describe('what a person allows for good, in several tabs', () => {
  let fresh: FreshStore
  let stores: readonly Store[]
  before(async () => {
    fresh = await freshStore()
    stores = [fresh.replica(), fresh.replica(), fresh.replica()]
  })
  after(() => fresh.stop())

  /** All that a consent allows, as words. */
  function wordsOf(consent: Pick<Consent, 'scopes' | 'payload'> | undefined): string[] {
    const { resources = {}, authorizationDetails = {} } = (consent?.payload ?? {}) as Record<
      string,
      Record<string, unknown[]>
    >
    const lists = Object.entries({ ...resources }).flatMap(([api, scopes]) =>
      scopes.map((one) => `${api} ${String(one)}`),
    )
    const details = Object.entries(authorizationDetails).flatMap(([api, ofApi]) =>
      ofApi.map((one) => `${api} ${JSON.stringify(one)}`),
    )
    return [...(consent?.scopes ?? []), ...lists, ...details].toSorted()
  }

  it('keeps the newest 50 authorization details, and the larger ones in the place of smaller ones', async () => {
    const { id: userId } = await addPerson(stores[0]!)
    const whole = { userId, ...client }
    const add = async (count: number, from: number, outdated: Record<string, unknown[]> = {}) => {
      const details = Array.from({ length: count }, (_, at) => ({ type: 'payment', at: from + at }))
      const device = {
        ...whole,
        sid: 'sid',
        sessionUid: randomUUID(),
        version: 1,
        authTime: new Date(),
        lifeMs: 60_000,
      }
      const payload = { resources: {}, authorizationDetails: { [apis[0]!]: details } }
      await stores[0]!.signIns.finish({ device, consent: { ...whole, scopes: [], payload, outdated }, audit: [] })
      const stored = await stores[0]!.consents.find(userId, client.clientUid)
      const lists = stored?.payload['authorizationDetails'] as Record<string, { at: number }[]>
      return lists[apis[0]!]!.map(({ at }) => at)
    }
    expect(await add(40, 0)).to.have.length(40)
    const next = await add(20, 40)
    expect([next.length, next[0], next.at(-1)]).to.deep.equal([50, 10, 59])
    expect(await add(1, 60, { [apis[0]!]: [{ type: 'payment', at: 59 }] }))
      .to.include.members([58, 60])
      .and.not.include(59)
  })

  it('T5 is all that was agreed to since it was taken back last, and nothing of before', async () => {
    let refused = 0
    const property = fc.asyncProperty(fc.array(act, { minLength: 2, maxLength: 12 }), async (acts) => {
      const { id: userId } = await addPerson(stores[0]!)
      const { standing } = (await stores[0]!.accounts.load({ userId }))!
      const whole = { userId, ...client }
      const read = new Map<number, { consent: Consent | undefined; era: number }>()
      let [allowed, era] = [new Set<string>(), 0]
      for (const one of acts) {
        if (one.kind === 'take back') {
          await stores[0]!.consents.revoke(userId, client.clientUid, [])
          allowed = new Set()
          era++
          continue
        }
        const store = stores[one.tab]!
        const load = async () => ({
          consent: (await store.accounts.load({ userId, clientUid: client.clientUid }))!.consent,
          era,
        })
        if (one.kind === 'read') {
          read.set(one.tab, await load())
          continue
        }
        const before = read.get(one.tab) ?? (await load())
        read.delete(one.tab)
        const { scopes, resources, details } = one.agreed
        const asked = details.map(({ api, type }) => ({ api, detail: { type }, canRemember: true }))
        const agreed = remembered({ scopes, resources }, before.consent, asked)
        const device = {
          ...whole,
          sid: 'sid',
          sessionUid: randomUUID(),
          version: 1,
          authTime: new Date(),
          lifeMs: 60_000,
        }
        const consentedTo = before.consent && { clientUid: client.clientUid, grantedAt: before.consent.grantedAt }
        const person = { userId, standing, consentedTo }
        const { done } = await store.signIns.finish({ person, device, consent: { ...whole, ...agreed }, audit: [] })
        // what it goes on with was taken back
        expect(done).to.equal(before.consent === undefined || before.era === era)
        if (!done) refused++
        else for (const word of wordsOf(remembered({ scopes, resources }, undefined, asked))) allowed.add(word)
      }
      expect(wordsOf(await stores[0]!.consents.find(userId, client.clientUid))).to.deep.equal([...allowed].toSorted())
    })
    await fc.assert(property, { numRuns: propertyRuns(150) })
    expect(refused).to.be.greaterThan(0)
  })
})
