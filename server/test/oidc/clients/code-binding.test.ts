import { expect } from 'chai'
import { codeProtection, missingBinding } from '../../../src/oidc/clients/code-binding.ts'

const method = 'client_secret_basic'
const auto = { pkceRequired: true, pkceOrNonce: true, tokenEndpointAuthMethod: method }

describe('missingBinding, of a request without code_challenge', () => {
  for (const [sentence, config, missing] of [
    ['lets a client do without that proves itself later', auto, undefined],
    [
      'asks for PKCE where it is required',
      { pkceRequired: true, pkceOrNonce: false },
      'send code_challenge with code_challenge_method=S256 (PKCE): this client must',
    ],
    ['asks for nothing where it is optional', { pkceRequired: false, pkceOrNonce: false }, undefined],
  ] as const)
    it(sentence, () => expect(missingBinding(config)).to.equal(missing))
})

describe(codeProtection.name, () => {
  const nonce = (length: number) => ({ scope: 'openid email', nonce: 'n'.repeat(length) })
  for (const [sentence, config, code, expected] of [
    ['PKCE protects', auto, { scope: 'email', codeChallenge: 'x' }, true],
    ['a nonce of 16 characters protects', auto, nonce(16), true],
    ['a nonce of 15 counts as none', auto, nonce(15), false],
    ['neither is neither', auto, { scope: 'openid' }, false],
    ['a nonce without an ID token counts as none', auto, { ...nonce(40), scope: 'email openid2' }, false],
    [
      'nothing is told of a public client',
      { ...auto, tokenEndpointAuthMethod: 'none' },
      { scope: 'openid' },
      undefined,
    ],
    ['nothing is told where PKCE is required', { ...auto, pkceOrNonce: false }, { scope: 'openid' }, undefined],
  ] as const)
    it(sentence, () => expect(codeProtection(config, code)).to.equal(expected))
})
