import { expect } from 'chai'
import { NamespaceRoom } from '../../src/kubernetes/namespace-room.ts'
import { roomForClients, withoutBulk } from '../../src/intake/without-bulk.ts'

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

describe(roomForClients.name, () => {
  const client = (namespace: string, name: string, age: number, text = 10) => ({
    apiVersion: 'auth.nauthera.io/v1alpha1' as const,
    kind: 'OIDCClient' as const,
    metadata: {
      namespace,
      name,
      uid: `${namespace}/${name}`,
      generation: 1,
      creationTimestamp: new Date(age * 1_000).toISOString(),
    },
    spec: { type: 'SPA' as const, displayName: 'x'.repeat(text) },
  })
  const nothing = () => false
  const crowd = Array.from({ length: 110 }, (_, at) => client('nauthera-cluster-eu', `evil.c${at}`, at, 80_000))

  it('K19 has room for each tenant of a joined cluster, whatever the others have there', () => {
    const room = new NamespaceRoom(roomForClients(nothing))
    expect(crowd.flatMap((one) => room.place(one))).to.not.deep.equal([])
    expect(room.place(client('nauthera-cluster-eu', 'shop.checkout', 999))).to.deep.equal([])
    expect(room.place(client('nauthera-cluster-eu', 'evil.young', 999))).to.have.length(1)
  })

  it('K19 has a bound for a joined cluster that makes up tenants', () => {
    const room = new NamespaceRoom(roomForClients(nothing))
    const kept = new Set<string>()
    for (let at = 0; at < 1_000; at++) {
      const one = client('nauthera-cluster-eu', `t${at}.app`, at, 80_000)
      kept.add(`nauthera-cluster-eu/${one.metadata.name}`)
      for (const out of room.place(one)) kept.delete(out)
    }
    expect(kept.size).to.be.within(700, 900)
    expect(room.place(client('nauthera-cluster-us', 'shop.checkout', 9_999))).to.deep.equal([])
  })

  it('keeps in any case a client that stands in a shard, or in a mirror', () => {
    const room = new NamespaceRoom(roomForClients((key) => key.endsWith('/used')))
    const local = crowd.map(({ metadata }) => client('team', metadata.name, 1, 80_000))
    for (const one of local) room.place(one)
    expect(room.place(client('team', 'used', 999))).to.deep.equal([])
    expect(room.place(client('team', 'new', 999))).to.have.length(1)
  })
})
