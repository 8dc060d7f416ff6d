// Judges the scopes and APIs of a request by what its client may have. Pure.
import { oidcScopes } from '@nauthera/rules/scopes'
import { uriOfApi } from '../../clients/api-names.ts'
import { apisOf, mayHave, personScopes, scopesAt } from './apis.ts'
import type { Apis, ApisOf } from './apis.ts'
import { isLeftOut } from './left-out.ts'
import { plain } from './plain.ts'

/** The narrowed request, or why it is refused. */
export type Verdict =
  | { readonly kind: 'allowed'; readonly scope: string | undefined }
  | { readonly kind: 'refused'; readonly error: 'invalid_scope' | 'invalid_target'; readonly description: string }

export interface AskedScopes {
  readonly scope: string | undefined
  /** Identifiers of APIs. */
  readonly resources: readonly string[]
  /** Whether an authorization request asks for authorization details: then it needs no scope. */
  readonly hasDetails?: boolean
}

/** Judges a request at the authorization endpoint. Unknown scopes are ignored (OpenID Connect Core 3.1.2.1), and so are unlisted scopes
 *  about the person (RFC 6749 section 3.3). Refused are: an unlisted `openid`, an unlisted scope of an API, and a request without any
 *  scope left. The scopes may belong to all APIs of the request. A request that asks for nothing gets the default ones. */
export function judgeAuthorization(asked: AskedScopes, client: ApisOf, apis: Apis): Verdict {
  const denied = deniedApi(asked.resources, client)
  if (denied) return denied
  const may = new Set([...personScopes(client.config), ...asked.resources.flatMap((id) => scopesAt(id, client)!)])
  const scopes = words(asked.scope)
  if (scopes.length === 0 && asked.hasDetails !== true) return allowDefault(asked.resources, client)
  const refused = scopes.filter(
    (scope) => !may.has(scope) && !isLeftOut(scope) && isKnown(scope, asked.resources, client, apis),
  )
  const kept = scopes.filter((scope) => may.has(scope))
  if (refused.length === 0 && kept.length === 0) refused.push(...scopes)
  return refused.length > 0 ? refuseScopes(refused, client) : allow(kept)
}

/** The scopes of an authorization request that names none (RFC 6749 section 3.3): all that the client may have. Not `offline_access`: what
 *  outlives the session has to be asked for.
 *  @param resources the APIs of the request */
export const defaultScopes = (resources: readonly string[], client: ApisOf): readonly string[] =>
  [...personScopes(client.config), ...resources.flatMap((id) => scopesAt(id, client) ?? [])].filter(
    (scope) => scope !== 'offline_access',
  )

function allowDefault(resources: readonly string[], client: ApisOf): Verdict {
  const scopes = [...new Set(defaultScopes(resources, client))]
  if (scopes.length > 0) return allow(scopes)
  return refuse('invalid_scope', `the request names no scope, and none that it may have is ${listedAt(client)}`)
}

/** Judges only the APIs of a request. */
export const judgeApis = (resources: readonly string[], client: ApisOf): Verdict =>
  deniedApi(resources, client) ?? allow([])

/** Judges a refresh before its token is consumed. Scopes that were left out at the sign-in are left out again, since programs repeat them.
 *  A request without any scope left is refused: the library would grant everything.
 *  @param had the scope of the refresh token */
export function judgeRefresh(scope: string, had: string, client: ApisOf): Verdict {
  const has = new Set(words(had))
  const kept = words(scope).filter((one) => !isLeftOut(one) || has.has(one))
  const asked = kept.length > 0 ? kept : words(scope)
  const refused = asked.filter((one) => !has.has(one))
  return refused.length > 0 ? refuseScopes(refused, client, { token: 'refresh token', has: [...has] }) : allow(asked)
}

/** Judges client_credentials. Without a scope the client gets everything that is granted.
 *  @param asked.resources none, or the API of the token */
export function judgeMachine(asked: AskedScopes, client: ApisOf): Verdict {
  const denied = deniedApi(asked.resources, client)
  if (denied) return denied
  const atApi = asked.resources.flatMap((identifier) => scopesAt(identifier, client)!)
  if (asked.scope === undefined) return allow([...new Set(atApi)])
  const may = new Set([...personScopes(client.config), ...atApi])
  const scopes = words(asked.scope)
  const refused = scopes.filter((scope) => !may.has(scope))
  return refused.length > 0 ? refuseScopes(refused, client) : allow(scopes)
}

/** Judges a token request before its code or refresh token is consumed. The library checks the consented scopes.
 *  @param authorized the APIs of the code or refresh token */
export function judgeRedemption(asked: AskedScopes, authorized: readonly string[], client: ApisOf): Verdict {
  const denied = deniedApi(asked.resources, client)
  if (denied) return denied
  const resources = [...new Set(asked.resources)]
  if (resources.length > 1)
    return refuse(
      'invalid_target',
      `a token is for one API: name one in resource, and ask again for the next with the refresh token (${list(resources)})`,
    )
  const foreign = asked.resources.find((identifier) => !authorized.includes(identifier))
  if (foreign !== undefined)
    return refuse(
      'invalid_target',
      `this sign-in was not for the API ${plain(foreign)}: name it in resource when it begins`,
    )
  const scopes = words(asked.scope)
  const kept = scopes.filter((scope) => mayHave(scope, client))
  const refused = scopes.filter((scope) => !kept.includes(scope) && !isLeftOut(scope))
  return refused.length > 0 ? refuseScopes(refused, client) : allow(kept)
}

/** Judges a token exchange (RFC 8693). At the caller's own API the new token has at most the old scopes; at another API those that are
 *  granted to the caller. Without a scope it gets at most the old ones.
 *  @param asked.resources of `resource` and `audience` together
 *  @param subject the scope that the old token still has */
export function judgeExchange(asked: AskedScopes, subject: string | undefined, client: ApisOf): ExchangeVerdict {
  const target = exchangeTarget(asked.resources, client)
  if (target.kind === 'refused') return target
  const { api } = target
  const denied = deniedApi([api], client)
  if (denied) return denied
  const had = words(subject)
  const granted = scopesAt(api, client)!
  const may =
    api === client.config.resourceServer?.identifier ? granted.filter((scope) => had.includes(scope)) : granted
  const scopes = asked.scope === undefined ? had.filter((scope) => may.includes(scope)) : words(asked.scope)
  const refused = scopes.filter((scope) => !may.includes(scope))
  const has = [...had, ...refused.filter((scope) => !granted.includes(scope))]
  if (refused.length > 0) return refuseScopes(refused, client, { token: 'subject token', has })
  return { kind: 'allowed', api, scope: scopes.length > 0 ? scopes.join(' ') : undefined }
}

type ExchangeVerdict =
  { readonly kind: 'allowed'; readonly api: string; readonly scope: string | undefined } | RefusedRequest

function exchangeTarget(named: readonly string[], client: ApisOf): { kind: 'api'; api: string } | RefusedRequest {
  const [api, ...more] = new Set(named)
  if (more.length > 0) return refuse('invalid_target', `a token is for one API: name one of ${list(named)}`)
  if (api !== undefined) return { kind: 'api', api }
  const [only, ...others] = client.config.audiences
  if (only !== undefined && others.length === 0) return { kind: 'api', api: only }
  return refuse('invalid_target', `name the API of the new token in resource (${list(client.config.audiences)})`)
}

/** @returns the default API of client_credentials */
export function defaultApi(client: ApisOf): { kind: 'api'; identifier: string | undefined } | RefusedRequest {
  const { audiences } = client.config
  if (audiences.length <= 1) return { kind: 'api', identifier: audiences[0] }
  return refuse('invalid_target', `this client has several APIs: name one in resource (${list(audiences)})`)
}

/** The default API of a request for a person: the client's only API, if the request has a scope of it, or if the client wants JWTs
 *  (`tokens.format`). Many programs cannot send `resource`; WildFly sends no scope but `openid`, and reads its access token.
 *  @returns undefined where neither holds */
export function meantApi(scope: string | undefined, client: ApisOf): string | undefined {
  const { audiences, accessTokenFormat } = client.config
  const [only, ...others] = audiences
  const atApi = only === undefined || others.length > 0 ? undefined : scopesAt(only, client)
  const isMeant = accessTokenFormat === 'jwt' || words(scope).some((one) => atApi?.includes(one))
  return isMeant && atApi !== undefined ? only : undefined
}

/** What a token of a sign-in is for: userinfo, or one API. */
export type TokenTarget =
  { readonly kind: 'userinfo' } | { readonly kind: 'api'; readonly identifier: string } | RefusedRequest

/** Decides it for a token request that names no API. An API counts when a scope or the authorization details of the sign-in are of that
 *  one alone. Where that leaves open which of several APIs is meant, the request is refused: a token for the wrong one would be worse.
 *  @param about.scope that the token request asks for; undefined: all of `about.had`
 *  @param about.had scope of the code or refresh token; `about.apis`: its APIs; `about.withDetails`: those with granted details */
export function targetOfSignIn(
  about: {
    readonly scope: string | undefined
    readonly had: string | undefined
    readonly apis: readonly string[]
    readonly withDetails: readonly string[]
  },
  client: ApisOf,
): TokenTarget {
  const apis = [...new Set(about.apis)]
  const [first, ...others] = apis
  if (first === undefined) return { kind: 'userinfo' }
  const scopes = words(about.scope ?? about.had)
  if (apis.length === 1 && meantApi(scopes.join(' '), client) === first) return { kind: 'api', identifier: first }
  const ofApis = scopes.filter((scope) => !oidcScopes.includes(scope))
  // who asks for less than the sign-in had, and for no scope of an API, wants userinfo
  const ofDetails = about.scope === undefined ? apis.filter((api) => about.withDetails.includes(api)) : []
  if (ofApis.length === 0 && ofDetails.length === 1) return { kind: 'api', identifier: ofDetails[0]! }
  if (scopes.includes('openid') && (ofApis.length > 0 || ofDetails.length === 0)) return { kind: 'userinfo' }
  if (others.length === 0) return { kind: 'api', identifier: first }
  const [only, ...more] = apis.filter((api) => ofApis.every((scope) => scopesAt(api, client)?.includes(scope)))
  if (only !== undefined && more.length === 0) return { kind: 'api', identifier: only }
  return refuse(
    'invalid_target',
    `this sign-in was for several APIs: name the one of this token in resource (${list(apis)})`,
  )
}

/** The scope that a token still has now.
 *  @returns undefined when its client lost access to the API */
export function standingScope(
  token: { readonly aud?: string | readonly string[] | undefined; readonly scope?: string | undefined },
  client: ApisOf,
): { readonly scope: string | undefined } | undefined {
  const { aud } = token
  // a token of ours has one audience
  const atApi = aud === undefined ? undefined : scopesAt(uriOfApi([aud].flat().join(' ')), client)
  if (aud !== undefined && atApi === undefined) return undefined
  const scopes = words(token.scope).filter((scope) => (atApi ? atApi.includes(scope) : mayHave(scope, client)))
  return { scope: scopes.length > 0 ? scopes.join(' ') : undefined }
}

type RefusedRequest = Extract<Verdict, { kind: 'refused' }>

function deniedApi(resources: readonly string[], client: ApisOf): RefusedRequest | undefined {
  const denied = resources.find((identifier) => scopesAt(identifier, client) === undefined)
  if (denied === undefined) return undefined
  const why = client.config.audiences.includes(denied)
    ? `it is in spec.audiences of ${nameOf(client)} and not granted: its condition AudiencesGranted says why`
    : `it is not in spec.audiences of ${nameOf(client)}`
  return refuse('invalid_target', `this client may not ask for the API ${plain(denied)}: ${why}`)
}

/** The refusal names each scope with the object and field to change.
 *  @param held the exchanged token, with its scopes */
function refuseScopes(
  scopes: readonly string[],
  client: ApisOf,
  held?: { readonly token: string; readonly has: readonly string[] },
): RefusedRequest {
  const name = nameOf(client)
  const apis = apisOf(client)
  const whyNot = (scope: string): string => {
    if (!client.config.scopes.includes(scope)) return unlistedAt(client)
    if (held && !held.has.includes(scope)) return `in spec.scopes of ${name}, and the ${held.token} does not have it`
    const at = apis.filter((api) => api.scopes.includes(scope)).map(({ identifier }) => identifier)
    return at.length > 0
      ? `in spec.scopes of ${name} for an API: name that in resource (${list(at)})`
      : `in spec.scopes of ${name} and not granted: its condition AudiencesGranted says why`
  }
  const reasons = Object.entries(Object.groupBy(scopes, whyNot))
  const texts = reasons.map(([why, those = []]) => `${list(those)} ${those.length > 1 ? 'are' : 'is'} ${why}`)
  return refuse('invalid_scope', texts.join('; '))
}

/** A client by metadata document has no object. */
const unlistedAt = (client: ApisOf): string =>
  client.namespace === ''
    ? `not for clients of ${client.name}: resourceServer.access of no API gives it to them (clientMetadataHosts)`
    : `not ${listedAt(client)}`

const listedAt = (client: ApisOf): string => `in spec.scopes of ${nameOf(client)}`

/** The object of the client; a client by metadata document has none. */
const nameOf = ({ namespace, name }: ApisOf): string => (namespace === '' ? name : `${namespace}/${name}`)

/** Whether the scope is known to this client. Scopes of other APIs are not: a caller must not learn them. */
function isKnown(scope: string, resources: readonly string[], client: ApisOf, apis: Apis): boolean {
  return (
    oidcScopes.includes(scope) ||
    client.config.scopes.includes(scope) ||
    client.granted.some((api) => api.scopes.includes(scope)) ||
    resources.some((identifier) => apis.findApi(identifier)?.config.resourceServer?.scopes.includes(scope) === true)
  )
}

const words = (text: string | undefined): string[] => [...new Set((text ?? '').split(' ').filter(Boolean))]

const allow = (scopes: readonly string[]): Verdict => ({
  kind: 'allowed',
  scope: scopes.length > 0 ? scopes.join(' ') : undefined,
})

const refuse = (error: RefusedRequest['error'], description: string): RefusedRequest => ({
  kind: 'refused',
  error,
  description,
})

const list = (values: readonly string[]): string => values.slice(0, 10).map(plain).join(', ')
