import { expect } from 'chai'
import { coversHost, readHttpRoute, readIngress } from '../../src/decide/client/route-hosts.ts'
import type { Gateway, HttpRoute, Ingress } from '../../src/decide/client/route-hosts.ts'
import { gateway, httpRoute, ingress, listener } from './routes.ts'

const web = ingress(['app.example.com'])

describe('readIngress', () => {
  const table: readonly [says: string, object: Ingress, served: readonly string[], fault: string | undefined][] = [
    ['serves the hosts in spec.tls', web, ['app.example.com:443'], undefined],
    [
      'serves nothing without an address in its status',
      { ...web, status: {} },
      [],
      'has no address in its status; see its controller',
    ],
    [
      'serves nothing while its address is empty',
      { ...web, status: { loadBalancer: { ingress: [{}] } } },
      [],
      'has no address in its status; see its controller',
    ],
    [
      'does not serve a host that is in no spec.tls',
      { ...web, spec: { ...web.spec, rules: [{ host: 'plain.example.com' }, { host: 'app.example.com' }] } },
      ['app.example.com:443'],
      'has plain.example.com without TLS; add it to spec.tls',
    ],
    [
      'says of many hosts without TLS only the first ones',
      {
        ...web,
        spec: { ...web.spec, rules: ['a', 'b', 'c', 'd', 'e'].map((one) => ({ host: `${one}.example.com` })) },
      },
      ['app.example.com:443'],
      'has a.example.com, b.example.com, c.example.com and 2 more without TLS; add them to spec.tls',
    ],
    [
      'says how many of its hosts are read',
      { ...web, spec: { ...web.spec, leftOut: 41 } },
      ['app.example.com:443'],
      'names 42 hosts, of which the first 1 are read',
    ],
    ['names no host when it is for every one', { ...web, spec: { rules: [{}] } }, [], 'names no host'],
    ['has a host name as address too', lbName(web), ['app.example.com:443'], undefined],
    ['reads hosts in small letters', ingress(['App.Example.COM']), ['app.example.com:443'], undefined],
  ]
  for (const [says, object, served, fault] of table)
    it(says, () => {
      const read = readIngress(object)
      expect(read.served.map(({ host, port }) => `${host}:${port}`)).to.deep.equal(served)
      expect(read.faults).to.deep.equal(fault === undefined ? [] : [fault])
    })

  it('names also the hosts that it does not serve', () => {
    const { names } = readIngress({ ...web, spec: { ...web.spec, rules: [{ host: '*.example.com' }] }, status: {} })
    expect(names).to.have.members(['*.example.com', 'app.example.com'])
  })
})

function lbName(object: Ingress): Ingress {
  return { ...object, status: { loadBalancer: { ingress: [{ hostname: 'lb.example.net' }] } } }
}

describe('readHttpRoute', () => {
  const edge = gateway(listener())
  const read = (route: HttpRoute, found: Gateway | undefined = edge, labels: Record<string, string> | undefined = {}) =>
    readHttpRoute(route, {
      gateway: (namespace, name) => (`${namespace}/${name}` === 'infra/edge' ? found : undefined),
      labels: () => labels,
    })
  const app = httpRoute(['app.example.com'])
  const team = { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } } }

  const table: readonly [
    says: string,
    route: HttpRoute,
    found: Gateway | undefined,
    served: readonly string[],
    fault?: string,
  ][] = [
    ['serves its hosts at an HTTPS listener', app, edge, ['app.example.com:443']],
    ['serves them at the port of the listener', app, gateway(listener({ port: 8443 })), ['app.example.com:8443']],
    [
      'serves nothing at listeners of other protocols',
      app,
      gateway(listener({ protocol: 'HTTP', port: 80 }), listener({ protocol: 'TLS' })),
      [],
      'finds no HTTPS listener at Gateway infra/edge that takes it',
    ],
    [
      'has only the hosts that the listener has too',
      httpRoute(['a.example.com', 'b.example.com']),
      gateway(listener({ hostname: 'b.example.com' })),
      ['b.example.com:443'],
    ],
    [
      'has its host below the wildcard of the listener',
      httpRoute(['a.b.example.com', 'example.com']),
      gateway(listener({ hostname: '*.example.com' })),
      ['a.b.example.com:443'],
    ],
    [
      'has the host of the listener below its own wildcard',
      httpRoute(['*.example.com']),
      gateway(listener({ hostname: 'a.example.com' })),
      ['a.example.com:443'],
    ],
    [
      'inherits the host of the listener when it names none',
      httpRoute([]),
      gateway(listener({ hostname: 'inherited.example.com' })),
      ['inherited.example.com:443'],
    ],
    [
      'serves nothing when neither names a host',
      httpRoute([]),
      edge,
      [],
      'has no host in common with Gateway infra/edge',
    ],
    [
      'serves nothing when it shares no host',
      app,
      gateway(listener({ hostname: 'other.example.com' })),
      [],
      'has no host in common with Gateway infra/edge',
    ],
    [
      'serves nothing while a Gateway does not accept it',
      httpRoute(['app.example.com'], { accepted: { status: 'False', reason: 'NotAllowedByListeners' } }),
      edge,
      [],
      'is not accepted by Gateway infra/edge (NotAllowedByListeners)',
    ],
    [
      'serves nothing while no controller has told of it',
      { ...app, status: { parents: [] } },
      edge,
      [],
      'is not accepted by Gateway infra/edge',
    ],
    [
      'waits for the Gateway to accept its present generation',
      httpRoute(['app.example.com'], { accepted: { observedGeneration: 1 } }),
      edge,
      [],
      'waits for Gateway infra/edge to accept its last change',
    ],
    [
      'serves nothing at a Gateway that is not there',
      httpRoute(['app.example.com'], { parentRef: { name: 'gone' } }),
      edge,
      [],
      'has the parent Gateway infra/gone, which is not there',
    ],
    [
      'serves nothing at a parent that is no Gateway',
      httpRoute(['app.example.com'], { parentRef: { group: '', kind: 'Service' } }),
      edge,
      [],
      'has the parent Service infra/edge, which is no Gateway',
    ],
    [
      'serves at the listener alone that it names',
      httpRoute(['app.example.com'], { parentRef: { sectionName: 'second' } }),
      gateway(listener(), listener({ name: 'second', port: 8443 })),
      ['app.example.com:8443'],
    ],
    [
      'serves at the port alone that it names',
      httpRoute(['app.example.com'], { parentRef: { port: 8443 } }),
      gateway(listener(), listener({ name: 'second', port: 8443 })),
      ['app.example.com:8443'],
    ],
    [
      'is not at a listener that takes routes of its own namespace alone, which is the default',
      app,
      gateway(listener({ allowedRoutes: {} }), listener({ name: 'plain', protocol: 'HTTP' })),
      [],
      'finds no HTTPS listener at Gateway infra/edge that takes it',
    ],
    [
      'is at such a listener from that namespace',
      httpRoute(['app.example.com'], { namespace: 'infra' }),
      gateway(listener({ allowedRoutes: { namespaces: { from: 'Same' } } })),
      ['app.example.com:443'],
    ],
    [
      'is not at a listener that takes none, or other kinds',
      app,
      gateway(
        listener({ allowedRoutes: { namespaces: { from: 'None' } } }),
        listener({ name: 'grpc', allowedRoutes: { namespaces: { from: 'All' }, kinds: [{ kind: 'GRPCRoute' }] } }),
      ),
      [],
      'finds no HTTPS listener at Gateway infra/edge that takes it',
    ],
    [
      'is not at a listener that selects other namespaces',
      app,
      gateway(listener({ allowedRoutes: team })),
      [],
      'finds no HTTPS listener at Gateway infra/edge that takes it',
    ],
    ['has no Gateway without parents', { ...app, spec: {} }, edge, [], 'has no Gateway in spec.parentRefs'],
  ]
  for (const [says, route, found, served, fault] of table)
    it(says, () => {
      const result = read(route, found)
      expect(result.served.map(({ host, port }) => `${host}:${port}`)).to.deep.equal(served)
      expect(result.faults).to.deep.equal(fault === undefined ? [] : [fault])
    })

  it('is at a listener that selects its namespace, unless the labels of it are not known', () => {
    const selecting = gateway(listener({ allowedRoutes: team }))
    expect(read(app, selecting, { team: 'a' }).served).to.have.length(1)
    expect(readHttpRoute(app, { gateway: () => selecting, labels: () => undefined }).served).to.deep.equal([])
  })

  it('believes what is said of this very parent alone', () => {
    const elsewhere = httpRoute(['app.example.com'], { parentRef: { sectionName: 'second' } })
    const spec = { ...elsewhere.spec, parentRefs: [{ namespace: 'infra', name: 'edge', sectionName: 'https' }] }
    expect(read({ ...elsewhere, spec }).served).to.deep.equal([])
  })

  it('says when only its last change is open', () => {
    expect(read(httpRoute(['app.example.com'], { accepted: { observedGeneration: 1 } })).isSettling).to.equal(true)
    expect(read(app).isSettling).to.equal(false)
  })
})

describe('coversHost', () => {
  for (const [name, host, covers] of [
    ['app.example.com', 'app.example.com', true],
    ['*.example.com', 'app.example.com', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'badexample.com', false],
    ['app.example.com', 'other.example.com', false],
  ] as const)
    it(`${name} ${covers ? 'covers' : 'does not cover'} ${host}`, () => expect(coversHost(name, host)).to.equal(covers))
})
