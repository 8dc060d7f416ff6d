// Checks the config of a client. The operator and `kubectl-nauthera render` check it before servers get it; the server checks again, in
// case the API server or a policy let it pass.
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from './acr.ts'
import { authorizationDetailsFaults } from './authorization-details.ts'
import { certificateFaults } from './certificates.ts'
import type { MutualTls } from './certificates.ts'
import { federatedMethod, keyMethods, secretWays, showsSecret, wireMethods } from './client-authentication.ts'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'
import { apiClaims, idClaims, registeredClaims, unusableClaims } from './claims.ts'
import { encryptionFaults } from './encryption.ts'
import { fapiFaults } from './fapi.ts'
import { grantTypes, ruleOfGrant, wireGrants } from './grants.ts'
import { identityFaults } from './identities.ts'
import { canVerify, hasCertificate, jwksFaults, usableKeys } from './jwks.ts'
import { tokenLife } from './limits.ts'
import { responseModes } from './response-modes.ts'
import { subjectFaults } from './subjects.ts'
import { emailPattern, isHttpsUrl, originFault, redirectFault } from './uris.ts'

/** What the check needs beside the client's config. */
export interface AboutClient {
  /** Whether the client has a secret. */
  readonly hasSecret: boolean
  /** The server's signing algorithms; all of them when the server is not known. */
  readonly algorithms: readonly string[]
  /** The issuers of identityIssuers; who does not know the server leaves it out. */
  readonly identityIssuers?: readonly string[]
  /** What it does with certificates of clients; likewise. */
  readonly mutualTls?: MutualTls | 'off'
}

/** Widens a list of literals, so that any text can be searched in it. */
const words = (list: readonly string[]): readonly string[] => list

/** A proof of the code is all that such a client has. */
export const needsPkce = 'must be Required for a client without authentication; remove it'

export const unknownApiClaim = `must be among ${apiClaims.join(', ')} and the names in spec.claims`

const methods = words([...wireMethods, federatedMethod])

type Check = (config: ClientConfig, about: AboutClient) => readonly ClientFault[]

const checks: readonly Check[] = [
  algorithmFaults,
  redirectFaults,
  authenticationFaults,
  identityFaults,
  certificateFaults,
  grantFaults,
  keyFaults,
  encryptionFaults,
  pageFaults,
  claimFaults,
  apiClaimFaults,
  lifeFaults,
  acrFaults,
  fapiFaults,
  subjectFaults,
  authorizationDetailsFaults,
]

/** @returns every fault; empty when the client can be served */
export function checkClient(config: ClientConfig, about: AboutClient): readonly ClientFault[] {
  return checks.flatMap((check) => check(config, about))
}

function algorithmFaults(config: ClientConfig, { algorithms }: AboutClient): readonly ClientFault[] {
  return (
    [
      ['signing.idToken', config.idTokenSignedResponseAlg],
      ['signing.accessToken', config.accessTokenSignedResponseAlg],
      ['signing.userinfo', config.userinfoSignedResponseAlg],
      ['resourceServer.tokens.signingAlg', config.resourceServer?.accessTokenSignedResponseAlg ?? ''],
    ] as const
  )
    .filter(([, value]) => value !== '' && !algorithms.includes(value))
    .map(([field, value]) => invalid(field, `${value} is not among this server's algorithms: ${algorithms.join(', ')}`))
}

function redirectFaults(config: ClientConfig): readonly ClientFault[] {
  return (
    [
      ['redirectURIs', config.redirectUris, (uri: string) => redirectFault(uri, config.type)],
      ['postLogoutRedirectURIs', config.postLogoutRedirectUris, (uri: string) => redirectFault(uri, config.type)],
      ['corsOrigins', config.corsOrigins, originFault],
    ] as const
  ).flatMap(([field, values, faultOf]) =>
    values.flatMap((value) => {
      const fault = faultOf(value)
      return fault === undefined ? [] : [invalid(field, `${JSON.stringify(value)} ${fault}`)]
    }),
  )
}

function authenticationFaults(config: ClientConfig, { hasSecret }: AboutClient): readonly ClientFault[] {
  const method = config.tokenEndpointAuthMethod
  const faults: ClientFault[] = []
  if (method === 'client_secret_jwt')
    faults.push(invalid('auth.method', 'must not be client_secret_jwt: only hashes of secrets are kept'))
  else if (!methods.includes(method)) faults.push(invalid('auth.method', `must be among ${methods.join(', ')}`))
  if (config.secretMethods.length > 0 && !showsSecret(method))
    faults.push(invalid('auth.method', `must have no way to show a secret with ${method}, which has none`))
  if (!config.secretMethods.every((way) => words(secretWays).includes(way)))
    faults.push(invalid('auth.method', `must show a secret only in these ways: ${secretWays.join(', ')}`))
  if (showsSecret(method) && !hasSecret) faults.push(invalid('auth.method', 'needs a secret, and none is there'))
  const mayLackPkce = !config.pkceRequired || config.pkceOrNonce
  if (method === 'none' && mayLackPkce && config.grantTypes.includes('authorization_code'))
    faults.push(invalid('pkce', needsPkce))
  return faults
}

function grantFaults(config: ClientConfig): readonly ClientFault[] {
  const faults: ClientFault[] = []
  if (!config.grantTypes.every((grant) => wireGrants.includes(grant)))
    faults.push(invalid('grantTypes', `must be among ${wireGrants.join(', ')}`))
  for (const grant of grantTypes) {
    const { wire, isOfApi, isProven } = ruleOfGrant(grant)
    const lacks = [
      ...(isOfApi && config.resourceServer === undefined ? ['resourceServer'] : []),
      ...(isProven && config.tokenEndpointAuthMethod === 'none' ? ['authentication'] : []),
    ]
    if (lacks.length > 0 && config.grantTypes.includes(wire))
      faults.push(invalid('grantTypes', `must not have ${grant} without ${lacks.join(' and ')}`))
  }
  if (!config.responseModes.every((mode) => words(responseModes).includes(mode)))
    faults.push(invalid('responseModes', `must be among ${responseModes.join(', ')}`))
  if (!['', ...idClaims].includes(config.idTokenClaims))
    faults.push(invalid('tokens.idClaims', `must be among ${idClaims.join(', ')}`))
  if (config.consent === ConsentMode.UNSPECIFIED) faults.push(invalid('consent', 'must be Explicit, Remember or Skip'))
  return faults
}

function keyFaults(config: ClientConfig): readonly ClientFault[] {
  const { jwks, jwksUri, tokenEndpointAuthMethod: method } = config
  const faults = jwks === undefined ? [] : jwksFaults(jwks).map((message) => invalid('auth.jwks', message))
  // without a usable key the client would be Ready and could never authenticate
  if (jwks !== undefined && faults.length === 0 && method === 'private_key_jwt' && !canVerify(jwks))
    faults.push(invalid('auth.jwks', `must have a key that can verify an assertion: ${usableKeys}`))
  if (jwks !== undefined && faults.length === 0 && method === 'self_signed_tls_client_auth' && !hasCertificate(jwks))
    faults.push(invalid('auth.jwks', 'must have a key with its certificate in x5c'))
  if (jwks !== undefined && jwksUri !== '')
    faults.push(invalid('auth.jwks', 'must not be set together with auth.jwksURI'))
  if (jwks === undefined && jwksUri === '' && keyMethods.includes(method))
    faults.push(invalid('auth.jwks', `must be set with ${method}; or set auth.jwksURI instead`))
  return faults
}

/** Pages about the client, and other places of its own. */
function pageFaults(config: ClientConfig): readonly ClientFault[] {
  const pages = (
    [
      ['auth.jwksURI', config.jwksUri],
      ['uris.client', config.clientUri],
      ['uris.logo', config.logoUri],
      ['uris.policy', config.policyUri],
      ['uris.tos', config.tosUri],
      ['uris.initiateLogin', config.initiateLoginUri],
      ['logout.backchannelURI', config.backchannelLogoutUri],
    ] as const
  )
    .filter(([, url]) => url !== '' && !isHttpsUrl(url))
    .map(([field]) => invalid(field, 'must be an https URL, such as https://app.example.com/path'))
  const isAddress = new RegExp(emailPattern)
  const contacts = config.contacts.every((contact) => isAddress.test(contact))
    ? []
    : [invalid('contacts', 'must be e-mail addresses, such as team@example.com')]
  return [...pages, ...contacts]
}

function claimFaults(config: ClientConfig): readonly ClientFault[] {
  return config.claims
    .filter(({ name }) => registeredClaims.includes(name))
    .map(({ name }) => {
      const why = unusableClaims.includes(name) ? 'cannot be kept by many programs' : 'is a registered claim'
      return invalid('claims', `${JSON.stringify(name)} ${why}; choose another name`)
    })
}

function apiClaimFaults({ resourceServer, claims }: ClientConfig): readonly ClientFault[] {
  const known = words([...apiClaims, ...claims.map(({ name }) => name)])
  const isKnown = resourceServer?.tokenClaims.every((claim) => known.includes(claim)) ?? true
  return isKnown ? [] : [invalid('resourceServer.tokens.claims', unknownApiClaim)]
}

function lifeFaults(config: ClientConfig): readonly ClientFault[] {
  return (
    [
      ['tokens.accessTTL', config.accessTokenTtl, tokenLife.access],
      ['tokens.idTTL', config.idTokenTtl, tokenLife.id],
      ['tokens.refreshTTL', config.refreshTokenTtl, tokenLife.refresh],
      ['resourceServer.tokens.accessTTL', config.resourceServer?.accessTokenTtl ?? 0, tokenLife.access],
    ] as const
  )
    .filter(([, seconds, { most }]) => seconds > most)
    .map(([field, , { most }]) => invalid(field, `must be at most ${most / 3600}h`))
}

function acrFaults({ requiredAcr }: ClientConfig): readonly ClientFault[] {
  const isKnown = requiredAcr.every((value) => words(acrLevels).includes(value))
  return isKnown ? [] : [invalid('access.requiredAcr', `must be among ${acrLevels.join(', ')}`)]
}
