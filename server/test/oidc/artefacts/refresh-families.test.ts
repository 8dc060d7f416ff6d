import { expect } from 'chai'
import { newFamily, refreshTokenId, refreshTokenTimes } from '../../../src/oidc/artefacts/refresh-families.ts'
import { lifetimes } from '../../../src/oidc/lifetimes.ts'
import { cookieKeys } from '../test-keys.ts'

const day = 86_400
const confidential = { grantTypes: ['refresh_token'], refreshTokenTtl: 0, tokenEndpointAuthMethod: 'client_secret' }
const anybody = { ...confidential, tokenEndpointAuthMethod: 'none' }

describe('newFamily', () => {
  it('ends after 90 days, or later when a token may stay unused for longer', () => {
    const of = (refreshTokenTtl: number) => newFamily({ ...confidential, refreshTokenTtl }, 'openid')
    const times = (idle: number, absolute: number) => ({
      idleTtlMs: idle * 1000,
      absoluteTtlMs: absolute * 1000,
    })
    expect(of(0)).to.deep.equal(times(30 * day, 90 * day))
    expect(of(3600)).to.deep.equal(times(3600, 90 * day))
    expect(of(100 * day)).to.deep.equal(times(100 * day, 100 * day))
    expect(newFamily(anybody, 'openid')).to.deep.equal(times(day, 90 * day))
  })
  it('does not begin for a client that may not refresh', () =>
    expect(newFamily({ ...confidential, grantTypes: [] }, 'openid offline_access')).to.equal(undefined))
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
    const client = { ...confidential, refreshTokenTtl: 60, profile: 'Standard' }
    expect(refreshTokenTimes(family, client, 'openid')).to.deep.equal({ iat: 5000, exp: 5060 })
    expect(refreshTokenTimes({ ...family, expiresAt: 5_030_900 }, client, 'openid')).to.deep.equal({
      iat: 5000,
      exp: 5030,
    })
  })
  it('says no idle end where it stays the same: its family ends it, and each use makes that later', () => {
    const client = { ...confidential, refreshTokenTtl: 60, profile: 'FAPI2' }
    const absolute = 5000 + lifetimes.refreshAbsolute
    expect(refreshTokenTimes({ ...family, expiresAt: 5_030_900 }, client, 'openid')).to.deep.equal({
      iat: 5000,
      exp: absolute,
    })
  })
})
