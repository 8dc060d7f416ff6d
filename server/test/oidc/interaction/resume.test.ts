import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect } from 'chai'
import type { LibraryPart } from '../../../src/oidc/interaction/library-part.ts'
import { addCookies, endsByRedirect, isAnswer } from '../../../src/oidc/interaction/resume.ts'

const part = (params: Record<string, unknown> = {}, more: Record<string, unknown> = {}): LibraryPart => ({
  prompt: { name: 'login', reasons: [] },
  params: { client_id: 'a', ...params },
  returnTo: 'https://login.example.com/authorize/u',
  exp: 1,
  ...more,
})

describe(endsByRedirect.name, () => {
  for (const [what, of, is] of [
    ['a request', part(), true],
    ['response_mode=query', part({ response_mode: 'query' }), true],
    ['response_mode=form_post, which is answered with a page', part({ response_mode: 'form_post' }), false],
    ['response_mode=fragment', part({ response_mode: 'fragment' }), false],
    ['response_mode=jwt', part({ response_mode: 'jwt' }), false],
    ['a pushed request, which works once', part({}, { parJti: 'p' }), false],
    ['a sealed pushed request', part({}, { sealedRequest: 's' }), false],
    ['a device', part({}, { deviceCode: 'd' }), false],
  ] as const)
    it(`says ${String(is)} of ${what}`, () => expect(endsByRedirect(of)).to.equal(is))
})

describe(isAnswer.name, () => {
  const back = 'https://app.example.com/callback?tenant=1'
  for (const [location, redirectUri, is] of [
    ['https://app.example.com/callback?tenant=1&code=c', back, true],
    ['https://app.example.com/callback?tenant=1&error=access_denied', back, true],
    ['https://app.example.com?code=c', 'https://app.example.com', true],
    ['com.example.app:/callback?code=c', 'com.example.app:/callback', true],
    ['https://app.example.com/callback?tenant=1', back, false],
    ['https://app.example.com/other?code=c', back, false],
    ['https://other.example.com/callback?code=c', back, false],
    ['http://app.example.com/callback?code=c', back, false],
    ['/interaction/u?code=c', back, false],
    ['https://app.example.com/callback?code=c', '', false],
  ] as const)
    it(`says ${String(is)} of ${location} for ${redirectUri || 'no redirect URI'}`, () =>
      expect(isAnswer(location, redirectUri)).to.equal(is))
})

describe(addCookies.name, () => {
  it('adds cookies to those that the response sets', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    addCookies(response, ['a=1'])
    addCookies(response, ['b=2', 'c=3'])
    expect(response.getHeader('set-cookie')).to.deep.equal(['a=1', 'b=2', 'c=3'])
  })
})
