import { expect } from 'chai'
import { withoutBulk } from '../../src/intake/without-bulk.ts'

const edge = 'nauthera-cluster-edge'
const uris = (count: number) =>
  Array.from({ length: count }, (_, at) => `https://app.example.com/${at}${'x'.repeat(900)}`)
const client = (spec: object, metadata: object = {}, namespace = edge) => ({
  metadata: { name: 'shop.app', namespace, uid: 'u1', generation: 3, creationTimestamp: 'then', ...metadata },
  spec: { type: 'SPA', clientId: 'edge_shop.app', suspended: true, ...spec },
})

/** As JSON.parse gives it; no part of Node goes through it. */
const nested = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels))

describe('withoutBulk', () => {
  it('gives an object of common size as it is', () => {
    for (const one of [
      client({ redirectURIs: uris(20) }),
      client({}, { labels: { team: 'a' } }),
      { metadata: { name: 'x' } },
    ])
      expect(withoutBulk(one)).to.equal(one)
  })

  it('T70 keeps of a giant what says whose it is, and the words that refuse it', () => {
    const auth = { method: 'private_key_jwt', jwks: { keys: [{ x: 'y'.repeat(70_000) }] } }
    const { metadata, spec } = withoutBulk(client({ redirectURIs: uris(10), auth }, { labels: { team: 'a' } }))
    expect(metadata).to.include({
      name: 'shop.app',
      namespace: edge,
      uid: 'u1',
      generation: 3,
      creationTimestamp: 'then',
    })
    expect(metadata).to.have.property('refused').that.contains('must take at most 16 KiB, and takes 78 KiB')
    expect(spec).to.deep.equal({
      type: 'SPA',
      clientId: 'edge_shop.app',
      suspended: true,
      auth: { method: 'private_key_jwt' },
    })
  })

  for (const [what, one] of [
    ['names of fields', client({ claims: Object.fromEntries(uris(80).map((uri) => [uri, 1])) })],
    ['numbers', client({ claims: Array.from({ length: 100_000 }, () => 1) })],
    ['labels', client({}, { labels: Object.fromEntries(uris(80).map((uri) => [uri, 'x'])) })],
    ['annotations', client({}, { annotations: { 'auth.nauthera.io/rotate': 'x'.repeat(100_000) } })],
    ['finalizers', client({}, { finalizers: uris(80) })],
  ] as const)
    it(`T70 finds a giant by its ${what}`, () => {
      const cut = withoutBulk(one)
      expect(cut.metadata).to.have.property('refused')
      expect(JSON.stringify(cut).length).to.be.below(1_024)
    })

  it('T70 finds what is nested too deeply, without recursion', () => {
    const { metadata, spec } = withoutBulk(client({ auth: { method: 'none', jwks: nested(9_000) } }))
    expect(metadata).to.have.property('refused', 'must be nested at most 32 levels deep')
    expect(spec).to.have.deep.property('auth', { method: 'none' })
  })

  it('leaves a client of this cluster room for what its Secret holds', () => {
    const data = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`key-${at}`, 'x'.repeat(4_096)]))
    const one = client({ secret: { data } }, {}, 'apps')
    expect(withoutBulk(one)).to.equal(one)
  })
})
