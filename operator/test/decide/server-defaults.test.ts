import { expect } from 'chai'
import { defaultsOf } from '../../src/decide/status/server-defaults.ts'

const told = (accessTokenTtl: number) => ({
  defaults: { accessTokenTtl, idTokenTtl: 600, refreshTokenTtl: 900, idTokenSignedResponseAlg: 'RS256' },
})

describe('defaultsOf', () => {
  it('is unknown while no replica has told', () => {
    expect(defaultsOf([])).to.equal(undefined)
    expect(defaultsOf([{ defaults: undefined }])).to.equal(undefined)
  })

  it('is the longest life while two versions run', () => {
    expect(defaultsOf([told(300), { defaults: undefined }, told(600), told(60)])?.accessTokenTtl).to.equal(600)
  })
})
