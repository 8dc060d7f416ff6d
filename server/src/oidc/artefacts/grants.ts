import type { KoaContextWithOIDC } from 'oidc-provider'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { AuditEvent } from '../../store/audit.ts'
import type { Consent } from '../../store/consents.ts'
import type { Grant as GrantRow, NewFamily } from '../../store/grants.ts'
import type { Finish } from '../../store/sign-ins.ts'
import type { AttemptKeys } from '../../store/attempts.ts'
import { signInClaims } from '@nauthera/rules/claims'
import { scopeOfClaim } from '@nauthera/rules/scopes'
import type { OidcClient } from '../clients/oidc-client.ts'
import { lifetimes } from '../lifetimes.ts'
import type { SessionModel } from '../library/overrides.ts'
import type { RequestContext } from '../request-context.ts'

// A consent is what a person allowed a client for good. A grant is one authorization: built fresh from what is asked and
// allowed each time, never added to, and gone with a logout or a replayed code while the consent stays.

/** What a person can be asked to agree to. */
export interface Asked {
  readonly scopes: readonly string[]
  /** Scopes of APIs, by their identifier. */
  readonly resources: Readonly<Record<string, readonly string[]>>
}

/** What was agreed to in an interaction, as it rides in its result. */
export interface AgreedNow extends Asked {
  readonly remember: boolean
}

/** What a request asks for.
 *  @param request.scopes every scope asked for; @param request.claims names of claims asked for one by one
 *  @param request.apis identifier -> scopes that the API has */
export function askedOf(request: {
  scopes: Iterable<string>
  oidcScopes: Iterable<string>
  claims: Iterable<string>
  apis: Readonly<Record<string, Iterable<string>>>
}): Asked {
  const all = new Set(request.scopes)
  const byClaim = [...request.claims]
    .filter((claim) => !(signInClaims as readonly string[]).includes(claim))
    .flatMap((claim) => scopeOfClaim(claim) ?? [])
  const resources = Object.entries(request.apis).map(
    ([identifier, scopes]) => [identifier, [...scopes].filter((scope) => all.has(scope))] as const,
  )
  return {
    scopes: [...new Set([...request.oidcScopes, ...byClaim])],
    resources: Object.fromEntries(resources.filter(([, scopes]) => scopes.length > 0)),
  }
}

/** @param consent what the person allowed for good; @param now what they agreed to in this interaction
 *  @returns what of the request is allowed */
export function allowedOf(
  asked: Asked,
  config: Pick<ClientConfig, 'consent'>,
  consent: Consent | undefined,
  now: AgreedNow | undefined,
): Asked {
  if (config.consent === ConsentMode.SKIP) return asked
  const remembered = config.consent === ConsentMode.EXPLICIT ? undefined : consent
  const rememberedResources = (remembered?.payload['resources'] ?? {}) as Asked['resources']
  const scopes = new Set(['openid', ...(remembered?.scopes ?? []), ...(now?.scopes ?? [])])
  const resources = Object.entries(asked.resources).map(([identifier, wanted]) => {
    const allowed = new Set([...(rememberedResources[identifier] ?? []), ...(now?.resources[identifier] ?? [])])
    return [identifier, wanted.filter((scope) => allowed.has(scope))] as const
  })
  return {
    scopes: asked.scopes.filter((scope) => scopes.has(scope)),
    resources: Object.fromEntries(resources.filter(([, allowed]) => allowed.length > 0)),
  }
}

/** @returns what of the request is not allowed yet */
export function missingOf(asked: Asked, allowed: Asked): Asked {
  const resources = Object.entries(asked.resources).map(
    ([identifier, scopes]) =>
      [identifier, scopes.filter((scope) => !allowed.resources[identifier]?.includes(scope))] as const,
  )
  return {
    scopes: asked.scopes.filter((scope) => !allowed.scopes.includes(scope)),
    resources: Object.fromEntries(resources.filter(([, scopes]) => scopes.length > 0)),
  }
}

export const isNothing = (asked: Asked): boolean =>
  asked.scopes.length === 0 && Object.keys(asked.resources).length === 0

/** Whether a person must be asked: `Explicit` asks each time. */
export function needsConsent(
  config: Pick<ClientConfig, 'consent'>,
  missing: Asked,
  now: AgreedNow | undefined,
): boolean {
  return !isNothing(missing) || (config.consent === ConsentMode.EXPLICIT && now === undefined)
}

/** The grant as the library's model takes it. */
export function grantPayload(allowed: Asked, claims: Iterable<string>) {
  const granted = new Set(allowed.scopes)
  const single = [...claims].filter((claim) => {
    const scope = scopeOfClaim(claim)
    return scope === undefined || granted.has(scope)
  })
  const resources = Object.entries(allowed.resources).map(([identifier, scopes]) => [identifier, scopes.join(' ')])
  return {
    openid: { scope: allowed.scopes.join(' '), ...(single.length === 0 ? {} : { claims: single }) },
    ...(resources.length === 0 ? {} : { resources: Object.fromEntries(resources) as Record<string, string> }),
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

/** Whether an authorization gets a refresh token. `offline_access` outlives the session; without it a client of a
 *  browser session is refreshed while the session lives. */
export function mayRefresh(config: Pick<ClientConfig, 'grantTypes' | 'type'>, scopes: ReadonlySet<string>): boolean {
  if (!config.grantTypes.includes('refresh_token')) return false
  return scopes.has('offline_access') || config.type === 'Web' || config.type === 'SPA'
}

/** @returns the refresh family that begins with a code; undefined when there is none */
export function refreshFamilyOf(client: OidcClient, scopes: ReadonlySet<string>): NewFamily | undefined {
  if (!mayRefresh(client.config, scopes)) return undefined
  const idle = Number(client.config.refreshTokenTtl) || lifetimes.refreshIdle
  return { payload: {}, idleTtlMs: idle * 1000, absoluteTtlMs: Math.max(idle, lifetimes.refreshAbsolute) * 1000 }
}

/** All that is written down with a code. */
export function codeFinish(
  context: KoaContextWithOIDC,
  needs: { client: OidcClient; request: RequestContext; now: number; sid: string; grantId: string },
): Finish {
  const { client, request, now, sid, grantId } = needs
  const { oidc } = context
  const session = oidc.session as unknown as SessionModel
  const userId = session.accountId!
  const result = oidc.result as { login?: { attempt?: AttemptKeys }; consent?: AgreedNow } | undefined
  const interaction = oidc.entities.Interaction as { jti: string; exp: number } | undefined
  const scopes = new Set(oidc.grant!.getOIDCScope().split(' '))
  const offline = scopes.has('offline_access')
  const whole = { userId, clientUid: client.uid, clientId: client.clientId }
  const { openid, resources } = oidc.grant as unknown as { openid?: object; resources?: object }
  const about = {
    ...whole,
    outcome: 'success' as const,
    address: request.peer.address,
    agent: request.peer.userAgent,
    correlationId: request.correlationId,
  }
  const audit: AuditEvent[] = []
  if (result?.login) audit.push({ ...about, event: 'signin.success' })
  if (result?.consent)
    audit.push({ ...about, event: 'consent.granted', detail: { scopes: result.consent.scopes.join(' ') } })
  const until = new Date((session.until ?? 0) * 1000)
  return {
    person: { userId, standing: request.loaded?.account?.standing ?? '' },
    mark: interaction && { id: interaction.jti, expiresAt: new Date(interaction.exp * 1000 + 60_000) },
    device: {
      ...whole,
      sessionUid: session.uid,
      version: session.version ?? 1,
      authTime: new Date(session.loginTs! * 1000),
      expiresAt: until,
      agent: request.peer.userAgent,
      ip: request.peer.address,
      sid,
    },
    consent: result?.consent?.remember ? consentOf(whole, result.consent, request.loaded?.account?.consent) : undefined,
    grant: {
      ...whole,
      id: grantId,
      sessionUid: session.uid,
      offline,
      payload: { ...(openid ? { openid } : {}), ...(resources ? { resources } : {}) },
      expiresAt: offline ? new Date(now + lifetimes.refreshAbsolute * 1000) : until,
    },
    clearAttempts: result?.login?.attempt,
    audit,
  }
}

function consentOf(
  whole: { userId: string; clientUid: string; clientId: string },
  agreed: AgreedNow,
  before: Consent | undefined,
): Omit<Consent, 'grantedAt'> {
  const earlier = (before?.payload['resources'] ?? {}) as Asked['resources']
  const identifiers = new Set([...Object.keys(earlier), ...Object.keys(agreed.resources)])
  const resources = [...identifiers].map((identifier) => [
    identifier,
    [...new Set([...(earlier[identifier] ?? []), ...(agreed.resources[identifier] ?? [])])],
  ])
  return {
    ...whole,
    scopes: [...new Set([...(before?.scopes ?? []), ...agreed.scopes])],
    payload: { resources: Object.fromEntries(resources) as Record<string, string[]> },
  }
}
