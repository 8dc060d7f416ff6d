import { expect } from 'chai'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { followRoutes } from '../../src/decide/client/follow-routes.ts'
import type { FollowInput, KnownRoutes } from '../../src/decide/client/follow-routes.ts'
import { coversHost, readHttpRoute, readIngress } from '../../src/decide/client/route-hosts.ts'
import type { HostRoute } from '../../src/decide/client/route-hosts.ts'
import { binding } from './clients.ts'
import { httpRoute, ingress } from './routes.ts'

const now = Date.UTC(2026, 0, 1, 12)
const minutesAgo = (minutes: number) => new Date(now - minutes * 60_000).toISOString()

const routesOf = (found: readonly HostRoute[], more: Partial<KnownRoutes> = {}): KnownRoutes => ({
  find: (kind, namespace, name) =>
    found.find((one) => one.kind === kind && one.namespace === namespace && one.name === name),
  naming: (host) => found.filter(({ names }) => names.includes(host)),
  covering: (host) => found.filter(({ names }) => names.some((name) => name !== host && coversHost(name, host))),
  mayBeNamed: () => false,
  isCut: () => false,
  fault: () => undefined,
  isWhole: true,
  ...more,
})

const source = { kind: 'Ingress', name: 'web', path: '/callback' } as const
const from = { kind: 'Ingress', name: 'web' } as const
const noParents = { gateway: () => undefined, labels: () => undefined }
const uri = 'https://app.example.com/callback'
const web = readIngress(ingress(['app.example.com']))
const elsewhere = (hosts: readonly string[], createdAt: string) =>
  readIngress(ingress(hosts, { namespace: 'other', createdAt }))
const older = '2025-01-01T00:00:00Z'
const younger = '2026-02-01T00:00:00Z'

const follow = (change: Partial<FollowInput> & { found?: readonly HostRoute[] } = {}) => {
  const { found = [web], ...more } = change
  return followRoutes({
    sources: [source],
    namespace: 'demo',
    former: [],
    policies: binding({ allow: { redirectHosts: ['.example.com'] } }),
    routes: routesOf(found),
    now,
    ...more,
  })
}
const urisOf = (change?: Parameters<typeof follow>[0]) => follow(change).uris.map((one) => one.uri)

describe('followRoutes', () => {
  it('gives one URI for each host and path', () => {
    const found = [readIngress(ingress(['a.example.com', 'b.example.com']))]
    expect(urisOf({ found, sources: [source, { ...source, path: '/silent' }] })).to.deep.equal([
      'https://a.example.com/callback',
      'https://b.example.com/callback',
      'https://a.example.com/silent',
      'https://b.example.com/silent',
    ])
  })

  it('keeps what an object gave that has no room any more, unless another namespace names the host', () => {
    const isCut = () => true
    const former = [{ uri: 'https://app.example.com/callback', from: { kind: 'Ingress', name: 'web' } }] as const
    const late = now + 3_600_000
    expect(urisOf({ former, now: late, routes: routesOf([], { isCut }) })).to.deep.equal([former[0].uri])
    const other = { ...web, namespace: 'other' }
    expect(urisOf({ former, now: late, routes: routesOf([other], { isCut }) })).to.deep.equal([])
    const gone = { ...former[0], goneSince: new Date(now).toISOString() }
    expect(urisOf({ former: [gone], now: late, routes: routesOf([]) })).to.deep.equal([])
  })

  it('names the port where it is not that of https', () => {
    const found = [{ ...web, served: [{ host: 'app.example.com', port: 8443 }] }]
    expect(urisOf({ found })).to.deep.equal(['https://app.example.com:8443/callback'])
  })

  describe('leaves a host out, and says why', () => {
    const table: readonly [says: string, change: Parameters<typeof follow>[0], why: string][] = [
      ['when the object is not there', { found: [] }, 'Ingress web is not there'],
      [
        'when no policy lists hosts',
        { policies: binding({}) },
        'Ingress web: app.example.com needs a policy that lists it in allow.redirectHosts',
      ],
      [
        'when one policy leaves it out, whatever others list',
        {
          policies: binding(
            { allow: { redirectHosts: ['.example.org'] } },
            { allow: { redirectHosts: ['.example.com'] } },
          ),
        },
        'Ingress web: app.example.com is not in allow.redirectHosts of policy policy-1',
      ],
      [
        'when only a policy that watches lists it',
        { policies: binding({ enforcement: 'Warn', allow: { redirectHosts: ['.example.com'] } }, {}) },
        'Ingress web: app.example.com needs a policy that lists it in allow.redirectHosts',
      ],
      [
        'when an older object of another namespace names it',
        { found: [web, elsewhere(['app.example.com'], older)] },
        'Ingress web: app.example.com is that of the older Ingress web in namespace other',
      ],
      [
        'when it is a wildcard',
        { found: [readIngress(ingress(['*.example.com']))] },
        'Ingress web: *.example.com is a wildcard; name each host',
      ],
      [
        'when it is this machine, which no policy needs to list',
        {
          found: [readIngress(ingress(['localhost']))],
          policies: binding({ allow: { redirectHosts: ['localhost'] } }),
        },
        'Ingress web: localhost is no whole host name',
      ],
      [
        'when somebody else may have named it unseen',
        { routes: routesOf([web], { isWhole: false }) },
        'Ingress web: app.example.com waits until all Ingresses and HTTPRoutes can be read',
      ],
    ]
    for (const [says, change, why] of table)
      it(says, () => {
        const { uris, left } = follow(change)
        expect(uris).to.deep.equal([])
        expect(left).to.deep.equal([why])
      })

    it('and follows the others of the same object', () => {
      const found = [readIngress(ingress(['*.example.com', 'app.example.com', 'app.example.org']))]
      const { uris, left } = follow({ found })
      expect(uris).to.deep.equal([{ uri, from }])
      expect(left).to.have.length(2)
    })

    it('K19 when its object is one for which the namespace has no room', () => {
      const { left } = follow({
        routes: routesOf([], { isCut: (kind, namespace) => `${kind} ${namespace}` === 'Ingress demo' }),
      })
      expect(left).to.have.length(1)
      expect(left[0]).to.match(/^Ingress web is not read: the older objects of its namespace name \d+ hosts already/)
    })

    it('K19 beyond the first 100 hosts of its objects, and asks about no more of them', () => {
      const hosts = Array.from({ length: 300 }, (_, index) => `h${index}.example.com`)
      let asked = 0
      const { naming, ...routes } = routesOf([readIngress(ingress(hosts))])
      const counting = (host: string) => (asked++, naming(host))
      const former = [{ uri: 'https://h299.example.com/callback', from }]
      const sources = Array.from({ length: 10 }, (_, index) => ({ ...source, path: `/callback-${index}` }))
      const { uris, left } = follow({ sources: [source, ...sources], former, routes: { ...routes, naming: counting } })
      expect(uris[0]?.uri, 'those of before stay').to.equal('https://h299.example.com/callback')
      expect(left).to.include('Ingress web: 200 hosts are left out: a client is looked at for at most 100')
      expect(asked).to.equal(100)
    })

    it('beyond 20 hosts, of which those of before stay', () => {
      const hosts = Array.from({ length: 22 }, (_, index) => `h${String(index).padStart(2, '0')}.example.com`)
      const former = [{ uri: 'https://h21.example.com/callback', from }]
      const { uris, left } = follow({ found: [readIngress(ingress(hosts))], former })
      expect(uris).to.have.length(20)
      expect(uris[0]?.uri).to.equal('https://h21.example.com/callback')
      expect(left).to.deep.equal([
        'Ingress web: https://h19.example.com/callback is left out: at most 20 hosts and 50 URIs are followed',
        'Ingress web: https://h20.example.com/callback is left out: at most 20 hosts and 50 URIs are followed',
      ])
    })
  })

  describe('of two namespaces that name a host', () => {
    it('gives it to the older object', () => {
      expect(urisOf({ found: [web, elsewhere(['app.example.com'], younger)] })).to.deep.equal([uri])
    })

    it('leaves it to nobody whose object no controller has taken, with TLS or without', () => {
      const named = ingress(['app.example.com'], { namespace: 'other', createdAt: older })
      const { tls: _tls, ...open } = named.spec!
      for (const spec of [named.spec!, open]) {
        expect(urisOf({ found: [web, readIngress({ ...named, spec, status: {} })] })).to.deep.equal([uri])
        expect(urisOf({ found: [web, readIngress({ ...named, spec })] }), 'it has an address').to.deep.equal([])
      }
      const refused = httpRoute(['app.example.com'], {
        namespace: 'other',
        createdAt: older,
        accepted: { status: 'False', reason: 'NotAllowedByListeners' },
      })
      expect(urisOf({ found: [web, readHttpRoute(refused, noParents)] })).to.deep.equal([uri])
      const accepted = httpRoute(['app.example.com'], { namespace: 'other', createdAt: older })
      expect(urisOf({ found: [web, readHttpRoute(accepted, noParents)] })).to.deep.equal([])
    })

    it('lets the wildcard of another one stand beside it', () => {
      expect(urisOf({ found: [web, elsewhere(['*.example.com'], older)] })).to.deep.equal([uri])
    })
  })

  describe('keeps what an object gave', () => {
    const former = [{ uri, from }]

    it('for ten minutes when it is gone', () => {
      const { uris, left, endsIn } = follow({ found: [], former })
      expect(uris).to.deep.equal([{ uri, from, goneSince: now }])
      expect(left).to.include(`Ingress web does not give ${uri} any more: it ends 2026-01-01T12:10:00Z`)
      expect(endsIn).to.equal(600_000)
    })

    it('from when it went, not longer', () => {
      const since = (minutes: number) => [{ uri, from, goneSince: minutesAgo(minutes) }]
      expect(follow({ found: [], former: since(4) }).endsIn).to.equal(360_000)
      expect(urisOf({ found: [], former: since(10) })).to.deep.equal([])
    })

    it('and forgets the time when it is back', () => {
      expect(follow({ former: [{ uri, from, goneSince: minutesAgo(4) }] }).uris).to.deep.equal([{ uri, from }])
    })

    it('for ten minutes when it no longer has the host, its TLS or its address', () => {
      for (const found of [readIngress(ingress(['b.example.com'])), { ...web, served: [] }])
        expect(follow({ found: [found], former }).uris).to.deep.include({ uri, from, goneSince: now })
    })

    it('without an end while its kind cannot be read, and says so', () => {
      const fault = () => 'cannot be read (403)'
      const { uris, left, endsIn } = follow({
        routes: routesOf([], { fault }),
        former: [{ uri, from, goneSince: minutesAgo(60) }],
      })
      expect(uris).to.deep.equal([{ uri, from }])
      expect(left).to.deep.equal(['Ingress web: cannot be read (403); what it gave before stays'])
      expect(endsIn).to.equal(undefined)
    })

    it('while other kinds cannot be read', () => {
      expect(follow({ routes: routesOf([web], { isWhole: false }), former }).uris).to.deep.equal([{ uri, from }])
    })

    it('silently while its controller has yet to look at its last change', () => {
      const settling = { ...web, served: [], faults: ['waits'], isSettling: true }
      expect(follow({ found: [settling], former })).to.deep.equal({
        uris: [{ uri, from }],
        left: [],
        endsIn: undefined,
      })
    })

    it('while the spec of the client is refused, as long as the object gives the host', () => {
      expect(follow({ sources: undefined, former }).uris).to.deep.equal([{ uri, from }])
      expect(follow({ sources: undefined, former, found: [] }).uris).to.deep.equal([{ uri, from, goneSince: now }])
    })
  })

  describe('ends what an object gave at once', () => {
    const former = [{ uri, from }]
    const table: readonly [says: string, change: Parameters<typeof follow>[0]][] = [
      [
        'when the object is gone and another namespace names the host',
        { found: [elsewhere(['app.example.com'], younger)] },
      ],
      [
        'when it is gone and another namespace has a wildcard above it',
        { found: [elsewhere(['*.example.com'], younger)] },
      ],
      [
        'when an older object of another namespace names the host',
        { found: [web, elsewhere(['app.example.com'], older)] },
      ],
      ['when no policy lists the host any more', { policies: binding({}) }],
      ['when the client does not name the object any more', { sources: [{ ...source, name: 'api' }] }],
      ['when the client has another path', { sources: [{ ...source, path: '/other' }], found: [] }],
    ]
    for (const [says, change] of table) it(`K26 ${says}`, () => expect(urisOf({ ...change, former })).to.deep.equal([]))
  })

  describe('in one list with those of the client, as a mirror has them', () => {
    const hosts = (count: number) => Array.from({ length: count }, (_, index) => `${index}.example.com`)
    const found = [readIngress(ingress(hosts(4)))]
    const ownUris = (count: number) => hosts(count).map((host) => `https://own-${host}/`)

    it('leaves out those for which the hub has no place, and says so', () => {
      const { uris, left } = follow({ found, list: { own: ownUris(47), bytes: 0 } })
      expect(uris.map(({ uri }) => uri)).to.deep.equal(hosts(3).map((host) => `https://${host}/callback`))
      expect(left.join()).to.contain('3.example.com').and.to.contain('takes 50')
      expect(follow({ found, list: { own: ownUris(50), bytes: 0 } }).uris).to.deep.equal([])
      expect(follow({ found }).uris.length, 'apart').to.equal(4)
    })

    it('needs no place for one that the client lists itself', () => {
      const own = [...ownUris(49), 'https://0.example.com/callback']
      expect(urisOf({ found, list: { own, bytes: 0 } })).to.deep.equal(['https://0.example.com/callback'])
    })

    it('leaves out those with which the client would be too large', () => {
      const one = '"https://0.example.com/callback",'.length
      const most = maxVersionBytes - 512
      expect(urisOf({ found, list: { own: [], bytes: most - 2 * one } }).length).to.equal(2)
      expect(urisOf({ found, list: { own: [], bytes: most - one + 1 } })).to.deep.equal([])
    })
  })

  it('keeps the order of before, so that nothing is written anew', () => {
    const found = [readIngress(ingress(['a.example.com', 'b.example.com']))]
    const former = [{ uri: 'https://b.example.com/callback', from }]
    expect(urisOf({ found, former })).to.deep.equal([
      'https://b.example.com/callback',
      'https://a.example.com/callback',
    ])
  })
})
