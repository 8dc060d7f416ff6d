import { expect } from 'chai'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { acceptClients } from '../../src/decide/client/accept-clients.ts'
import { client, holding } from './clients.ts'

const at = (second: number): { creationTimestamp: string } => ({
  creationTimestamp: new Date(second * 1000).toISOString(),
})
const one = (name: string, clientId: string | undefined, second: number, namespace = 'demo'): OIDCClient =>
  client(clientId === undefined ? {} : { clientId }, { name, namespace, ...at(second) })

const verdicts = (clients: readonly OIDCClient[], allow: OIDCPolicySpec['allow'] = { customClientId: true }) =>
  Object.fromEntries(
    [...acceptClients(clients, () => holding(allow ? { allow } : {}))].map(([key, verdict]) => [key, verdict.kind]),
  )

describe('acceptClients', () => {
  const table: readonly [
    sentence: string,
    clients: readonly OIDCClient[],
    outcome: Record<string, string>,
    allow?: OIDCPolicySpec['allow'],
  ][] = [
    [
      'accepts clients with different ids',
      [one('a', undefined, 1), one('b', undefined, 2)],
      { 'demo/a': 'accepted', 'demo/b': 'accepted' },
    ],
    [
      'K1 lets the oldest of two with one id win, in any order',
      [one('b', 'shop', 2), one('a', 'shop', 1)],
      { 'demo/a': 'accepted', 'demo/b': 'conflict' },
    ],
    [
      'K1 of two with one id in two namespaces the oldest wins',
      [one('a', 'shop', 1, 'x'), one('a', 'shop', 2, 'y')],
      { 'x/a': 'accepted', 'y/a': 'conflict' },
    ],
    [
      'K1 a third one conflicts too',
      [one('a', 'shop', 1), one('b', 'shop', 2), one('c', 'shop', 3)],
      { 'demo/a': 'accepted', 'demo/b': 'conflict', 'demo/c': 'conflict' },
    ],
    ['K1 the younger takes over when the older is gone', [one('b', 'shop', 2)], { 'demo/b': 'accepted' }],
    [
      'K1 an id like the default id of another namespace is refused',
      [one('thief', 'payments.shop', 1), one('shop', undefined, 2, 'payments')],
      { 'demo/thief': 'invalid', 'payments/shop': 'accepted' },
    ],
    ['an id that begins with the own namespace is taken', [one('a', 'demo.other', 1)], { 'demo/a': 'accepted' }],
    [
      'anyClientId lifts the rule of the prefix',
      [one('a', 'other.app', 1)],
      { 'demo/a': 'accepted' },
      { customClientId: true, anyClientId: true },
    ],
    [
      'K1 who may not choose an id cannot block the one who may: a claim needs the right to it',
      [one('a', 'shop', 1), one('b', 'shop', 2)],
      { 'demo/a': 'accepted', 'demo/b': 'accepted' },
      {},
    ],
    [
      'a mistake does not hand an id to somebody else',
      [
        client({ clientId: 'shop', redirectURIs: ['http://bad.example.com/'] }, { name: 'a', ...at(1) }),
        one('b', 'shop', 2),
      ],
      { 'demo/a': 'invalid', 'demo/b': 'conflict' },
    ],
    [
      'of two resource servers with one identifier the oldest wins',
      [
        client({ resourceServer: { identifier: 'https://api.example.com' } }, { name: 'a', ...at(1) }),
        client({ resourceServer: { identifier: 'https://api.example.com' } }, { name: 'b', ...at(2) }),
      ],
      { 'demo/a': 'accepted', 'demo/b': 'conflict' },
      { resourceServer: true },
    ],
    [
      'K18 who may not declare an identifier does not keep others from it, though it is older',
      [
        client({ resourceServer: { identifier: 'https://api.example.com' } }, { name: 'a', ...at(1) }),
        client({ resourceServer: { identifier: 'https://api.example.com' } }, { name: 'b', ...at(2) }),
      ],
      { 'demo/a': 'accepted', 'demo/b': 'accepted' },
      { resourceServer: true, resourceIdentifiers: ['https://other.example.com'] },
    ],
  ]
  for (const [sentence, clients, outcome, allow] of table) {
    it(sentence, () => {
      expect(verdicts(clients, allow)).to.deep.equal(outcome)
    })
  }

  describe('a name that is served', () => {
    const identifier = 'https://api.example.com'
    const api = (name: string, second: number) => client({ resourceServer: { identifier } }, { name, ...at(second) })
    const allow = { customClientId: true, resourceServer: true }
    const kindsOf = (clients: readonly OIDCClient[], holder: string, policiesOf = () => holding({ allow })) =>
      Object.fromEntries(
        [...acceptClients(clients, policiesOf, { holderOf: () => holder })].map(([key, { kind }]) => [key, kind]),
      )

    it('K1 stays with its holder, also when an older object claims it: a restore makes new ages', () => {
      expect(kindsOf([one('a', 'shop', 1), one('b', 'shop', 2)], 'demo/b')).to.deep.equal({
        'demo/a': 'conflict',
        'demo/b': 'accepted',
      })
      expect(kindsOf([api('a', 1), api('b', 2)], 'demo/b')).to.deep.equal({
        'demo/a': 'conflict',
        'demo/b': 'accepted',
      })
    })

    it('K1 K18 stays with its holder when no policy lets it have the name any more: its grace, not its rival, ends it', () => {
      const shut = (of: string) => (one: OIDCClient) =>
        holding({ allow: one.metadata.name === of ? { customClientId: false, resourceServer: false } : allow })
      for (const pair of [
        [one('a', 'shop', 1), one('b', 'shop', 2)],
        [api('a', 1), api('b', 2)],
      ]) {
        const found = acceptClients(pair, shut('a'), { holderOf: () => 'demo/a' })
        expect(found.get('demo/b')).to.include({ kind: 'conflict', holder: 'demo/a' })
      }
    })

    it('K1 is not for one who claims it while an object with another name in its spec is served under it', () => {
      expect(kindsOf([one('b', 'shop', 2)], 'demo/a')).to.deep.equal({ 'demo/b': 'conflict' })
    })
  })

  it('K1 tells one without the right to an id of no conflict with a younger one that has the right: its policies refuse it', () => {
    const found = acceptClients([one('a', 'shop', 1), one('b', 'shop', 2), one('c', 'shop', 3)], ({ metadata }) =>
      holding({ allow: { customClientId: metadata.name === 'b' } }),
    )
    expect([...found].map(([key, { kind }]) => [key, kind])).to.deep.equal([
      ['demo/a', 'accepted'],
      ['demo/b', 'accepted'],
      ['demo/c', 'conflict'],
    ])
  })

  it('names the other client of a conflict, and the field', () => {
    const verdict = acceptClients([one('a', 'shop', 1), one('b', 'shop', 2)], () =>
      holding({ allow: { customClientId: true } }),
    ).get('demo/b')
    expect(verdict).to.deep.equal({
      kind: 'conflict',
      wanted: 'shop',
      field: 'spec.clientId',
      holder: 'demo/a',
      mayClaim: true,
    })
  })

  it('K18 tells nobody who has a client id that they may not have', () => {
    const others: OIDCClient = client({ clientId: 'shop' }, { namespace: 'another', name: 'b', ...at(2) })
    const verdict = acceptClients([one('a', 'shop', 1), others], ({ metadata }) =>
      holding({ allow: { customClientId: metadata.namespace === 'demo' } }),
    ).get('another/b')
    expect(verdict).to.include({ kind: 'conflict', holder: 'demo/a', mayClaim: false })
  })

  describe('a client that comes from another cluster', () => {
    const findCluster = (name: string) =>
      name === 'edge' ? { metadata: { name, uid: 'c', creationTimestamp: '' }, spec: {} } : undefined
    const edge = 'nauthera-cluster-edge'
    const coming = (namespace: string, name: string, clientId: string): OIDCClient =>
      client(
        {
          clientId,
          ...(namespace === edge
            ? {
                origin: { namespace: 'shop', name: 'web', uid: 'u' },
                secret: { verifiers: [{ sha256: 'a'.repeat(64) }] },
              }
            : {}),
        },
        { namespace, name },
      )
    const table: readonly [sentence: string, one: OIDCClient, isTold: boolean][] = [
      ['from a cluster to the hub', coming('shop', 'web', 'edge_shop.web'), true],
      ['from a cluster to the hub, with an id without a dot', coming('shop', 'web', 'edge_web'), true],
      ['from the hub to a cluster', coming(edge, 'shop.web', 'shop.web'), true],
      ['from the hub to a cluster, with an id without a dot', coming(edge, 'shop.web', 'grafana'), true],
      ['of the hub with the id of another namespace: nothing moves there', coming('shop', 'web', 'apps.web'), false],
    ]
    for (const [sentence, one, isTold] of table)
      it(`${isTold ? 'is told of cluster move' : 'is not told of cluster move'}: ${sentence}`, () => {
        const [verdict] = acceptClients([one], () => holding({ allow: { customClientId: true, verifiers: true } }), {
          findCluster,
        }).values()
        const fault =
          verdict?.kind === 'invalid' ? verdict.faults.find(({ path }) => path === 'spec.clientId') : undefined
        expect(fault?.message).to.match(isTold ? /; to move a client here .* cluster move in the hub$/ : /have no dot$/)
      })

    const rivals = (moved: OIDCClient['metadata']['moved']) => {
      const target = { ...coming('shop', 'web', 'edge_shop.web') }
      return [
        coming(edge, 'shop.web', 'edge_shop.web'),
        { ...target, metadata: { ...target.metadata, ...(moved ? { moved } : {}) } },
      ]
    }
    const conflictOf = (key: string, holder: string, moved?: OIDCClient['metadata']['moved']) =>
      acceptClients(
        rivals(moved),
        () => holding({ allow: { anyClientId: true, customClientId: true, verifiers: true } }),
        {
          findCluster,
          holderOf: () => holder,
        },
      ).get(key)

    it('is told of cluster move when its id may be anything, and is taken', () => {
      expect(conflictOf('shop/web', `${edge}/shop.web`)).to.include({ kind: 'conflict', move: 'possible' })
    })

    it('takes a place that its declared move names: the client there is told that it moves', () => {
      const moved = { clientId: 'edge_shop.web', from: `${edge}/shop.web` }
      expect(conflictOf(`${edge}/shop.web`, 'shop/web', moved)).to.include({ kind: 'conflict', move: 'declared' })
    })
  })

  it('decides between two of one second the same way everywhere: by their UIDs', () => {
    const [left, right] = [one('a', 'shop', 1), one('b', 'shop', 1)]
    expect(verdicts([left, right])).to.deep.equal(verdicts([right, left]))
  })

  it('K11 reports every fault of a spec at once', () => {
    const bad = client({
      redirectURIs: ['http://a.example.com/'],
      tokens: { accessTTL: '-5m' },
      pkce: 'Optional',
      auth: { method: 'none' },
    })
    const verdict = acceptClients([bad], () => holding({})).get('demo/app')!
    expect(verdict.kind === 'invalid' && verdict.faults.map(({ path }) => path)).to.have.members([
      'spec.redirectURIs',
      'spec.tokens.accessTTL',
      'spec.pkce',
    ])
  })

  it('K1 judges a client that shares its id with one whose spec cannot be read', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`) as Record<string, unknown>
    const rival = client(
      { clientId: 'demo.app', auth: { method: 'private_key_jwt', jwks: { keys: [deep] } } } as never,
      { namespace: 'evil', name: 'rival', creationTimestamp: '2025-01-01T00:00:00Z' },
    )
    const verdicts = acceptClients([client(), rival], () => [])
    expect(verdicts.get('demo/app')?.kind).to.equal('accepted')
    expect(verdicts.get('evil/rival')?.kind).to.equal('invalid')
  })
  it('K11 survives anything that an API server without schema may hand over', () => {
    for (const spec of [
      { type: 5 },
      { type: 'Web', redirectURIs: 'x' },
      { type: 'Web', redirectURIs: [{}] },
      { type: 'Web', auth: [] },
      { type: 'M2M', secret: { data: 5 } },
    ]) {
      const object = { ...client(), spec } as unknown as OIDCClient
      expect(acceptClients([object], () => holding({})).get('demo/app')?.kind, JSON.stringify(spec)).to.equal('invalid')
    }
  })

  it('K19 refuses what is too large for any client without a look at its rules', () => {
    const huge = { ...client(), spec: { type: 5, redirectURIs: [5, 'a'.repeat(17_000)] } } as unknown as OIDCClient
    const verdict = acceptClients([huge], () => holding({})).get('demo/app')
    expect(verdict).to.deep.include({ kind: 'too-large', wanted: 'demo.app' })
    expect(verdict?.kind === 'too-large' && verdict.message).to.match(
      /^must take at most 16 KiB, and takes 17 KiB; shorten/,
    )
  })

  it('K11 refuses a megabyte in one field for less than 500 ms of a processor', () => {
    const huge = client({ redirectURIs: [`https://a.example.com/${'a'.repeat(1_000_000)}`] })
    const before = process.cpuUsage()
    expect(acceptClients([huge], () => holding({})).get('demo/app')).to.deep.include({ kind: 'too-large' })
    // of a processor: others run beside it
    expect(process.cpuUsage(before).user / 1000).to.be.below(500)
  })
})
