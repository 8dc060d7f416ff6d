import { expect } from 'chai'
import fc from 'fast-check'
import { ClientIndex } from '../../src/clients/client-index.ts'

interface Client {
  readonly clientId: string
  readonly version: number
}

const sorted = (clients: Iterable<Client>) =>
  [...clients].sort((one, other) => (one.clientId < other.clientId ? -1 : 1))

describe(ClientIndex.name, () => {
  it('holds what a map would hold, after any changes, and never changes itself', () => {
    const ids = fc.constantFrom(
      'a',
      'b',
      'c',
      '__proto__',
      'constructor',
      'Grüße',
      ...Array.from({ length: 40 }, String),
    )
    const change = fc.record({
      leaving: fc.uniqueArray(ids, { maxLength: 5 }),
      coming: fc.uniqueArray(ids, { maxLength: 8 }),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        let index = ClientIndex.empty<Client>()
        const model = new Map<string, Client>()
        for (const [version, { leaving, coming }] of changes.entries()) {
          const before = index
          const held = sorted(before.values())
          const gone = leaving.flatMap((clientId) => model.get(clientId) ?? [])
          for (const { clientId } of gone) model.delete(clientId)
          const fresh = coming.flatMap((clientId) => (model.has(clientId) ? [] : [{ clientId, version }]))
          for (const client of fresh) model.set(client.clientId, client)
          index = index.with(gone, fresh)
          expect(sorted(index.values())).to.deep.equal(sorted(model.values()))
          expect(index.size).to.equal(model.size)
          for (const [clientId, client] of model) expect(index.get(clientId)).to.equal(client)
          expect(sorted(before.values()), 'the one before').to.deep.equal(held)
        }
      }),
    )
  })

  it('K1 has one space of names: a client is found by its id, and holds the identifier of the API that it is', () => {
    const api = { clientId: 'billing', api: 'urn:billing', version: 1 }
    const index = ClientIndex.empty<Client & { api?: string }>().with([], [api])
    expect(index.holder('urn:billing')).to.equal(api)
    expect(index.get('urn:billing')).to.equal(undefined)
    expect([...index.values()]).to.deep.equal([api])
    expect(index.with([api], []).holder('urn:billing')).to.equal(undefined)
  })

  it('has nobody at first', () => {
    expect(ClientIndex.empty<Client>().get('a')).to.equal(undefined)
    expect([...ClientIndex.empty<Client>().values()]).to.deep.equal([])
  })
})
