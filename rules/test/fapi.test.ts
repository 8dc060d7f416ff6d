import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ClientConfig, ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { fapiFaults } from '../src/fapi.ts'
import { config } from './configs.ts'

type Change = Exclude<MessageInitShape<typeof ClientConfigSchema>, ClientConfig>

const sound: Change = {
  profile: 'FAPI2',
  tokenEndpointAuthMethod: 'private_key_jwt',
  requirePushedAuthorizationRequests: true,
  dpopBoundAccessTokens: true,
  idTokenSignedResponseAlg: 'ES256',
  accessTokenSignedResponseAlg: 'PS256',
  idTokenClaims: 'Minimal',
}
const machine: Change = { type: 'M2M', grantTypes: ['client_credentials'], redirectUris: [], scopes: [] }
const fieldsOf = (change: Change) => fapiFaults(config({ ...sound, ...change })).map(({ field }) => field)

describe(fapiFaults.name, () => {
  it('asks nothing of a client with another profile', () => {
    expect(fapiFaults(config())).to.deep.equal([])
  })

  const rows: readonly (readonly [sentence: string, change: Change, fields: readonly string[]])[] = [
    ['one that follows every rule', {}, []],
    ['one that shows a secret', { tokenEndpointAuthMethod: 'client_secret_basic' }, ['auth.method']],
    ['no pushed requests', { requirePushedAuthorizationRequests: false }, ['par']],
    ['tokens that are bound to nothing', { dpopBoundAccessTokens: false }, ['dpop']],
    [
      'tokens that are bound to a certificate',
      { dpopBoundAccessTokens: false, tlsClientCertificateBoundAccessTokens: true },
      [],
    ],
    ['no PKCE', { pkceRequired: false }, ['pkce']],
    ['a nonce in the place of PKCE', { pkceOrNonce: true }, ['pkce']],
    [
      'a machine, which has no codes',
      { ...machine, requirePushedAuthorizationRequests: false, pkceRequired: false },
      [],
    ],
    ['one redirect of two to http', { redirectUris: ['https://a.test/', 'http://localhost/'] }, ['redirectURIs']],
    ['an installed application with its own scheme', { type: 'Native', redirectUris: ['com.example.app:/cb'] }, []],
    ['ID tokens by RS256', { idTokenSignedResponseAlg: 'RS256' }, ['signing.idToken']],
    ['access tokens by RS256', { accessTokenSignedResponseAlg: 'RS256' }, ['signing.accessToken']],
    ['userinfo by RS256', { userinfoSignedResponseAlg: 'RS256' }, ['signing.userinfo']],
    ['userinfo by EdDSA', { userinfoSignedResponseAlg: 'EdDSA' }, []],
    [
      'an API whose tokens RS256 signs',
      { resourceServer: { identifier: 'https://api.test', accessTokenSignedResponseAlg: 'RS256' } },
      ['resourceServer.tokens.signingAlg'],
    ],
    ['an API with the default', { resourceServer: { identifier: 'https://api.test' } }, []],
    ['all claims in ID tokens', { idTokenClaims: 'Scopes' }, ['tokens.idClaims']],
  ]
  for (const [sentence, change, fields] of rows)
    it(`judges ${sentence}`, () =>
      expect(fieldsOf(change).map((field) => field.replace('spec.', ''))).to.deep.equal(fields))
})
