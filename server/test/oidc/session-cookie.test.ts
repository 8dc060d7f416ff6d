import jsonwebtoken from 'jsonwebtoken'
import { expect } from 'chai'
import { createSessionCookies } from '../../src/oidc/session-cookie.ts'
import type { SessionPayload } from '../../src/oidc/session-cookie.ts'
import { cookieKeys } from './test-keys.ts'

describe('createSessionCookies', () => {
  const keys = cookieKeys('00000001')
  const needs = { issuer: 'https://login.example.com', keys: () => keys, epoch: () => 1, now: () => 1_000_000 }
  const cookies = createSessionCookies(needs)
  const session: SessionPayload = {
    jti: 'j',
    uid: 'u',
    kind: 'Session',
    iat: 900,
    exp: 2000,
    accountId: 'a',
    loginTs: 900,
    amr: ['pwd'],
    sidKey: '00000001',
    until: 3000,
    version: 1,
  }

  it('gives back what it signed', () => expect(cookies.verify(cookies.sign(session))).to.deep.equal(session))

  it('carries a session without a person, for a logout page', () => {
    const { accountId: _a, loginTs: _l, ...anonymous } = session
    expect(cookies.verify(cookies.sign({ ...anonymous, state: { secret: 's' } }))).to.not.have.property('accountId')
  })

  for (const [sentence, other] of [
    ['of another issuer', { issuer: 'https://other.example.com' }],
    ['from before a restore', { epoch: () => 2 }],
    ['after its time', { now: () => 2_000_001 }],
    ['of a key that is not in the ring', { keys: () => cookieKeys('00000002') }],
  ] as const) {
    it(`refuses one ${sentence}`, () => {
      expect(createSessionCookies({ ...needs, ...other }).verify(cookies.sign(session))).to.equal(undefined)
    })
  }

  it('T2 refuses another algorithm, another audience, and what is no JWT', () => {
    const { key, kid } = keys.current('session')
    const claims = { jti: 'j', uid: 'u', ep: 1, sub: 'a', exp: 2000, iat: 900 }
    const options = { keyid: kid, issuer: needs.issuer, audience: 'nauthera:session' }
    expect(cookies.verify(jsonwebtoken.sign(claims, key, { ...options, algorithm: 'HS256' }))).to.include({
      accountId: 'a',
    })
    expect(cookies.verify(jsonwebtoken.sign(claims, key, { ...options, algorithm: 'HS512' }))).to.equal(undefined)
    expect(cookies.verify(jsonwebtoken.sign(claims, '', { ...options, algorithm: 'none' }))).to.equal(undefined)
    expect(cookies.verify(jsonwebtoken.sign(claims, key, { ...options, audience: 'x', algorithm: 'HS256' }))).to.equal(
      undefined,
    )
    for (const text of ['', '.', '..', 'a.b.c', 'null', cookies.sign(session).slice(0, -1)])
      expect(cookies.verify(text)).to.equal(undefined)
  })
})
