import { expect } from 'chai'
import { Provider } from 'oidc-provider'
import { registrationFault } from '../../../src/oidc/clients/registration.ts'
import { mintSigningKey } from '../../../src/oidc/keys/jwt.ts'
import { clientClassOf } from '../../../src/oidc/library/shapes.ts'

// Our own rules refuse first whatever the library refuses, so that it is asked here by itself.

const provider = new Provider('http://localhost:1', {
  adapter: class {} as never,
  jwks: { keys: [await mintSigningKey('RS256')] },
  cookies: { keys: ['x'] },
  features: { devInteractions: { enabled: false } },
})
const Client = clientClassOf(provider)
const good = {
  client_id: 'app.web',
  client_secret: 'x'.repeat(32),
  redirect_uris: ['https://app.example.com/callback'],
}

describe(registrationFault.name, () => {
  it('finds nothing wrong with a client that the library keeps as it is', () => {
    expect(registrationFault(Client, good)).to.equal(undefined)
  })

  it('names the key of the metadata that the library refuses', () => {
    const fault = registrationFault(Client, { ...good, redirect_uris: ['https://app.example.com/#here'] })
    expect(fault?.key).to.equal('redirect_uris')
    expect(fault?.message).to.match(/^redirect_uris must not contain fragments/)
  })

  it('names the longer one of two keys that a message begins with', () => {
    const fault = registrationFault(Client, { ...good, response_type: 'code', response_types: ['nonsense'] })
    expect(fault?.key).to.equal('response_types')
  })

  it('names jwks when the library says that a key set is invalid', () => {
    expect(registrationFault(Client, { ...good, jwks: { keys: [{ use: 'sig' }] } })?.key).to.equal('jwks')
  })

  it('names a value that the library ignores', () => {
    expect(registrationFault(Client, { ...good, unheard_of: true })).to.deep.equal({
      key: 'unheard_of',
      message: 'the protocol library ignores or changes this value of unheard_of; correct or remove it',
    })
  })
})
