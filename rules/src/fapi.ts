// Checks a client against FAPI 2.0 (Security Profile sections 5.3.2 and 5.4). The CRD has the same rules in CEL, with the same messages.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { fapiAlgorithms } from './algorithms.ts'
import { hasCertificateBoundTokens } from './certificates.ts'
import { strongMethods } from './client-authentication.ts'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'
import { isHttpsUrl } from './uris.ts'

const alternatives = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

export const fapiWants = {
  method: `must be ${alternatives(strongMethods)} with profile FAPI2`,
  par: 'must be true with profile FAPI2 where people sign in',
  dpop: 'must be true with profile FAPI2, unless certificateBoundTokens is true or auth.method has a certificate',
  pkce: 'must be Required with profile FAPI2; remove it',
  redirect: 'must be https with profile FAPI2, on localhost too',
  algorithm: `must be ${alternatives(fapiAlgorithms)} with profile FAPI2`,
  idClaims: 'must be Minimal with profile FAPI2; remove it',
} as const

export function fapiFaults(config: ClientConfig): readonly ClientFault[] {
  if (config.profile !== 'FAPI2') return []
  const method = config.tokenEndpointAuthMethod
  const usesCode = config.grantTypes.includes('authorization_code')
  const algorithms: readonly string[] = fapiAlgorithms
  return (
    [
      ['auth.method', strongMethods.includes(method), fapiWants.method],
      ['par', !usesCode || config.requirePushedAuthorizationRequests, fapiWants.par],
      ['dpop', config.dpopBoundAccessTokens || hasCertificateBoundTokens(config), fapiWants.dpop],
      ['pkce', !usesCode || (config.pkceRequired && !config.pkceOrNonce), fapiWants.pkce],
      [
        'redirectURIs',
        config.type === 'Native' || config.redirectUris.every((uri) => isHttpsUrl(uri)),
        fapiWants.redirect,
      ],
      ['signing.idToken', algorithms.includes(config.idTokenSignedResponseAlg), fapiWants.algorithm],
      ['signing.accessToken', algorithms.includes(config.accessTokenSignedResponseAlg), fapiWants.algorithm],
      ['signing.userinfo', ['', ...algorithms].includes(config.userinfoSignedResponseAlg), fapiWants.algorithm],
      [
        'resourceServer.tokens.signingAlg',
        ['', ...algorithms].includes(config.resourceServer?.accessTokenSignedResponseAlg ?? ''),
        fapiWants.algorithm,
      ],
      ['tokens.idClaims', config.idTokenClaims === 'Minimal', fapiWants.idClaims],
    ] as const
  )
    .filter(([, holds]) => !holds)
    .map(([field, , message]) => invalid(field, message))
}
