import { inspect } from 'node:util'
import { expect } from 'chai'
import { Secret } from '@nauthera/runtime/secret'

describe('Secret', () => {
  const secret = new Secret('hunter22')

  it('gives its value to whoever asks for it', () => {
    expect(secret.reveal()).to.equal('hunter22')
  })

  const prints: Readonly<Record<string, (value: Secret) => string>> = {
    'a template': (value) => `${value}`,
    JSON: (value) => JSON.stringify({ value }),
    inspect: (value) => inspect({ value }),
  }
  for (const [by, print] of Object.entries(prints))
    it(`is [redacted] in ${by}`, () => {
      expect(print(secret)).to.contain('[redacted]').and.not.contain('hunter22')
    })
})
