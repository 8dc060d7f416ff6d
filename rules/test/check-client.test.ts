import { generateKeyPairSync } from 'node:crypto'
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { checkClient } from '../src/check-client.ts'
import { federatedMethod } from '../src/client-authentication.ts'
import { config, everything } from './configs.ts'

type Change = MessageInitShape<typeof ClientConfigSchema>

const keys = { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] }
const point = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }) as JsonObject
const derived = (name: string): Change => ({ claims: [{ name, join: 'Array', fromGroups: [] }] })

const acrWords = /^must be among urn:nauthera:password, urn:nauthera:mfa$/

const halfIdentities: Change = {
  tokenEndpointAuthMethod: federatedMethod,
  identities: ['builder', ''].map((subject) => ({ issuer: 'https://token.example.com', subject })),
}

/** What is refused: where the person looks for it, and a piece of what it says. */
type Refused = [sentence: string, change: Change, field: string, message: RegExp]
const refused: readonly Refused[] = [
  [
    'a redirect to http',
    { redirectUris: ['http://a.test/'] },
    'spec.redirectURIs',
    /"http:\/\/a\.test\/" must be https/,
  ],
  ['a redirect after logout', { postLogoutRedirectUris: ['x'] }, 'spec.postLogoutRedirectURIs', /absolute/],
  [
    'an origin with a path',
    { corsOrigins: ['https://a.test/x'] },
    'spec.corsOrigins',
    /as browsers do: https:\/\/a.test$/,
  ],
  ['an origin that others read along', { corsOrigins: ['http://a.test'] }, 'spec.corsOrigins', /must be https/],
  [
    'an origin in capitals',
    { corsOrigins: ['https://A.test'] },
    'spec.corsOrigins',
    /as browsers do: https:\/\/a.test/,
  ],
  ['an origin with port 443', { corsOrigins: ['https://a.test:443'] }, 'spec.corsOrigins', /do: https:\/\/a.test$/],
  ['an origin without a host', { corsOrigins: ['urn:a:b'] }, 'spec.corsOrigins', /origin such as/],
  ['client_secret_jwt', { tokenEndpointAuthMethod: 'client_secret_jwt' }, 'spec.auth.method', /hashes/],
  ['another method', { tokenEndpointAuthMethod: 'magic' }, 'spec.auth.method', /must be among client_secret_basic/],
  [
    'a public client without PKCE',
    { tokenEndpointAuthMethod: 'none', pkceRequired: false },
    'spec.pkce',
    /must be Required/,
  ],
  [
    'a public client that may send a nonce instead of PKCE',
    { tokenEndpointAuthMethod: 'none', pkceOrNonce: true },
    'spec.pkce',
    /must be Required/,
  ],
  ['a way of showing no secret', { secretMethods: ['none'] }, 'spec.auth.method', /only in these ways/],
  [
    'a way of showing a secret without one',
    { tokenEndpointAuthMethod: 'none', secretMethods: ['client_secret_post'] },
    'spec.auth.method',
    /no way to show a secret with none/,
  ],
  ['another word for the claims of ID tokens', { idTokenClaims: 'All' }, 'spec.tokens.idClaims', /among Scopes/],
  ['a level of authentication that is none', { requiredAcr: ['mfa'] }, 'spec.access.requiredAcr', acrWords],
  [
    'such a level beside a known one',
    { requiredAcr: ['urn:nauthera:mfa', 'mfa'] },
    'spec.access.requiredAcr',
    acrWords,
  ],
  [
    'tokens for whoever asks',
    { tokenEndpointAuthMethod: 'none', grantTypes: ['client_credentials'] },
    'spec.grantTypes',
    /without authentication/,
  ],
  ['implicit', { grantTypes: ['implicit'] }, 'spec.grantTypes', /must be among authorization_code/],
  ['password', { grantTypes: ['password'] }, 'spec.grantTypes', /must be among/],
  ['it beside a known grant', { grantTypes: ['authorization_code', 'password'] }, 'spec.grantTypes', /must be among/],
  [
    'a way of showing no secret beside a known one',
    { secretMethods: ['client_secret_post', 'none'] },
    'spec.auth.method',
    /only in these ways/,
  ],
  ['an identity without a subject beside a whole one', halfIdentities, 'spec.auth.identities', /must each have/],
  ['another response mode', { responseModes: ['web_message'] }, 'spec.responseModes', /must be among query/],
  ['a consent that is not said', { consent: ConsentMode.UNSPECIFIED }, 'spec.consent', /Explicit/],
  [
    'private_key_jwt without keys',
    { tokenEndpointAuthMethod: 'private_key_jwt' },
    'spec.auth.jwks',
    /must be set with private_key_jwt; or set auth.jwksURI/,
  ],
  [
    'keys in two places',
    { jwks: { keys: [] }, jwksUri: 'https://a.test/k' },
    'spec.auth.jwks',
    /together with auth.jwksURI/,
  ],
  ['keys that are none', { jwks: keys }, 'spec.auth.jwks', /keys\[0\] must be a valid key/],
  ['keys over http', { jwksUri: 'http://a.test/k' }, 'spec.auth.jwksURI', /https URL/],
  [
    'encrypted userinfo without keys',
    { userinfoEncryptedResponseAlg: 'ECDH-ES', userinfoEncryptedResponseEnc: 'A256GCM' },
    'spec.encryption.userinfo',
    /must have auth.jwksURI or auth.jwks/,
  ],
  [
    'RSA1_5',
    { jwksUri: 'https://a.test/k', userinfoEncryptedResponseAlg: 'RSA1_5', userinfoEncryptedResponseEnc: 'A256GCM' },
    'spec.encryption.userinfo',
    /alg among RSA-OAEP-256, ECDH-ES, ECDH-ES\+A256KW and enc among/,
  ],
  [
    'encrypted userinfo with half of the words',
    { jwksUri: 'https://a.test/k', userinfoEncryptedResponseEnc: 'A256GCM' },
    'spec.encryption.userinfo',
    /alg among RSA-OAEP-256/,
  ],
  [
    'encrypted userinfo with a key for signatures alone',
    {
      jwks: { keys: [{ ...point, use: 'sig' }] },
      userinfoEncryptedResponseAlg: 'ECDH-ES',
      userinfoEncryptedResponseEnc: 'A256GCM',
    },
    'spec.auth.jwks',
    /must have a key to encrypt to with ECDH-ES: use enc, and EC or OKP with X25519/,
  ],
  ['a home page over http', { clientUri: 'http://a.test/' }, 'spec.uris.client', /https URL/],
  ['a logo that is a script', { logoUri: 'javascript:x' }, 'spec.uris.logo', /https URL/],
  ['a policy that is no URL', { policyUri: 'https://' }, 'spec.uris.policy', /https URL/],
  ['terms that are no URL', { tosUri: 'x' }, 'spec.uris.tos', /https URL/],
  ['a sign-in that begins at no URL', { initiateLoginUri: 'x' }, 'spec.uris.initiateLogin', /https URL/],
  ['a contact that is no address', { contacts: ['ops@-', 'ops'] }, 'spec.contacts', /e-mail/],
  ['the claim sub from groups', derived('sub'), 'spec.claims', /"sub" is a registered claim/],
  ['the claim nickname from groups', derived('nickname'), 'spec.claims', /"nickname" is a registered claim/],
  ['the claim picture from groups', derived('picture'), 'spec.claims', /"picture" is a registered claim/],
  [
    'E9 the claim __proto__ from groups',
    derived('__proto__'),
    'spec.claims',
    /"__proto__" cannot be kept by many programs; choose another name/,
  ],
  ['the claim groups from groups', derived('groups'), 'spec.claims', /"groups" is a registered claim/],
  ...['active', 'username', 'token_type', 'authorization_details', 'grant_ref'].map((name): Refused => [
    `the claim ${name} from groups`,
    derived(name),
    'spec.claims',
    /is a registered claim/,
  ]),
  ['an access token of two days', { accessTokenTtl: 172_800 }, 'spec.tokens.accessTTL', /at most 24h/],
  ['an ID token of two days', { idTokenTtl: 172_800 }, 'spec.tokens.idTTL', /at most 24h/],
  ['a refresh token of a year', { refreshTokenTtl: 31_536_000 }, 'spec.tokens.refreshTTL', /at most 2160h/],
]

const taken: readonly [sentence: string, change: Change][] = [
  ['a web client', {}],
  ['a public client with PKCE', { type: 'SPA', tokenEndpointAuthMethod: 'none' }],
  [
    'a secret in header or body, PKCE or a nonce, and few claims',
    { secretMethods: ['client_secret_basic', 'client_secret_post'], pkceOrNonce: true, idTokenClaims: 'Minimal' },
  ],
  ['a script on this machine', { corsOrigins: ['http://localhost:3000', 'https://a.test'] }],
  ['keys by address', { tokenEndpointAuthMethod: 'private_key_jwt', jwksUri: 'https://a.test/keys' }],
  [
    'encrypted userinfo',
    {
      jwks: { keys: [{ ...point, use: 'enc' }] },
      userinfoEncryptedResponseAlg: 'ECDH-ES',
      userinfoEncryptedResponseEnc: 'A128CBC-HS256',
    },
  ],
  ['the longest lives', { accessTokenTtl: 86_400, idTokenTtl: 86_400, refreshTokenTtl: 90 * 86_400 }],
  ['both levels of authentication', { requiredAcr: ['urn:nauthera:password', 'urn:nauthera:mfa'] }],
  ['a claim of its own from groups', derived('roles')],
  ['a machine', { type: 'M2M', redirectUris: [], grantTypes: ['client_credentials'], pkceRequired: false }],
]

describe('checkClient', () => {
  for (const [sentence, change, field, message] of refused) {
    it(`refuses ${sentence}, at ${field}`, () => {
      const faults = checkClient(config(change), everything)
      expect(faults.map((fault) => [fault.field, fault.code])).to.deep.equal([[field, 'CLIENT_METADATA_INVALID']])
      expect(faults[0]!.message).to.match(message)
    })
  }

  for (const [sentence, change] of taken) {
    it(`takes ${sentence}`, () => expect(checkClient(config(change), everything)).to.deep.equal([]))
  }

  it('refuses the method of a secret without a secret', () => {
    const [fault] = checkClient(config(), { ...everything, hasSecret: false })
    expect(fault).to.deep.include({ field: 'spec.auth.method', message: 'needs a secret, and none is there' })
  })

  it('refuses an algorithm that this server does not sign with, and names those that it has', () => {
    const faults = checkClient(config({ idTokenSignedResponseAlg: 'EdDSA', userinfoSignedResponseAlg: 'ES256' }), {
      ...everything,
      algorithms: ['ES256'],
    })
    expect(faults).to.have.length(1)
    expect(faults[0]).to.deep.include({
      field: 'spec.signing.idToken',
      message: "EdDSA is not among this server's algorithms: ES256",
    })
  })

  it('looks at the algorithm of access tokens too', () => {
    const change = { accessTokenSignedResponseAlg: 'EdDSA' }
    const faults = checkClient(config(change), { ...everything, algorithms: ['ES256'] })
    expect(faults.map(({ field }) => field)).to.deep.equal(['spec.signing.accessToken'])
  })

  it('says every fault at once', () => {
    const faults = checkClient(config({ redirectUris: ['x', 'http://y.test/'], corsOrigins: ['z'] }), everything)
    expect(faults).to.have.length(3)
  })
})
