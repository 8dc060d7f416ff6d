import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect } from 'chai'
import { createBrowserSessions } from '../../src/oidc/browser-session.ts'
import { cookieScope } from '../../src/oidc/cookies.ts'
import { createSessionCookies } from '../../src/oidc/session-cookie.ts'
import type { SessionPayload } from '../../src/oidc/session-cookie.ts'
import { cookieKeys } from './test-keys.ts'

describe('BrowserSessions.renew', () => {
  const issuer = 'https://login.example.com'
  const now = () => 1_000_000
  const keys = cookieKeys('00000001')
  const sessions = createSessionCookies({ issuer, keys: () => keys, epoch: () => 1, now })
  const scope = cookieScope(new URL(issuer))
  const users = { load: async () => undefined }
  const browserSessions = createBrowserSessions({ sessions, scope, users, now })
  const session: SessionPayload = {
    jti: 'j',
    uid: 'u',
    kind: 'Session',
    iat: 900,
    exp: 2000,
    accountId: 'a',
    loginTs: 900,
    amr: ['pwd', 'otp', 'mfa'],
    sidKey: '00000001',
    until: 3000,
    version: 1,
  }
  const renewed = (cookie: string): string | undefined => {
    const request = new IncomingMessage(new Socket())
    request.headers.cookie = `${scope.session}=${cookie}`
    const response = new ServerResponse(request)
    browserSessions.renew({ request, response }, { version: 2 })
    return [response.getHeader('set-cookie') ?? []].flat().map(String)[0]
  }

  it('L2 sets a cookie of the same session with the new version, under another id, for as long as before', () => {
    const line = renewed(sessions.sign(session)) ?? ''
    const value = /^__Host-nauthera_session=([^;]+);/.exec(line)?.[1] ?? ''
    const { jti, ...rest } = sessions.verify(value)!
    const { jti: before, ...expected } = { ...session, version: 2 }
    expect(rest).to.deep.equal(expected)
    expect(jti).to.not.equal(before)
    expect(line).to.match(/; Max-Age=1000; HttpOnly; SameSite=Lax; Secure$/)
  })

  it('lets a session that ends with the browser end with it', () => {
    expect(renewed(sessions.sign({ ...session, transient: true })))
      .to.be.a('string')
      .and.not.contain('Max-Age')
  })

  it('sets nothing where there is no session', () => expect(renewed('something else')).to.equal(undefined))
})
