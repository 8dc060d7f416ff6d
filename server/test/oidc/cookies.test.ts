import { ServerResponse, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect } from 'chai'
import { cookieScope, setCookie } from '../../src/oidc/cookies.ts'

describe('cookieScope', () => {
  const cases: [issuer: string, session: string, sessionPath: string, interaction: string, pages: string][] = [
    ['https://id.example.com', '__Host-nauthera_session', '/', '__Secure-nauthera_i_u', '/interaction/u'],
    ['https://example.com/id/', '__Secure-nauthera_session', '/id', '__Secure-nauthera_i_u', '/id/interaction/u'],
    ['http://localhost:8080', 'nauthera_session', '/', 'nauthera_i_u', '/interaction/u'],
  ]
  for (const [issuer, session, path, name, pages] of cases)
    it(`gives each cookie of ${issuer} the narrowest path that its prefix allows`, () => {
      const scope = cookieScope(new URL(issuer))
      expect({ session: scope.session, path: scope.path }).to.deep.equal({ session, path })
      const [resume, device] = ['authorize', 'device'].map((where) => pages.replace('interaction', where))
      expect(scope.interaction('u')).to.deep.equal({ name, pages, resume, device })
    })
})

describe('setCookie', () => {
  it('replaces a cookie with the same name and path, and keeps one with another path', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    const scope = cookieScope(new URL('https://id.example.com'))
    response.setHeader('set-cookie', ['a=library; path=/; httponly', 'a.sig=x; path=/', 'ab=other; path=/'])
    setCookie(response, scope, { name: 'a', value: 'narrow', path: '/authorize/u', maxAge: 60 })
    setCookie(response, scope, { name: 'a', value: 'wide' })
    expect(response.getHeader('set-cookie')).to.deep.equal([
      'ab=other; path=/',
      'a=narrow; Path=/authorize/u; Max-Age=60; HttpOnly; SameSite=Lax; Secure',
      'a=wide; Path=/; HttpOnly; SameSite=Lax; Secure',
    ])
  })
})
