// Reads a token exchange request, and checks whether its subject token can be exchanged (RFC 8693). Pure.
import { uriOfApi } from '../../clients/api-names.ts'
import { plain } from './plain.ts'
import type { Actor } from '../request-context.ts'

const typePrefix = 'urn:ietf:params:oauth:token-type:'
export const accessTokenType = `${typePrefix}access_token`

/** The deepest nesting of `act`. */
const mostActors = 4

/** The fault of a request. `detail` is only for the audit log: the caller must learn nothing about somebody else's token. */
export interface ExchangeFault {
  readonly description: string
  readonly detail?: string
}

export interface ExchangeRequest {
  readonly subjectToken: string
  /** Of `resource` and `audience` together. */
  readonly apis: readonly string[]
  readonly scope: string | undefined
}

/** @param params a repeated one is an array; `resource` has URIs (params/know-apis) */
export function readExchange(
  params: Readonly<Record<string, unknown>>,
): { readonly kind: 'read'; readonly request: ExchangeRequest } | ({ readonly kind: 'refused' } & ExchangeFault) {
  const refuse = (description: string) => ({ kind: 'refused' as const, description })
  const { subject_token: token, subject_token_type: type, requested_token_type: wanted, scope } = params
  if (typeof token !== 'string' || token === '') return refuse('subject_token is missing: the access token to exchange')
  if (type === undefined) return refuse(`subject_token_type is missing: it is ${accessTokenType}`)
  if (type !== accessTokenType)
    return refuse(`subject_token_type must be ${accessTokenType}: no other token is exchanged`)
  if (params['actor_token'] !== undefined || params['actor_token_type'] !== undefined)
    return refuse('actor_token is not taken: the client that asks is the one that acts')
  if (wanted !== undefined && wanted !== accessTokenType)
    return refuse(`requested_token_type must be ${accessTokenType}, or absent: no other token is issued`)
  const textsOf = (value: unknown) => [value].flat().filter((one) => typeof one === 'string')
  const apis = [...textsOf(params['resource']), ...textsOf(params['audience']).map(uriOfApi)]
  return {
    kind: 'read',
    request: { subjectToken: token, apis, scope: typeof scope === 'string' ? scope : undefined },
  }
}

/** The subject token, an access token of this server. */
export interface ShownToken {
  readonly aud?: unknown
  readonly accountId?: string | undefined
  readonly grantId?: string | undefined
  readonly extra?: { readonly act?: Actor } | undefined
}

/** @param token undefined when it is not of this server, or has expired
 *  @param api the identifier of the calling API
 *  @returns why it cannot be exchanged; undefined when it can */
export function subjectFault(token: ShownToken | undefined, api: string): ExchangeFault | undefined {
  const description = `subject_token is no valid access token for the API ${plain(api)}`
  if (token === undefined) return { description, detail: 'subject token: unknown or expired' }
  if (typeof token.aud !== 'string' || uriOfApi(token.aud) !== api)
    return { description, detail: 'subject token: for another audience' }
  if (token.accountId === undefined || token.grantId === undefined)
    return { description: 'subject_token is not of a person: ask for a token with client_credentials instead' }
  if (chainOf(token.extra?.act).length >= mostActors)
    return { description: `subject_token was exchanged ${mostActors} times already, which is the most` }
  return undefined
}

/** @returns the `act` claim: the present actor, with earlier ones nested */
export const actorOf = (clientId: string, token: ShownToken): Actor => {
  const act = token.extra?.act
  return { sub: clientId, ...(act === undefined ? {} : { act }) }
}

/** Ids of the clients that act, the present one first. */
export const chainOf = (act: Actor | undefined): readonly string[] =>
  act === undefined ? [] : [act.sub, ...chainOf(act.act)]
