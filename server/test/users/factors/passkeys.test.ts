import { expect } from 'chai'
import { relyingParty } from '../../../src/users/factors/passkeys.ts'

describe(relyingParty.name, () => {
  for (const [issuer, wanted] of [
    ['https://login.example.com', { rpId: 'login.example.com', origin: 'https://login.example.com' }],
    ['https://example.com:8443/sign-in', { rpId: 'example.com', origin: 'https://example.com:8443' }],
    ['http://localhost:3000', { rpId: 'localhost', origin: 'http://localhost:3000' }],
    ['http://127.0.0.1:3000', undefined],
    ['http://[::1]:3000', undefined],
  ] as const)
    it(`${issuer} ${wanted ? `has passkeys of ${wanted.rpId}` : 'has no passkeys: WebAuthn wants a name'}`, () => {
      expect(relyingParty(new URL(issuer), 'Title')).to.deep.equal(wanted && { ...wanted, title: 'Title' })
    })
})
