// A provider that speaks OpenID Connect.
import { inOneVersion } from '@nauthera/proto/mounted-volume'
import { CodedError } from '@nauthera/runtime/coded-error'
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { readSecretFile } from '@nauthera/runtime/settings'
import type { Fetch } from '../../oidc/outbound/outbound-fetch.ts'
import { isPlainHttp } from '../../settings/upstream.ts'
import type { UpstreamSettings } from '../../settings/upstream.ts'
import type { KnownProvider, UpstreamMetadata } from './metadata.ts'
import type { UpstreamDescription } from './presets.ts'
import { authorizationUrl, challengeOf, exchange, readUserinfo, signOutUrl } from './relying-party.ts'
import type { Party } from './relying-party.ts'
import type { ProviderStatement } from './provider-metadata.ts'
import type { BeginAsk, BroughtBack, Upstream, UpstreamAnswer } from './upstream.ts'

interface Needs {
  readonly description: UpstreamDescription
  readonly settings: UpstreamSettings
  readonly metadata: UpstreamMetadata
  readonly fetch: Fetch
  /** Where the provider sends the browser back to. */
  readonly redirectUri: string
}

/** A provider that speaks OpenID Connect. */
export function createOpenIdUpstream(needs: Needs): Upstream {
  const { description, metadata, redirectUri } = needs
  return {
    ...description,
    async start(ask) {
      const { server } = await metadata.load()
      return authorizationUrl(partyOf(needs, server, needs.fetch), {
        ...description.parameters,
        ...(await parametersOf(ask, description)),
        redirect_uri: redirectUri,
        nonce: ask.nonce,
        ...(server.claims_parameter_supported === true ? { claims: aboutTheSignIn } : {}),
      })
    },
    complete: (answer) => complete(needs, answer),
    async signOutUrl() {
      const { server } = await metadata.load()
      return signOutUrl(partyOf(needs, server, needs.fetch), {})
    },
  }
}

/** Some providers report `auth_time`, `acr` and `amr` only on request (OpenID Connect Core 5.5). */
const aboutTheSignIn = JSON.stringify({ id_token: { auth_time: { essential: true }, amr: null, acr: null } })

/** Parameters of the authorization request that every provider gets. */
export async function parametersOf(ask: BeginAsk, { scopes }: UpstreamDescription): Promise<Record<string, string>> {
  const { state, verifier, loginHint, prompt, maxAge, uiLocales, acrValues } = ask
  return {
    scope: scopes.join(' '),
    state,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: 'S256',
    ...(loginHint === undefined ? {} : { login_hint: loginHint }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(uiLocales.length === 0 ? {} : { ui_locales: uiLocales.join(' ') }),
    ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
  }
}

/** The secret is read at each use: a new one in the file needs no restart. */
export function partyOf(
  { settings, description }: Pick<Needs, 'settings' | 'description'>,
  server: ProviderStatement,
  fetch: Fetch,
): Party {
  const { clientId, clientIdFile, clientSecretFile } = settings
  const path = `upstreams.${description.id}`
  const credentials = inOneVersion([clientIdFile, clientSecretFile], () => ({
    clientId: clientId ?? readSecretFile(clientIdFile!, `${path}.clientIdFile`).reveal(),
    clientSecret:
      clientSecretFile === undefined ? undefined : readSecretFile(clientSecretFile, `${path}.clientSecretFile`),
  }))
  return { server, ...credentials, fetch, plainHttp: isPlainHttp(description.issuer) }
}

async function complete(needs: Needs, { parameters, ...binding }: BroughtBack): Promise<UpstreamAnswer> {
  const { description, metadata, redirectUri } = needs
  const { server, keys } = await metadata.load()
  const party = partyOf(needs, server, withKeysAgain(needs, server))
  const callback = new URL(`${redirectUri}?${parameters.toString()}`)
  const tokens = await exchange(party, callback, binding, { keys })
  if (tokens === undefined) return { kind: 'cancelled' }
  const { iss, sub, azp, auth_time: authTime, amr, acr, ...claims } = tokens.idClaims!
  // OpenID Connect Core 3.1.3.7, 5: the library looks only beside several audiences
  if (azp !== undefined && azp !== party.clientId)
    throw new CodedError('UPSTREAM_ANSWER_INVALID', { message: 'its azp names another client' })
  const subject = subjectOf(sub)
  const more = await moreClaims(description, party, tokens.accessToken, subject)
  return {
    kind: 'identified',
    issuer: String(iss),
    subject,
    claims: mergeClaims(claims, more),
    authTime: typeof authTime === 'number' ? Math.floor(authTime) : undefined,
    proofs: [...(Array.isArray(amr) ? amr : []), acr].filter((word) => typeof word === 'string'),
  }
}

/** What is signed wins. That an address is verified counts only for the address that the same answer has: the two may have different ones.
 *  @param signed of the ID token */
export function mergeClaims(
  signed: Readonly<Record<string, unknown>>,
  userinfo: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...userinfo, ...signed }
  const ofAddress = [signed, userinfo].filter(({ email }) => email !== undefined && email === merged['email'])
  const verified = ofAddress.map((said) => said['email_verified']).find((said) => said !== undefined)
  return { ...merged, email_verified: verified }
}

/** Characters (OpenID Connect Core 2). */
const longestSubject = 255

/** Our records hold the subject as it is. One that they could not hold unchanged is refused. */
function subjectOf(sub: unknown): string {
  if (typeof sub === 'string' && sub !== '' && sub.length <= longestSubject && !hasHiddenCharacters(sub)) return sub
  const message = `its sub is no name of a person: it must be text of 1 to ${longestSubject} characters that all can be seen`
  throw new CodedError('UPSTREAM_ANSWER_INVALID', { message })
}

async function moreClaims(
  { readsUserinfo }: UpstreamDescription,
  party: Party,
  accessToken: string,
  subject: string,
): Promise<Readonly<Record<string, unknown>>> {
  if (!readsUserinfo || party.server.userinfo_endpoint === undefined) return {}
  return readUserinfo(party, accessToken, subject)
}

/** When no key fits, the library fetches them again. This gives it our copy, which asks the provider at most once a minute. */
function withKeysAgain({ fetch, metadata }: Needs, { jwks_uri: keysUrl }: KnownProvider['server']): Fetch {
  return async (url, init) => (String(url) === keysUrl ? Response.json(await metadata.keysAgain()) : fetch(url, init))
}
