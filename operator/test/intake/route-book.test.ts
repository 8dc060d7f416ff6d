import { expect } from 'chai'
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
    const book = new RouteBook(() => {})
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
})
