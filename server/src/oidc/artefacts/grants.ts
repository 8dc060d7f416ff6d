// Payloads of grants. Each authorization gets a new grant, which is never extended. A logout or a replayed code ends the grant; the
// consent stays.
import { scopeOfClaim } from '@nauthera/rules/scopes'
import type { StoredGrant as GrantRow } from '../../store/tokens/grants.ts'
import { byApi } from '../apis/details.ts'
import type { Details } from '../apis/details.ts'
import type { Asked } from '../interaction/consent.ts'
import { createIds } from '../keys/random-ids.ts'

/** The content of a grant, in the shape of the library's model. */
export interface GrantPayload {
  readonly openid?: { readonly scope?: string; readonly claims?: readonly string[] } | undefined
  /** Scopes of APIs, by their identifier. */
  readonly resources?: Readonly<Record<string, string>> | undefined
  /** Granted authorization details (RFC 9396). */
  readonly authorizationDetails?: Details | undefined
  /** The client's sector at that time (clients/subjects.ts): after a change of sector the client must not learn the new subjects. */
  readonly sector?: string | undefined
}

/** @param claims names in the request's `claims` parameter */
export function grantPayload(allowed: Asked, claims: Iterable<string>): GrantPayload {
  const granted = new Set(allowed.scopes)
  const single = [...claims].filter((claim) => {
    const scope = scopeOfClaim(claim)
    return scope === undefined || granted.has(scope)
  })
  const resources = Object.entries(allowed.resources).map(([identifier, scopes]) => [identifier, scopes.join(' ')])
  return {
    openid: { scope: allowed.scopes.join(' '), ...(single.length === 0 ? {} : { claims: single }) },
    ...(resources.length === 0 ? {} : { resources: Object.fromEntries(resources) }),
    ...(allowed.details === undefined ? {} : { authorizationDetails: byApi(allowed.details) }),
  }
}

/** A grant without scopes that the client has lost since.
 *  @param may.person scopes about a person; `may.at` gives those of an API, undefined without access */
export function narrowed(
  { openid, resources, authorizationDetails }: GrantPayload,
  may: {
    person: readonly string[]
    at: (identifier: string) => readonly string[] | undefined
    details: (granted: Details) => Details
  },
): GrantPayload {
  const scopes = personScopesLeft({ openid }, may.person)
  const apis = Object.entries(resources ?? {}).map(([id, scope]) => [id, only(scope, may.at(id) ?? [])] as const)
  return {
    ...grantPayload({ scopes, resources: Object.fromEntries(apis) }, openid?.claims ?? []),
    // also when empty: the value of the row must not stay
    ...(authorizationDetails === undefined ? {} : { authorizationDetails: may.details(authorizationDetails) }),
  }
}

/** The scopes of a grant about the person, without those that its client has lost. @param may those that it lists */
export const personScopesLeft = ({ openid }: Pick<GrantPayload, 'openid'>, may: readonly string[]): readonly string[] =>
  only(openid?.scope, may)

const only = (scope: string | undefined, may: readonly string[]): readonly string[] =>
  (scope ?? '').split(' ').filter((one) => may.includes(one))

export function grantFromRow(row: GrantRow): object {
  return {
    ...row.payload,
    jti: row.id,
    kind: 'Grant',
    accountId: row.userId,
    clientId: row.clientId,
    iat: Math.floor(row.createdAt.getTime() / 1000),
    exp: Math.floor(row.expiresAt.getTime() / 1000),
  }
}

/** A new id, in the format of the library's ids. */
export const newGrantId = createIds({ bytes: 24, encoding: 'base64url' })
