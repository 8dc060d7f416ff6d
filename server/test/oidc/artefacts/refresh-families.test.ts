import { expect } from 'chai'
import {
  mayRefresh,
  newFamily,
  refreshTokenId,
  refreshTokenTimes,
} from '../../../src/oidc/artefacts/refresh-families.ts'
import { lifetimes } from '../../../src/oidc/lifetimes.ts'
import { cookieKeys } from '../test-keys.ts'

describe('mayRefresh', () => {
  const grantTypes = ['authorization_code', 'refresh_token']
  for (const [sentence, config, scopes, wanted] of [
    ['gives a Web client a token for the time of its session', { type: 'Web', grantTypes }, ['openid'], true],
    ['gives a SPA a token for the time of its session', { type: 'SPA', grantTypes }, ['openid'], true],
    [
      'gives a Native client a token with offline_access',
      { type: 'Native', grantTypes },
      ['openid', 'offline_access'],
      true,
    ],
    ['gives a Native client none without offline_access', { type: 'Native', grantTypes }, ['openid'], false],
    [
      'gives no client a token without the grant refresh_token',
      { type: 'Web', grantTypes: ['authorization_code'] },
      ['offline_access'],
      false,
    ],
  ] as const) {
    it(sentence, () =>
      expect(mayRefresh({ type: config.type, grantTypes: [...config.grantTypes] }, new Set(scopes))).to.equal(wanted),
    )
  }
})

describe('newFamily', () => {
  const client = { type: 'Web', grantTypes: ['refresh_token'], refreshTokenTtl: 0 }
  it('ends after 90 days, or later when a token may stay unused for longer', () => {
    const day = 86_400_000
    const of = (refreshTokenTtl: number) => newFamily({ ...client, refreshTokenTtl }, new Set(['openid']))
    expect(of(0)).to.deep.equal({ payload: {}, idleTtlMs: 30 * day, absoluteTtlMs: 90 * day })
    expect(of(3600)).to.deep.equal({ payload: {}, idleTtlMs: 3_600_000, absoluteTtlMs: 90 * day })
    expect(of(100 * 86_400)?.absoluteTtlMs).to.equal(100 * day)
  })
  it('does not begin for a client that may not refresh', () =>
    expect(newFamily({ ...client, grantTypes: [] }, new Set())).to.equal(undefined))
})

describe('a refresh token', () => {
  const keys = cookieKeys('00000001')
  const family = { seq: 3, rotatedAt: 5_000_500, expiresAt: Number.POSITIVE_INFINITY }
  it('has the same id for the same rotation of its family, and another id for every other rotation', () => {
    const id = refreshTokenId('g', family, keys)
    expect(refreshTokenId('g', { ...family }, keys)).to.equal(id)
    for (const other of [
      { ...family, seq: 4 },
      { ...family, rotatedAt: 5_000_501 },
    ])
      expect(refreshTokenId('g', other, keys)).to.not.equal(id)
    expect(refreshTokenId('h', family, keys)).to.not.equal(id)
  })
  it('expires after the idle time of its client, and at the latest with its family', () => {
    const client = { refreshTokenTtl: 60, profile: 'Standard' }
    expect(refreshTokenTimes(family, client)).to.deep.equal({ iat: 5000, exp: 5060 })
    expect(refreshTokenTimes({ ...family, expiresAt: 5_030_900 }, client)).to.deep.equal({ iat: 5000, exp: 5030 })
  })
  it('says no idle end where it stays the same: its family ends it, and each use makes that later', () => {
    const client = { refreshTokenTtl: 60, profile: 'FAPI2' }
    const absolute = 5000 + lifetimes.refreshAbsolute
    expect(refreshTokenTimes({ ...family, expiresAt: 5_030_900 }, client)).to.deep.equal({ iat: 5000, exp: absolute })
  })
})
