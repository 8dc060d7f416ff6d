import { scopeOfClaim } from '@nauthera/rules/scopes'
import type { StoredGrant as GrantRow } from '../../store/tokens/grants.ts'
import { byApi } from '../apis/details.ts'
import type { Details } from '../apis/details.ts'
import type { Asked } from '../interaction/consent.ts'
import { createIds } from '../keys/random-ids.ts'

// Each authorization gets a new grant, which is never extended later. A logout or a replayed code ends the grant; the
// consent stays.

/** The content of a grant, in the shape of the library's model. */
export interface GrantPayload {
  readonly openid?: { readonly scope?: string; readonly claims?: readonly string[] } | undefined
  /** Scopes of APIs, by their identifier. */
  readonly resources?: Readonly<Record<string, string>> | undefined
  /** What is granted beyond scopes (RFC 9396). */
  readonly authorizationDetails?: Details | undefined
  /** The sector of its client when it was made (clients/subjects.ts): a client that moves to another sector must not learn the subjects there. */
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
    ...(resources.length === 0 ? {} : { resources: Object.fromEntries(resources) as Record<string, string> }),
    ...(allowed.details === undefined ? {} : { authorizationDetails: byApi(allowed.details) }),
  }
}

/** A grant as far as its client may have it now: a scope that was withdrawn since is in no new token.
 *  @param may.person scopes about a person; `may.at` gives those of an API, undefined when the client may not ask for it */
export function narrowed(
  { openid, resources, authorizationDetails }: GrantPayload,
  may: {
    person: readonly string[]
    at: (identifier: string) => readonly string[] | undefined
    details: (granted: Details) => Details
  },
): GrantPayload {
  const only = (scope: string | undefined, allowed: readonly string[]) =>
    (scope ?? '').split(' ').filter((one) => allowed.includes(one))
  const scopes = only(openid?.scope, may.person)
  const apis = Object.entries(resources ?? {}).map(([id, scope]) => [id, only(scope, may.at(id) ?? [])] as const)
  return {
    ...grantPayload({ scopes, resources: Object.fromEntries(apis) }, openid?.claims ?? []),
    // also where there are none now: what stands in the row must not stay
    ...(authorizationDetails === undefined ? {} : { authorizationDetails: may.details(authorizationDetails) }),
  }
}

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
