import { expect } from 'chai'
import fc from 'fast-check'
import { ageOf } from '@nauthera/rules/age'
import { apiOf } from '../../src/decide/access/resolve-access.ts'
import type { DeclaredApi } from '../../src/decide/access/declared-api.ts'
import { acceptClients } from '../../src/decide/client/accept-clients.ts'
import { keyOf } from '../../src/decide/client/client-names.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { LimitWaits } from '../../src/intake/limit-waits.ts'
import { client, holding } from '../decide/clients.ts'

const names = ['a', 'b', 'c', 'd', 'e']
const anyClients = fc.tuple(
  fc.shuffledSubarray(names, { minLength: 2 }),
  fc.shuffledSubarray(names, { minLength: names.length }),
  fc.array(fc.integer({ min: 1, max: 2 }), { minLength: names.length, maxLength: names.length }),
)

describe('the oldest of clients', () => {
  it('property: has the name, the API, the place and the next turn, whatever it is called', () => {
    fc.assert(
      fc.property(anyClients, ([present, uids, seconds]) => {
        const all = present.map((name, index) =>
          client(
            { clientId: 'shared' },
            { name, uid: uids[index]!, creationTimestamp: `2026-01-01T00:00:0${seconds[index]}Z` },
          ),
        )
        const index = createClientIndex()
        const waits = new LimitWaits()
        for (const one of all) {
          index.set(keyOf(one), one)
          waits.record(keyOf(one), { age: ageOf(one.metadata), full: [{ group: 'demo', limit: 1 }] })
        }
        const oldest = all.reduce((one, other) => {
          const [a, b] = [one, other].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`)
          return a! < b! ? one : other
        })
        const verdicts = acceptClients(all, () => holding({ allow: { customClientId: true } }))
        expect(all.filter((one) => verdicts.get(keyOf(one))?.kind === 'accepted')).to.deep.equal([oldest])
        expect(all.filter((one) => !index.isTenantFull(one, 1, () => false))).to.deep.equal([oldest])
        expect(waits.remove('demo/removed')).to.deep.equal([keyOf(oldest)])
        expect(apiOf(all.map(declaredBy))?.key).to.equal(keyOf(oldest))
      }),
    )
  })
})

const declaredBy = (one: ReturnType<typeof client>): DeclaredApi => ({
  key: keyOf(one),
  tenant: { namespace: 'demo' },
  identifier: 'https://api.example.com',
  claim: 'claimed',
  ...ageOf(one.metadata),
  standing: 'open',
  scopes: [],
  types: [],
  access: undefined,
})
