// Decides what a person must still consent to, for hooks and pages. Stored consents and the answers of this interaction count.
import { createHash } from 'node:crypto'
import { fieldsOf, hasShape, isOneOf, parseJsonRecord } from '@nauthera/runtime/json'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { signInClaims } from '@nauthera/rules/claims'
import { oidcScopes, scopeOfClaim } from '@nauthera/rules/scopes'
import type { AddedConsent, Consent } from '../../store/people/consents.ts'
import { byApi, covers } from '../apis/details.ts'
import type { AskedDetail, Details } from '../apis/details.ts'
import type { Detail } from '../apis/detail-type.ts'

/** What a person can be asked to agree to. */
export interface Asked {
  readonly scopes: readonly string[]
  /** Scopes of APIs, by their identifier. */
  readonly resources: Readonly<Record<string, readonly string[]>>
  /** Authorization details (RFC 9396); undefined for none. */
  readonly details?: readonly AskedDetail[]
}

/** What the person agreed to in this interaction; a part of its result. */
export interface AgreedNow extends Omit<Asked, 'details'> {
  /** Names of authorization details (detailId): they stand in the request itself, and a cookie has no room to repeat them. */
  readonly details?: readonly string[]
  readonly remember: boolean
}

export interface ConsentQuestion {
  readonly asked: Asked
  /** The client's `consent` setting. */
  readonly mode: ConsentMode
  /** `prompt=consent`: the person is asked even for what was allowed before. */
  readonly prompted: boolean
  /** The stored consent of this person for this client. */
  readonly stored: Consent | undefined
  readonly agreed: AgreedNow | undefined
}

export interface ConsentVerdict {
  /** The part of the request that is allowed. */
  readonly allowed: Asked
  /** What the person must still be asked; undefined when nothing. */
  readonly open: Asked | undefined
}

export function judgeConsent(question: ConsentQuestion): ConsentVerdict {
  const { asked, agreed } = question
  const allowed = allowedOf(question)
  const missing = agreed === undefined && alwaysAsks(question) ? asked : missingOf(asked, allowed)
  return { allowed, open: isNothing(missing) ? undefined : missing }
}

/** Whether the question depends on the stored consent. */
export function usesStoredConsent(question: Pick<ConsentQuestion, 'mode' | 'prompted'>): boolean {
  return !alwaysAsks(question) && question.mode !== ConsentMode.SKIP
}

/** Whether the person is asked even for what was allowed before. */
function alwaysAsks({ mode, prompted }: Pick<ConsentQuestion, 'mode' | 'prompted'>): boolean {
  return prompted || mode === ConsentMode.EXPLICIT
}

/** What a request asks for.
 *  @param apis identifier -> scopes that the API has
 *  @param listed the scopes about a person that the client may have: nobody is asked for another one, nor for a claim of it */
export function requestedOf(
  params: { readonly scope?: string; readonly claims?: string },
  apis: Readonly<Record<string, Iterable<string>>>,
  listed: readonly string[],
  details: readonly AskedDetail[] = [],
): Asked {
  const scopes = words(params.scope)
  const byClaim = claimsAsked(params.claims)
    .filter((claim) => !isOneOf(signInClaims, claim))
    .flatMap((claim) => scopeOfClaim(claim) ?? [])
  return {
    scopes: [...new Set([...scopes.filter((scope) => oidcScopes.includes(scope)), ...byClaim])].filter((scope) =>
      listed.includes(scope),
    ),
    resources: withScopes(apis, (ofApi) => [...ofApi].filter((scope) => scopes.includes(scope))),
    ...withDetails(details),
  }
}

/** Names one of the authorization details of a request. */
export const detailId = ({ api, detail }: Pick<AskedDetail, 'api' | 'detail'>): string =>
  createHash('sha256')
    .update(JSON.stringify([api, detail]))
    .digest('base64url')
    .slice(0, 22)

export function isPrompted(params: { readonly prompt?: string }): boolean {
  return words(params.prompt).includes('consent')
}

/** What the person agreed to. It is limited to what the request asks for, because the form could be forged.
 *  @param seen the scopes on the page; `api` is the API that a scope belongs to */
export function agreedOf(
  seen: {
    readonly scopes: readonly { scope: string; api?: string | undefined }[]
    readonly details?: readonly { id: string }[]
    readonly remember: boolean
  },
  asked: Asked,
): AgreedNow {
  const own = seen.scopes.filter(({ api }) => api === undefined).map(({ scope }) => scope)
  const ofApis = seen.scopes.filter(({ api }) => api !== undefined).map(({ scope }) => scope)
  return {
    scopes: asked.scopes.filter((scope) => own.includes(scope)),
    resources: withScopes(asked.resources, (wanted) => wanted.filter((scope) => ofApis.includes(scope))),
    ...(asked.details === undefined
      ? {}
      : { details: asked.details.map(detailId).filter((id) => seen.details?.some((one) => one.id === id)) }),
    remember: seen.remember,
  }
}

/** What is agreed to now, for the store to add to what it has.
 *  @param before what was stored
 *  @param details those that can be remembered, and are granted now */
export function remembered(
  agreed: Pick<Asked, 'scopes' | 'resources'>,
  before: Consent | undefined,
  details: readonly AskedDetail[] = [],
): Pick<AddedConsent, 'scopes' | 'payload' | 'outdated'> {
  const isCovered = (one: Pick<AskedDetail, 'api' | 'detail'>) =>
    details.some(({ api, detail }) => api === one.api && covers(detail, one.detail))
  return {
    scopes: agreed.scopes,
    payload: { resources: agreed.resources, ...withDetailsByApi(byApi(details)) },
    outdated: byApi(listOf(detailsOf(before)).filter(isCovered)),
  }
}

const listOf = (details: Details): AskedDetail[] =>
  Object.entries(details).flatMap(([api, ofApi]) => ofApi.map((detail) => ({ api, detail, canRemember: true })))

const withDetailsByApi = (authorizationDetails: Details) =>
  Object.keys(authorizationDetails).length > 0 ? { authorizationDetails } : {}

function allowedOf({ asked, mode, stored, agreed }: ConsentQuestion): Asked {
  if (mode === ConsentMode.SKIP) {
    const { details = [], ...rest } = asked
    return { ...rest, ...withDetails(details.filter((one) => one.canRemember || isAllowed(one, undefined, agreed))) }
  }
  const before = mode === ConsentMode.EXPLICIT ? undefined : stored
  const scopes = new Set(['openid', ...(before?.scopes ?? []), ...(agreed?.scopes ?? [])])
  const earlier = resourcesOf(before)
  return {
    scopes: asked.scopes.filter((scope) => scopes.has(scope)),
    resources: withScopes(asked.resources, (wanted, identifier) => {
      const allowed = [...(earlier[identifier] ?? []), ...(agreed?.resources[identifier] ?? [])]
      return wanted.filter((scope) => allowed.includes(scope))
    }),
    ...withDetails((asked.details ?? []).filter((one) => isAllowed(one, before, agreed))),
  }
}

/** A detail that cannot be remembered is asked for each time, whatever the mode of its client: its API says so. */
function isAllowed(one: AskedDetail, before: Consent | undefined, agreed: AgreedNow | undefined): boolean {
  if (agreed?.details?.includes(detailId(one))) return true
  return one.canRemember && (detailsOf(before)[one.api] ?? []).some((known) => covers(known, one.detail))
}

function missingOf(asked: Asked, allowed: Asked): Asked {
  return {
    scopes: asked.scopes.filter((scope) => !allowed.scopes.includes(scope)),
    resources: withScopes(asked.resources, (wanted, identifier) =>
      wanted.filter((scope) => !allowed.resources[identifier]?.includes(scope)),
    ),
    ...withDetails(
      (asked.details ?? []).filter((one) => !allowed.details?.some((other) => detailId(other) === detailId(one))),
    ),
  }
}

export const isNothing = (asked: Asked): boolean =>
  asked.scopes.length === 0 && Object.keys(asked.resources).length === 0 && (asked.details ?? []).length === 0

const resourcesOf = (consent: Consent | undefined): Asked['resources'] =>
  listsOf(consent?.payload['resources'], (scope): scope is string => typeof scope === 'string')

const detailsOf = (consent: Consent | undefined): Details =>
  listsOf(consent?.payload['authorizationDetails'], (detail): detail is Detail =>
    hasShape(detail, { required: { type: 'string' } }),
  )

/** The lists of a stored object, by name; one with an item of another kind allows nothing. */
function listsOf<Item>(stored: unknown, isItem: (item: unknown) => item is Item): Record<string, readonly Item[]> {
  const lists: Record<string, readonly Item[]> = {}
  for (const [name, list] of Object.entries(fieldsOf(stored)))
    if (Array.isArray(list) && list.every(isItem)) lists[name] = list
  return lists
}

const withDetails = (details: readonly AskedDetail[]): Pick<Asked, 'details'> => (details.length > 0 ? { details } : {})

/** An API without a scope is left out. */
function withScopes<Scopes>(
  apis: Readonly<Record<string, Scopes>>,
  choose: (scopes: Scopes, identifier: string) => readonly string[],
): Asked['resources'] {
  return Object.fromEntries(
    Object.entries(apis)
      .map(([identifier, scopes]) => [identifier, choose(scopes, identifier)] as const)
      .filter(([, scopes]) => scopes.length > 0),
  )
}

/** Names in the `claims` parameter (OpenID Connect Core 5.5). The library has already checked that it is JSON. */
function claimsAsked(text: string | undefined): string[] {
  if (text === undefined) return []
  const { userinfo, id_token } = parseJsonRecord(text) ?? {}
  return [userinfo, id_token].flatMap((claims) =>
    Object.entries(claims ?? {})
      .filter(([, value]) => value === null || (typeof value === 'object' && !Array.isArray(value)))
      .map(([name]) => name),
  )
}

const words = (text: string | undefined): string[] => (text ?? '').split(' ').filter(Boolean)
