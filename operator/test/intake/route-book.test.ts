import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { judgeClient, refuseClient } from '../../src/decide/access/judge.ts'
import { readIngress } from '../../src/decide/client/route-hosts.ts'
import { resolveRedirects } from '../../src/intake/resolve-redirects.ts'
import { RouteBook } from '../../src/intake/route-book.ts'
import { binding, client } from '../decide/clients.ts'
import { ingress } from '../decide/routes.ts'

const key = 'demo/web'
const [old, fresh] = ['https://old.example.com/callback', 'https://new.example.com/callback']

describe('RouteBook', () => {
  const start = () => {
    const book = new RouteBook({ tell: () => {}, isCut: () => false })
    for (const collection of ['Ingress', 'HTTPRoute', 'Gateway'] as const) book.setFault(collection, undefined)
    return book
  }
  /** A look at a client whose status was never written. */
  const look = (book: RouteBook, now: number, { isRefused = false, uid = 'uid-1' } = {}) => {
    const sources = [{ kind: 'Ingress', name: 'web', path: '/callback' }] as const
    const one = client({ redirectURIsFrom: [...sources] }, { uid })
    const policies = binding({ allow: { redirectHosts: ['.example.com'] } })
    const acceptance = { kind: 'accepted', wanted: 'demo.app' } as const
    const about = { acceptance, policies, isFull: () => false, isServed: false, now }
    const { serve } = isRefused ? refuseClient(one, 'it cannot be read') : judgeClient(one, about)
    const found = resolveRedirects(one, { serve, binding: policies }, { routes: book, now })
    return found === 'off' || found === undefined ? [] : found.uris.map(({ uri }) => uri)
  }

  it('gives an address its ten minutes also when no status could be written since servers got it', () => {
    const book = start()
    book.set('Ingress', key, readIngress(ingress(['old.example.com'])))
    expect(look(book, 0)).to.deep.equal([old])
    book.set('Ingress', key, readIngress(ingress(['new.example.com'])))
    expect(look(book, 1_000)).to.deep.equal([old, fresh])
    expect(look(book, 600_000)).to.deep.equal([old, fresh])
    expect(look(book, 601_000)).to.deep.equal([fresh])
    expect(look(book, 602_000)).to.deep.equal([fresh])
  })

  it('keeps it as well when the next version of the client is refused', () => {
    const book = start()
    book.set('Ingress', key, readIngress(ingress(['old.example.com'])))
    look(book, 0)
    expect(look(book, 1_000, { isRefused: true })).to.deep.equal([old])
  })

  it('leaves nothing to another object of the same name', () => {
    const book = start()
    book.set('Ingress', key, readIngress(ingress(['old.example.com'])))
    look(book, 0)
    book.set('Ingress', key, readIngress(ingress(['new.example.com'])))
    expect(look(book, 1_000, { uid: 'uid-2' })).to.deep.equal([fresh])
  })

  /** Clients web of namespaces that follow their Ingress web, and what was told. */
  const crowd = (namespaces: readonly string[]) => {
    const told = new Set<string>()
    const book = new RouteBook({ tell: (keys) => keys.forEach((one) => told.add(one)), isCut: () => false })
    for (const collection of ['Ingress', 'HTTPRoute', 'Gateway'] as const) book.setFault(collection, undefined)
    const policies = binding({ allow: { redirectHosts: ['.example.com'] } })
    const sources = ['web', 'api'].map((name) => ({ kind: 'Ingress', name, path: '/callback' }) as const)
    const lookAt = (namespace: string, now: number) => {
      const one = client({ redirectURIsFrom: sources }, { namespace, name: 'web' })
      return book.resolve(one, { sources, policies, now })
    }
    const put = (namespace: string, name: string, hosts: readonly string[] | undefined, day = 1, isTaken = true) => {
      const createdAt = `2026-01-0${day}T00:00:00Z`
      told.clear()
      const object = ingress(hosts ?? [], { namespace, name, createdAt })
      book.set('Ingress', `${namespace}/${name}`, hosts && readIngress(isTaken ? object : { ...object, status: {} }))
      return new Set(told)
    }
    for (const namespace of namespaces) lookAt(namespace, 0)
    return { lookAt, put }
  }

  it('K19 wakes nobody for a younger Ingress of another namespace that names their hosts, or all of them', () => {
    const { put, lookAt } = crowd(['a', 'b'])
    put('a', 'web', ['app.example.com'])
    lookAt('a', 0)
    for (const hosts of [['app.example.com'], ['*.example.com', '*.com'], undefined])
      expect([...put('other', 'web', hosts, 2)]).to.deep.equal([])
    expect([...put('other', 'web', ['app.example.com'], 1)], 'of one second the uid decides').to.deep.equal([])
  })

  it('property: wakes every client whose redirect URIs change, and of other namespaces no other', () => {
    const namespaces = ['a', 'b', 'c']
    const hosts = ['one', 'two', 'x.two', '*', '*.two'].map((name) => `${name}.example.com`)
    const anyStep = fc.record({
      namespace: fc.constantFrom(...namespaces),
      name: fc.constantFrom('web', 'api', 'other'),
      hosts: fc.option(fc.subarray(hosts), { nil: undefined }),
      day: fc.integer({ min: 1, max: 3 }),
      isTaken: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 15 }), (steps) => {
        const { put, lookAt } = crowd(namespaces)
        let now = 0
        const seen = (namespace: string) => {
          // at the second look nothing is told that has just ended
          lookAt(namespace, now)
          const { uris, left } = lookAt(namespace, now)
          return { uris: JSON.stringify(uris), all: JSON.stringify([uris, left]) }
        }
        const before = new Map(namespaces.map((namespace) => [namespace, seen(namespace)]))
        for (const step of steps) {
          now += 1_000
          const told = put(step.namespace, step.name, step.hosts, step.day, step.isTaken)
          for (const namespace of namespaces) {
            const after = seen(namespace)
            const { uris, all } = before.get(namespace)!
            if (after.uris !== uris) expect([...told]).to.include(`${namespace}/web`)
            else if (after.all === all && namespace !== step.namespace)
              expect([...told]).to.not.include(`${namespace}/web`)
            before.set(namespace, after)
          }
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })
})
