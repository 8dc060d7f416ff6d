import { expect } from 'chai'
import { createRouteTable } from '../../../src/http/pages/route-table.ts'
import type { Route } from '../../../src/reply.ts'

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  handle: async () => ({ kind: 'redirect', location: '/' }),
})

describe(createRouteTable.name, () => {
  const routes = [
    route('GET', '/interaction/:uid'),
    route('GET', '/interaction/:uid/upstream'),
    route('GET', '/interaction/:uid/:form'),
    route('POST', '/interaction/:uid/sign-in'),
    route('GET', '/account'),
    route('GET', '/'),
  ]
  const table = createRouteTable(routes, '/base')
  const found = (method: string, path: string) => {
    const at = table.find(method, path)
    return at && [at.route.method, at.route.path, at.params]
  }

  it('finds a route by method and path, and decodes the parameters', () => {
    expect(found('GET', '/base/interaction/a%2Fb')).to.deep.equal(['GET', '/interaction/:uid', { uid: 'a/b' }])
    expect(found('POST', '/base/interaction/x/sign-in')).to.deep.equal([
      'POST',
      '/interaction/:uid/sign-in',
      { uid: 'x' },
    ])
    expect(found('GET', '/base/')).to.deep.equal(['GET', '/', {}])
  })

  it('takes the first route that fits', () => {
    expect(found('GET', '/base/interaction/x/upstream')?.[1]).to.equal('/interaction/:uid/upstream')
    expect(found('GET', '/base/interaction/x/sign-in')?.[1]).to.equal('/interaction/:uid/:form')
  })

  it('takes the route of GET for HEAD', () => {
    expect(found('HEAD', '/base/account')?.[1]).to.equal('/account')
  })

  for (const path of [
    '/account',
    '/base/Account',
    '/base/account/',
    '/base/interaction/',
    '/base/interaction//sign-in',
    '/base/interaction/x/y/z',
    '/base',
    '',
  ])
    it(`finds nothing at "${path}"`, () => {
      expect(found('GET', path)).to.equal(undefined)
    })

  it('throws a URIError for a parameter that cannot be decoded', () => {
    expect(() => table.find('GET', '/base/interaction/%zz')).to.throw(URIError)
  })

  it('names the methods of a path', () => {
    expect(table.methodsOf('/base/interaction/x/sign-in')).to.deep.equal(['GET', 'HEAD', 'POST'])
    expect(table.methodsOf('/base/elsewhere')).to.deep.equal([])
  })
})
