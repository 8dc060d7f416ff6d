// The door to openid-client: each call to another provider.
import * as library from 'openid-client'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { definedOf } from '@nauthera/runtime/json'
import type { Secret } from '@nauthera/runtime/secret'
import type { Fetch } from '../../oidc/outbound/outbound-fetch.ts'
import { parseMetadata } from './provider-metadata.ts'
import type { ProviderStatement } from './provider-metadata.ts'
import type { Binding } from './upstream.ts'

export interface ProviderKeys {
  readonly keys: readonly library.JWK[]
}

/** This server as a client of a provider. */
export interface Party {
  readonly server: ProviderStatement
  readonly clientId: string
  readonly clientSecret: Secret | undefined
  readonly fetch: Fetch
  /** http, on this machine alone. */
  readonly plainHttp: boolean
}

/** Milliseconds for all requests to the provider that one page needs. Pages answer within 10 s. */
const patience = 8000
/** Seconds that the clock of a provider may be off. */
export const clockTolerance = 30
/** Seconds. The library fetches keys again that are a minute old; so ours always look older, and our copy decides. */
const keysAreOld = 60

/** @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID */
export async function discover(
  issuer: string,
  { fetch, plainHttp }: Pick<Party, 'fetch' | 'plainHttp'>,
): Promise<ProviderStatement> {
  return asking(fetch, async (watched) => {
    const found = await library.discovery(new URL(issuer), 'unused', undefined, library.None(), {
      [library.customFetch]: forLibrary(watched),
      execute: plainHttp ? [library.allowInsecureRequests] : [],
    })
    return parseMetadata(JSON.parse(JSON.stringify(found.serverMetadata())), plainHttp)
  })
}

export function authorizationUrl(party: Party, parameters: Record<string, string>): URL {
  return library.buildAuthorizationUrl(configure(party, party.fetch), parameters)
}

export const challengeOf = (verifier: string): Promise<string> => library.calculatePKCECodeChallenge(verifier)
export const randomValue = (): string => library.randomState()

export interface ExchangedCode {
  readonly accessToken: string
  /** Claims of the ID token; its signature, issuer, audience, times and nonce are checked. Undefined without OpenID. */
  readonly idClaims: Readonly<Record<string, unknown>> | undefined
}

/** Checks state and issuer (RFC 9207), and changes the code for tokens.
 *  @param options.keys for OpenID: the keys of the provider
 *  @returns undefined when the person cancelled
 *  @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID */
export async function exchange(
  party: Party,
  callback: URL,
  { state, nonce, verifier }: Binding,
  options: { keys?: ProviderKeys },
): Promise<ExchangedCode | undefined> {
  const { keys } = options
  return asking(party.fetch, async (watched) => {
    const configuration = configure(party, watched)
    if (keys !== undefined) {
      library.enableNonRepudiationChecks(configuration)
      const uat = Math.floor(Date.now() / 1000) - keysAreOld
      library.setJwksCache(configuration, { jwks: { keys: [...keys.keys] }, uat })
    }
    try {
      const answer = await library.authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        pkceCodeVerifier: verifier,
        ...(keys === undefined ? {} : { expectedNonce: nonce, idTokenExpected: true }),
      })
      return { accessToken: answer.access_token, idClaims: answer.claims() }
    } catch (error) {
      if (error instanceof library.AuthorizationResponseError && error.error === 'access_denied') return undefined
      throw error
    }
  })
}

/** @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID; another subject is one of the latter */
export function readUserinfo(party: Party, accessToken: string, subject: string): Promise<Record<string, unknown>> {
  return asking(party.fetch, (watched) => library.fetchUserInfo(configure(party, watched), accessToken, subject))
}

/** Reads a resource with the access token.
 *  @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID */
export function readResource(party: Party, accessToken: string, url: string): Promise<unknown> {
  return asking(party.fetch, async (watched) => {
    const headers = new Headers({ accept: 'application/json' })
    const configuration = configure(party, watched)
    const answer = await library.fetchProtectedResource(configuration, accessToken, new URL(url), 'GET', null, headers)
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
    return answer.json()
  })
}

/** @returns undefined when the provider has no page to sign out */
export function signOutUrl(party: Party, parameters: Record<string, string>): URL | undefined {
  if (party.server.end_session_endpoint === undefined) return undefined
  return library.buildEndSessionUrl(configure(party, party.fetch), parameters)
}

function configure({ server, clientId, clientSecret, plainHttp }: Party, fetch: Fetch): library.Configuration {
  const metadata = { [library.clockTolerance]: clockTolerance }
  const configuration = new library.Configuration(
    { ...definedOf(server), issuer: server.issuer },
    clientId,
    metadata,
    authenticationOf(server, clientSecret),
  )
  configuration[library.customFetch] = forLibrary(fetch)
  if (plainHttp) library.allowInsecureRequests(configuration)
  return configuration
}

/** Our fetch with the library's signature. */
const forLibrary =
  (fetch: Fetch): library.CustomFetch =>
  (url, { body, ...options }) =>
    fetch(url, { ...options, body: body ?? null })

/** Basic is what a provider takes that does not say (OpenID Connect Discovery 3). */
function authenticationOf(server: ProviderStatement, secret: Secret | undefined): library.ClientAuth {
  if (secret === undefined) return library.None()
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return methods.includes('client_secret_basic')
    ? library.ClientSecretBasic(secret.reveal())
    : library.ClientSecretPost(secret.reveal())
}

/** Tells apart a provider that does not answer from one that answers something wrong. */
async function asking<T>(fetch: Fetch, work: (watched: Fetch) => Promise<T>): Promise<T> {
  const budget = AbortSignal.timeout(patience)
  let failed: unknown
  const watched: Fetch = async (url, init) => {
    try {
      const signals = [budget, ...(init?.signal ? [init.signal] : [])]
      const answer = await fetch(url, { ...init, signal: AbortSignal.any(signals) })
      if (answer.status >= 500 || answer.status === 429) failed = new Error(`${String(url)} answered ${answer.status}`)
      return answer
    } catch (error) {
      failed = error
      throw error
    }
  }
  try {
    return await work(watched)
  } catch (error) {
    if (hasCode(failed, 'UPSTREAM_ANSWER_INVALID')) throw failed
    if (failed !== undefined)
      throw new CodedError('UPSTREAM_UNAVAILABLE', { cause: failed, message: messageOf(failed) })
    throw new CodedError('UPSTREAM_ANSWER_INVALID', { cause: error, message: messageOf(error) })
  }
}

/** What the library says, and the reason below it. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it did not work'
  const { cause } = error
  return cause instanceof Error && cause.message !== error.message
    ? `${error.message} (${cause.message})`
    : error.message
}
