import { expect } from 'chai'
import { readIngress, routeLimits } from '../../src/decide/client/route-hosts.ts'
import {
  cutGateway,
  cutHttpRoute,
  cutIngress,
  roomForGateways,
  roomForHttpRoutes,
  roomForIngresses,
} from '../../src/intake/cut-routes.ts'
import { UnreadHosts } from '../../src/intake/unread-hosts.ts'
import { gateway, httpRoute, ingress, listener } from '../decide/routes.ts'

const many = (count: number, of = 'example.com') => Array.from({ length: count }, (_, index) => `h${index}.${of}`)
const bytesOf = (value: unknown) => JSON.stringify(value).length
const long = Object.fromEntries(many(1_000).map((name) => [name, 'x'.repeat(60)]))

describe('cutIngress', () => {
  it('K19 keeps the first 500 hosts, those with TLS first, and how many more there were', () => {
    const whole = ingress(many(300))
    const cut = cutIngress({
      ...whole,
      spec: { ...whole.spec, rules: many(30_000, 'example.org').map((host) => ({ host })) },
    })
    const { names, served, faults } = readIngress(cut)
    expect([names.length, served.length]).to.deep.equal([500, 300])
    expect(faults).to.include('names 30300 hosts, of which the first 500 are read')
  })

  it('K19 keeps nothing of its labels, annotations, paths and status but its address', () => {
    const { metadata, ...rest } = ingress(['app.example.com'])
    const about = { labels: long, annotations: long, finalizers: many(1_000) }
    const addresses = many(1_000).map((hostname) => ({ hostname }))
    const cut = cutIngress({
      metadata: { ...metadata, ...about },
      ...rest,
      status: { loadBalancer: { ingress: addresses } },
    })
    expect(bytesOf(cut)).to.be.below(500)
    expect(readIngress(cut)).to.deep.equal(readIngress({ metadata, ...rest }))
  })

  it('K19 does not read what is no name of DNS', () => {
    const labels = Array.from({ length: 17 }, () => 'a').join('.')
    expect(
      readIngress(cutIngress(ingress(['', labels, `${'a'.repeat(250)}.com`, 'ok.example.com']))).names,
    ).to.deep.equal(['ok.example.com'])
  })
})

describe('cutHttpRoute and cutGateway', () => {
  it('K19 keep what the schemas of the Gateway API allow, and no text of a condition', () => {
    const accepted = { message: 'x'.repeat(32_000) }
    const route = httpRoute(many(1_000), { accepted })
    const cut = cutHttpRoute(route)
    expect(cut.spec?.hostnames).to.have.length(routeLimits.hostnames)
    expect(bytesOf(cut.status)).to.be.below(500)
    expect(cutGateway(gateway(...many(1_000).map((name) => listener({ name })))).spec?.listeners).to.have.length(64)
  })

  it('K19 let nobody in by a selector that is larger than anybody needs', () => {
    const giant = listener({ allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: long } } } })
    const [kept] = cutGateway(gateway(giant)).spec?.listeners ?? []
    expect(kept?.allowedRoutes).to.deep.equal({ namespaces: { from: 'None' } })
  })
})

describe('the room for routes', () => {
  it('counts hosts, also those that a route has from its listeners', () => {
    const unread = new UnreadHosts('Ingress', { isAsked: () => false, asked: () => [] })
    expect(roomForIngresses(unread).weigh(cutIngress(ingress(many(7))))).to.equal(8)
    expect(roomForHttpRoutes(unread).weigh(cutHttpRoute(httpRoute(many(3))))).to.equal(4)
    expect(roomForHttpRoutes(unread).weigh(cutHttpRoute(httpRoute([])))).to.equal(9)
    expect(roomForGateways.weigh(cutGateway(gateway(listener(), listener())))).to.equal(3)
  })
})
