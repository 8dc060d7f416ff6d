import { expect } from 'chai'
import { Seen } from '../../../src/oidc/keys/seen.ts'

describe(Seen.name, () => {
  it('knows what was kept of a text, and nothing of another one', () => {
    const seen = new Seen<number>()
    seen.record('a token', 1)
    expect(seen.find('a token')).to.equal(1)
    expect(seen.find('a token ')).to.equal(undefined)
  })

  it('keeps a thousand and no more', () => {
    const seen = new Seen<number>()
    for (let turn = 0; turn < 1_001; turn++) seen.record(`token ${turn}`, turn)
    expect(seen.find('token 0')).to.equal(undefined)
    expect(seen.find('token 1')).to.equal(1)
  })
})
