import { expect } from 'chai'
import { missingBinding } from '../../../src/oidc/clients/code-binding.ts'

const nonce = (length: number) => 'n'.repeat(length)
const auto = { pkceRequired: true, pkceOrNonce: true }

describe('missingBinding, of a request without code_challenge', () => {
  for (const [sentence, config, asked, missing] of [
    ['takes a nonce of 16 characters', auto, { scope: 'openid email', nonce: nonce(16) }, undefined],
    [
      'asks for more than a nonce of 15',
      auto,
      { scope: 'openid', nonce: nonce(15) },
      /PKCE.*or scope openid and a nonce/,
    ],
    ['asks for PKCE or a nonce', auto, { scope: 'openid', nonce: undefined }, /code_challenge_method=S256.*16/],
    ['takes no nonce without an ID token', auto, { scope: 'email', nonce: nonce(40) }, /scope openid/],
    ['takes no scope that only begins with openid', auto, { scope: 'openid2', nonce: nonce(40) }, /scope openid/],
    ['takes no nonce without any scope', auto, { scope: undefined, nonce: nonce(40) }, /scope openid/],
    [
      'asks for PKCE alone where it is required',
      { pkceRequired: true, pkceOrNonce: false },
      { scope: 'openid', nonce: nonce(40) },
      /^send code_challenge with code_challenge_method=S256 \(PKCE\): this client must$/,
    ],
    [
      'asks for nothing where it is optional',
      { pkceRequired: false, pkceOrNonce: false },
      { scope: 'openid', nonce: undefined },
      undefined,
    ],
  ] as const) {
    it(sentence, () => {
      const found = missingBinding(config, asked)
      if (missing === undefined) expect(found).to.equal(undefined)
      else expect(found).to.match(missing)
    })
  }
})
