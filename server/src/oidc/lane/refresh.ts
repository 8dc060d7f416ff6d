import type { RefreshFamilies } from '../../store/refresh-families.ts'
import type { User } from '../../store/user.ts'
import type { UserSources } from '../../users/user-sources.ts'
import { signInProofOf } from '../acr.ts'
import { isFapiClient } from '../artefacts/fapi.ts'
import { recordGranted } from '../artefacts/granted-tokens.ts'
import type { GrantEvents } from '../artefacts/granted-tokens.ts'
import { idleLifetime } from '../artefacts/refresh-families.ts'
import { accessTokenLifetime } from '../artefacts/resources.ts'
import type { Sealer } from '../artefacts/sealed.ts'
import { standingGrant } from '../artefacts/standing-grant.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { loadAccountOfArtefact } from '../load-account.ts'
import { createIds } from '../keys/random-ids.ts'
import type { RequestContext } from '../request-context.ts'
import type { PlainForm } from './plain-request.ts'

export interface RefreshNeeds {
  readonly clients: ClientInstances
  readonly users: UserSources
  readonly sealer: Sealer
  readonly store: { readonly refreshFamilies: Pick<RefreshFamilies, 'rotateNewest'> }
  readonly renew: RenewTokens
  readonly events: GrantEvents
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Makes the refresh token after the one that was used, by the family of the request, and the ID token that comes with it. */
export type RenewTokens = (
  context: RequestContext,
  about: {
    readonly client: OidcClient
    readonly used: UsedToken
    readonly user: User
    /** What the client may know of the person. */
    readonly scope: string
  },
) => Promise<{ readonly refresh: string; readonly id: string }>

/** The payload of a refresh token that is bound to nothing. */
export interface UsedToken {
  readonly iat: number
  readonly exp: number
  readonly seq: number
  readonly clientId: string
  readonly accountId: string
  readonly grantId: string
  readonly gty: string
  readonly scope: string
  readonly resource?: string | readonly string[]
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly authTime?: number
  readonly nonce?: string
  readonly sessionUid?: string
  readonly sid?: string
  readonly iiat?: number
  readonly rotations?: number
  readonly expiresWithSession?: boolean
}

const grantType = 'refresh_token'

/** What the lane answers to a client that shows the newest token of a living family, and asks for nothing else.
 *  @returns the function makes the answer; undefined for a request that is the library's: then the family is as it was. When it throws, the
 *  context says whether it may be another one */
export function createRefreshes(
  needs: RefreshNeeds,
): (context: RequestContext, form: PlainForm, client: OidcClient) => Promise<object | undefined> {
  const { clients, users, sealer, store, now } = needs
  const nextId = createIds({ bytes: 32, encoding: 'base64url' })
  return async (context, form, client) => {
    const used = isPlain(form, client) ? usedToken(form, client, needs) : undefined
    if (used === undefined) return undefined
    context.artefact = { ...used }
    const loaded = await loadAccountOfArtefact(context, users)
    const grant = await standingGrant(loaded, clients)
    if (loaded === undefined || grant?.row.clientId !== client.clientId) return undefined
    const scope = bothOf(grant.payload.openid?.scope, used.scope)
    if (!scope.includes('openid')) return undefined
    const { grantId, seq } = used
    const idleTtlMs = idleLifetime(client.config) * 1000
    context.mayHaveRotated = true
    const family = await store.refreshFamilies.rotateNewest({ grantId, seq, idleTtlMs })
    context.mayHaveRotated = family !== undefined
    if (family === undefined) return undefined
    context.family = family
    const about = { client, used, user: loaded.user, scope: scope.join(' ') }
    const { refresh, id } = await needs.renew(context, about)
    const expiresIn = accessTokenLifetime(client.config)
    const access = sealer.seal('AccessToken', {
      ...accessToken(about, Math.floor(now() / 1000), expiresIn),
      jti: nextId(),
    })
    recordGranted(context, { grant: grantType, client, userId: loaded.user.id }, needs.events)
    return {
      access_token: access,
      expires_in: expiresIn,
      id_token: id,
      refresh_token: refresh,
      scope: about.scope,
      token_type: 'Bearer',
    }
  }
}

function isPlain(form: PlainForm, { config }: OidcClient): boolean {
  if (!form.has('refresh_token') || ['scope', 'resource', 'token', 'token_type_hint'].some((name) => form.has(name)))
    return false
  return config.grantTypes.includes(grantType) && !config.dpopBoundAccessTokens && !isFapiClient(config)
}

/** What makes a token more than ordinary: it is bound to something, or asks for single claims or details. */
const extraordinary = ['jkt', 'x5t#S256', 'attestationJkt', 'claims', 'rar', 'consumed'] as const

/** @returns undefined for what is not the caller's, has expired or is bound */
function usedToken(form: PlainForm, client: OidcClient, { sealer, now }: RefreshNeeds): UsedToken | undefined {
  const payload = sealer.unseal('RefreshToken', form.get('refresh_token')!)
  if (payload === undefined || extraordinary.some((name) => payload[name] !== undefined)) return undefined
  const seconds = now() / 1000
  if (!isUsedToken(payload) || payload.clientId !== client.clientId || payload.expiresWithSession) return undefined
  return payload.iat <= seconds && payload.exp > Math.floor(seconds) ? payload : undefined
}

const texts = ['clientId', 'accountId', 'grantId', 'gty', 'scope'] as const
const numbers = ['iat', 'exp', 'seq'] as const

/** Whether it has what all refresh tokens of ours have (one without a scope is the library's). */
const isUsedToken = (payload: Record<string, unknown>): payload is Record<string, unknown> & UsedToken =>
  texts.every((name) => typeof payload[name] === 'string') && numbers.every((name) => typeof payload[name] === 'number')

/** In the order of the first. */
function bothOf(granted: string | undefined, used: string): readonly string[] {
  const scopes = used.split(' ')
  return (granted ?? '').split(' ').filter((scope) => scopes.includes(scope))
}

/** For userinfo, as every token without an API: it is opaque. */
function accessToken({ used, scope }: { used: UsedToken; scope: string }, iat: number, expiresIn: number): object {
  const { accountId, clientId, grantId, sessionUid, sid, gty, expiresWithSession } = used
  return {
    iat,
    exp: iat + expiresIn,
    accountId,
    expiresWithSession,
    grantId,
    gty: gty.endsWith(grantType) ? gty : `${gty} ${grantType}`,
    sessionUid,
    sid,
    kind: 'AccessToken',
    clientId,
    scope,
    extra: signInProofOf(used),
  }
}
