import { exportJWK, generateKeyPair } from 'jose'
import { deviceGrant } from '@nauthera/harness/device'
import { configs, entry } from '@nauthera/harness/server'

/** Signs for app.bank, a client of FAPI 2.0. */
export const bankKey = await generateKeyPair('ES256')

/** Reads what is encrypted for app.letters. */
export const letterKey = await generateKeyPair('ECDH-ES')

/** The clients that are registered while the contracts are tested. */
export const clients = [
  entry('app.web', configs.web),
  entry('app.machine', configs.machine),
  entry(
    'app.only',
    { ...configs.web, audiences: ['https://api.example.com'], scopes: [...configs.web.scopes, 'read'] },
    { granted: { 'https://api.example.com': ['read'] } },
  ),
  entry(
    'app.signed',
    { ...configs.web, audiences: ['https://api.example.com'], accessTokenFormat: 'jwt' },
    { granted: { 'https://api.example.com': [] } },
  ),
  entry('app.once', { ...configs.web, grantTypes: ['authorization_code'] }),
  entry('app.device', {
    ...configs.spa,
    type: 'Device',
    redirectUris: [],
    corsOrigins: [],
    grantTypes: [deviceGrant, 'refresh_token'],
  }),
  entry('app.opaque', { ...configs.machine, audiences: [] }),
  entry('app.sector', {
    ...configs.web,
    subjectType: 'pairwise',
    sectorIdentifierUri: 'https://127.0.0.1:1/sector',
  }),
  entry('app.bank', {
    ...configs.web,
    profile: 'FAPI2',
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(bankKey.publicKey)), alg: 'ES256', use: 'sig' }] },
    requirePushedAuthorizationRequests: true,
    dpopBoundAccessTokens: true,
    idTokenClaims: 'Minimal',
    idTokenSignedResponseAlg: 'ES256',
    accessTokenSignedResponseAlg: 'ES256',
  }),
  entry('app.letters', {
    ...configs.web,
    jwks: {
      keys: [
        // a signature's key, which could be agreed upon as well
        { ...(await exportJWK(bankKey.publicKey)) },
        { ...(await exportJWK(letterKey.publicKey)), use: 'enc' },
      ],
    },
    userinfoEncryptedResponseAlg: 'ECDH-ES',
    userinfoEncryptedResponseEnc: 'A256GCM',
  }),
  entry('app.roles', {
    ...configs.web,
    claims: [{ name: 'roles', join: 'Array', fromGroups: [{ group: 'engineers', values: ['dev'] }] }],
  }),
]
