import type { KeyObject } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { expect } from 'chai'
import { createSessionCookies, sidOf } from '../../src/oidc/session-cookie.ts'
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

  it('returns the session that it signed', () => expect(cookies.verify(cookies.sign(session))).to.deep.equal(session))

  it('leaves out acr, which follows from amr', () => {
    expect(cookies.verify(cookies.sign({ ...session, acr: 'urn:nauthera:password' }))).to.deep.equal(session)
  })

  it('holds a session in which nobody is signed in, for a logout page', () => {
    const { accountId: _a, loginTs: _l, ...anonymous } = session
    expect(cookies.verify(cookies.sign({ ...anonymous, state: { secret: 's' } }))).to.not.have.property('accountId')
  })

  for (const [sentence, other] of [
    ['of another issuer', { issuer: 'https://other.example.com' }],
    ['from before a restore of the database', { epoch: () => 2 }],
    ['that has expired', { now: () => 2_000_001 }],
  ] as const) {
    it(`refuses a cookie ${sentence}`, () => {
      expect(createSessionCookies({ ...needs, ...other }).verify(cookies.sign(session))).to.equal(undefined)
    })
  }

  it('L19 takes a cookie of a key that retires, and signs with the current one', () => {
    const later = createSessionCookies({ ...needs, keys: () => cookieKeys('00000001', '00000002') })
    expect(later.verify(cookies.sign(session))).to.deep.equal(session)
    expect(decodeProtectedHeader(later.sign(session)).kid).to.equal('00000002')
  })

  it('L19 refuses a cookie of a key that was removed from the ring', () => {
    const later = createSessionCookies({ ...needs, keys: () => cookieKeys('00000002') })
    expect(later.verify(cookies.sign(session))).to.equal(undefined)
  })

  it('L19 refuses a cookie that names an unknown key, no key, or one of ours for another purpose', () => {
    const { key } = keys.current('session')
    const claims = { jti: 'j', uid: 'u', ep: 1, sub: 'a', exp: 2000, iat: 900 }
    const options = { issuer: needs.issuer, audience: 'nauthera:session', algorithm: 'HS256' } as const
    const signed = (by: KeyObject | string, keyid?: string) =>
      jsonwebtoken.sign(claims, by, keyid === undefined ? options : { ...options, keyid })
    expect(cookies.verify(signed(key, '00000001'))).to.include({ accountId: 'a' })
    for (const value of [
      signed(key, '0000000f'),
      signed(key, '../00000001'),
      signed(key, '__proto__'),
      signed(key),
      signed(keys.current('sid').key, '00000001'),
      signed('a key of somebody else', '00000001'),
    ])
      expect(cookies.verify(value)).to.equal(undefined)
  })

  it('T2 refuses another algorithm, another audience, and text that is not a JWT', () => {
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

describe('sidOf', () => {
  const session = { uid: 'u', sidKey: '00000001' }
  const keys = cookieKeys('00000001')

  it('differs for each client and each session, and reveals neither', () => {
    const sid = sidOf(keys, session, 'app')
    expect(sid).to.match(/^[\w-]{32}$/)
    expect(sidOf(keys, session, 'app')).to.equal(sid)
    expect(sidOf(keys, session, 'other')).to.not.equal(sid)
    expect(sidOf(keys, { ...session, uid: 'v' }, 'app')).to.not.equal(sid)
  })

  it('stays the same after a key rotation', () => {
    expect(sidOf(cookieKeys('00000001', '00000002'), session, 'app')).to.equal(sidOf(keys, session, 'app'))
  })
})
